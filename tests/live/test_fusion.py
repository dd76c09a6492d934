"""Samples that are argued find the incumbent's prompt in vLLM's prefix cache: its own counters prove it."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.agent.projects import PYTEST, git, make_repository
from tests.live.prefix_cache import prefix_cache
from tests.live.test_session import AGENT, base_url

__all__ = ["base_url"]  # the fixture

KEPT = 0.95
"""Least share of the samples' prompt that the server must find in its cache."""
TEST = """\
from words import split


def test_words():
    assert split("a 'b c'") == ["a", "b c"]
"""


@pytest.fixture
def repo(tmp_path) -> Path:
    """Return a repository with a module of about 3,000 tokens, whose test passes."""
    path = make_repository(tmp_path / "repo", {"test_words.py": TEST})
    shutil.copy(shlex.__file__, path / "words.py")
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "Add words")
    return path


def test_samples_share_the_incumbents_prompt(repo, base_url):
    task = "In words.py, give the function quote the docstring 'Quote a word for a shell.'"
    flags = ["--test", PYTEST, "--fusion", "always", "--mode", "debate", "--no-lint", "--dry-run"]
    command = [AGENT, "run", task, "--repo", repo, *flags, "--output", "json"]
    before = prefix_cache(base_url)
    done = subprocess.run(
        command, env=os.environ | {"MOOT_MAX_REPAIRS": "0"}, capture_output=True, text=True, check=False
    )
    after = prefix_cache(base_url)
    assert done.returncode in (0, 1), done.stderr
    shown = subprocess.run(
        [AGENT, "show", "--repo", repo, "--debate", "--output", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    [argued] = json.loads(shown.stdout)
    [samples] = [call["usage"] for call in argued["calls"] if call["purpose"] == "sample"]
    print(
        f"a prompt of {samples['prompt']} tokens was sampled from with {samples['cached']} of them cached; "
        f"the server found {after.hits - before.hits} of {after.queries - before.queries} in its cache in all"
    )
    assert after.hits - before.hits >= KEPT * samples["prompt"] - after.block
