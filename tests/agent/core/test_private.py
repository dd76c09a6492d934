"""Which folders are shown to code under test, wherever a link leads to them."""

import os
from pathlib import Path

import pytest

from moot.agent.core.private import public


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("CARGO_HOME", raising=False)
    return home


def folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def test_what_is_in_or_above_a_folder_with_credentials_is_left_out(home: Path, tmp_path: Path) -> None:
    shown = [
        folder(home / name) for name in (".local/bin", ".cargo/bin", ".nvm/v20", ".config/nvm", "work/a")
    ]
    kept = [
        folder(home / name) for name in (".ssh/keys", ".config/gh", ".local/share/keyrings", ".docker/run")
    ]
    above = [home / ".ssh", home / ".local", home / ".cargo", home / ".config", home, tmp_path]
    machine = map(Path, ("/", "/etc/ssl", "/proc/self", "/run", "/dev/shm", "/tmp", "/var/tmp", "/var"))
    assert public([*shown, *kept, *above, *machine], home / "work" / "tree") == shown


def test_a_link_counts_as_what_it_leads_to(home: Path, tmp_path: Path) -> None:
    (tmp_path / "to-ssh").symlink_to(folder(home / ".ssh"))
    (home / ".aws").symlink_to(folder(tmp_path / "elsewhere"))
    (tmp_path / "to-tools").symlink_to(folder(tmp_path / "tools"))
    places = [tmp_path / "to-ssh", home / ".aws", tmp_path / "elsewhere", tmp_path / "to-tools"]
    assert public(places, tmp_path / "tree") == [tmp_path / "to-tools"]


def test_a_project_in_such_a_folder_has_what_is_its_own(home: Path) -> None:
    tree, other = folder(home / ".docker" / "tree" / ".venv").parent, folder(home / ".docker" / "other")
    assert public([tree / ".venv", other], tree) == [tree / ".venv"]


def test_a_project_that_is_the_home_shows_no_credentials(home: Path) -> None:
    places = [folder(home / name) for name in (".venv", ".ssh", ".cargo")]
    assert public(places, home) == [home / ".venv"]


def test_disks_of_the_user_are_no_services(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moot.agent.core.private._OF_THE_MACHINE", (str(tmp_path / "run"),))
    monkeypatch.setattr("moot.agent.core.private._DISKS", tmp_path / "run" / "media")
    places = [folder(tmp_path / "run" / name) for name in ("user", "media/disk/venv")]
    assert public(places, tmp_path / "tree") == places[1:]
    monkeypatch.setenv("HOME", str(places[1]))
    assert public([folder(places[1] / name) for name in (".ssh/keys", "src")], home) == [places[1] / "src"]


def test_a_folder_with_a_pipe_or_a_socket_is_left_out(home: Path, tmp_path: Path) -> None:
    served, files = folder(tmp_path / "served"), folder(tmp_path / "files")
    os.mkfifo(served / "pipe")
    (files / "file").touch()
    (files / "link").symlink_to("/run")
    places = [served, served / "pipe", files, files / "file"]
    assert public(places, tmp_path / "tree") == [files, files / "file"]
    assert public(places, tmp_path) == places
