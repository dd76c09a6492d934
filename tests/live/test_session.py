"""A follow-up finds the run before it in vLLM's prefix cache: read off the server's own counters."""

import colorsys
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from moot.agent.core.config import load_settings
from moot.agent.models.serving import running_server
from tests.agent.projects import git, make_repository
from tests.live.prefix_cache import prefix_cache

AGENT = Path(sys.executable).with_name("agent")
KEPT = 0.95
"""Least share of the first prompt that the second must find in the cache."""


@pytest.fixture(scope="module")
def base_url() -> str:
    """Bring the embedded model up; it is left running."""
    subprocess.run([AGENT, "model", "up"], check=True)
    server = running_server(load_settings(Path()).data_dir)
    assert server is not None
    return server.base_url


@pytest.fixture
def repo(tmp_path) -> Path:
    """Return a repository with one module, a prompt of about 2,000 tokens."""
    path = make_repository(tmp_path / "repo", {"README": "Colours.\n"})
    shutil.copy(colorsys.__file__, path / "colours.py")
    commit(path)
    return path


def commit(repo: Path) -> None:
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Go on")


def ask(repo: Path, task: str, *arguments: str) -> list[dict]:
    """Let one greedy answer be written, and return the events; how good the edit is does not matter."""
    command = [AGENT, "run", task, "--repo", repo, "--no-verify", "--dry-run", "--output", "stream-json"]
    environment = os.environ | {"MOOT_MAX_REPAIRS": "0", "MOOT_SAMPLES": "1"}
    done = subprocess.run(
        [*command, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def prompt_tokens(events: list[dict]) -> int:
    (called,) = (event for event in events if event["event"] == "ModelCalled")
    return called["usage"]["prompt"]


def test_a_follow_up_finds_the_first_prompt_in_the_cache(repo, base_url):
    first = prompt_tokens(ask(repo, "Give rgb_to_yiq in colours.py the docstring 'RGB to YIQ.'"))
    with (repo / "colours.py").open("a") as file:
        file.write("\n\ndef invert(r, g, b):\n    return 1.0 - r, 1.0 - g, 1.0 - b\n")
    commit(repo)

    before = prefix_cache(base_url)
    events = ask(repo, "Give invert in colours.py the docstring 'Invert a colour.'", "--follow", "last")
    after = prefix_cache(base_url)

    assert events[-1]["follows"]["restarted"] == ""
    second, found = prompt_tokens(events), after.hits - before.hits
    print(
        f"prompts of {first} and {second} tokens; the second found {found} in the cache, in blocks of "
        f"{after.block}: {found / first:.1%} of the first with its answer, {found / second:.1%} of the second"
    )
    assert after.queries - before.queries >= second
    assert found >= KEPT * first
