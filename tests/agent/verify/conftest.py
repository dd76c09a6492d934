"""Folders of a repository and of the workspace that stands in for it."""

import sys
from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's tree; a shell would read some characters of its path."""
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    root = tmp_path / "a user's" / "$project"
    root.mkdir(parents=True)
    return root


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return the workspace."""
    work = tmp_path / "work"
    (work / "tests").mkdir(parents=True)
    return work
