"""Small real repositories, made by the real git."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from moot.agent.git.repository import GitRepository

Run = Callable[..., str]


def git(root: Path, *args: str) -> str:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "u",
        "GIT_AUTHOR_EMAIL": "u@example.org",
        "GIT_COMMITTER_NAME": "u",
        "GIT_COMMITTER_EMAIL": "u@example.org",
        "GIT_ALLOW_PROTOCOL": "file",
    }
    done = subprocess.run(["git", *args], cwd=root, env=env, capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A repository with two commits, a subfolder, an executable and a symbolic link."""
    root = shutil.copytree(template, tmp_path / "repo", symlinks=True)
    git(root, "update-index", "-q", "--refresh")
    return root


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "a.py").write_text("A = 1\n")
    (root / "pkg").mkdir()
    (root / "pkg" / "b.py").write_text("B = 1\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("a.py")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    (root / "c.txt").write_text("see\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    return root


@pytest.fixture
def repository(root: Path, tmp_path: Path) -> GitRepository:
    return GitRepository.open(root, tmp_path / "data")
