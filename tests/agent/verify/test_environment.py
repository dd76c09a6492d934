from pathlib import Path

import pytest

from moot.agent.verify.environment import environment


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    home = tmp_path / "home"
    (home / ".local" / "bin").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{home / '.local' / 'bin'}:/usr/bin:/bin")
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "CARGO_HOME", "RUSTUP_HOME"):
        monkeypatch.delenv(name, raising=False)
    return home


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_virtual_environment_and_its_interpreter(home, tmp_path):
    base = program(home / "pythons" / "3.99" / "bin" / "python3.99")
    root = tmp_path / "root"
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(base)
    found = environment(root, "python3 -m pytest")
    assert found.path[0] == str(root / ".venv" / "bin")
    assert set(found.read_only) == {root / ".venv", home / "pythons" / "3.99"}


def test_links_and_paths_that_lead_nowhere_are_passed_over(home, tmp_path):
    root, shown = tmp_path / "root", tmp_path / "shown"
    nowhere = f"/{'x' * 300}"  # no name of a file, which is an error as a closed folder is, for root as well
    packages = root / ".venv" / "lib" / "python3.99" / "site-packages"
    for folder in (shown, packages, root / "node_modules"):
        folder.mkdir(parents=True)
    program(root / ".venv" / "bin" / "python")
    (packages / "old.pth").symlink_to("gone")
    (packages / "new.pth").write_text(f"{nowhere}\n{shown}\n")
    (packages / "__editable__x.py").write_text(f"PATH = {nowhere!r}\n")
    (root / "node_modules" / "@file").write_text("")
    (root / "node_modules" / "link").symlink_to(nowhere)
    found = environment(root, "python3 -m pytest")
    assert set(found.read_only) == {root / ".venv", shown, root / "node_modules"}


def test_a_program_shows_itself_and_not_the_home(home, tmp_path):
    real = program(home / "node-20" / "bin" / "node")
    (home / ".local" / "bin" / "node").symlink_to(real)
    found = environment(tmp_path, "node run.js")
    assert str(home / ".local" / "bin") in found.path
    assert set(found.read_only) == {home / ".local" / "bin", home / "node-20"}


def test_crates_are_shown_and_credentials_are_not(home, tmp_path, monkeypatch):
    program(home / ".cargo" / "bin" / "cargo")
    (home / ".cargo" / "registry").mkdir()
    (home / ".cargo" / "credentials.toml").write_text("token")
    monkeypatch.setenv("PATH", f"{home / '.cargo' / 'bin'}:/usr/bin")
    found = environment(tmp_path, "cargo test")
    assert set(found.read_only) == {home / ".cargo" / "bin", home / ".cargo" / "registry"}
    assert found.variables["CARGO_HOME"] == str(home / ".cargo")


@pytest.mark.parametrize("link", [False, True])
def test_another_home_of_cargo_is_not_shown_for_a_program_in_it(home, tmp_path, monkeypatch, link):
    cargo = tmp_path / "tools" / "cargo"
    program(cargo / "bin" / "cargo")
    (cargo / "credentials.toml").write_text("token")
    if link:
        (tmp_path / "link").symlink_to(cargo)
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "link" if link else cargo))
    monkeypatch.setenv("PATH", f"{cargo / 'bin'}:/usr/bin")
    shown = environment(tmp_path / "root", "cargo test").read_only
    assert cargo / "bin" in shown
    assert not any((cargo / "credentials.toml").resolve().is_relative_to(each.resolve()) for each in shown)


def test_system_programs_need_nothing(home, tmp_path):
    assert environment(tmp_path, "/bin/true && env").read_only == ()


def test_a_toolchain_of_the_system_has_its_downloads_in_the_home(home, tmp_path, monkeypatch):
    tool = program(tmp_path / "usr" / "bin" / "go")
    (home / "go" / "pkg" / "mod").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tool.parent))
    monkeypatch.setattr("moot.agent.verify.environment._SYSTEM", (str(tmp_path / "usr"),))
    found = environment(tmp_path, "go test ./...")
    assert found.read_only == (home / "go" / "pkg" / "mod",)
    assert found.variables["GOPROXY"] == "off"
