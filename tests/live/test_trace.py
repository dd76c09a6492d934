"""A stack trace alone, on real vLLM: a test that shows it is written, and the crash is mended."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.projects import git, make_repository
from tests.agent.test_run_trace import PYTHON

AGENT = Path(sys.executable).with_name("agent")


@pytest.fixture(scope="session")
def server() -> None:
    """Bring the embedded model up; it is left running."""
    subprocess.run([AGENT, "model", "up"], check=True)


def test_a_crash_is_shown_by_a_test_and_mended(tmp_path, server):
    repo = make_repository(tmp_path / "repo", PYTHON.files)
    git(repo, "config", "user.name", "A User")
    git(repo, "config", "user.email", "user@example.org")
    task = f"mean() of no values should be 0\n\n{PYTHON.trace}"
    words = [AGENT, "run", task, "--repo", repo, "--test", PYTHON.command, "--output", "json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    print(done.stderr)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    print(result["diff"])
    assert result["tests"]["reproduction"]["written_to"] == "tests/test_stats.py"
    assert result["tests"]["fixed"] == result["tests"]["reproduction"]["tests"]
    assert set(result["files"]) == {"shop/stats.py", "tests/test_stats.py"}
