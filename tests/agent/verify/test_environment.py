import socket
import time
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


def test_a_link_that_a_manifest_asked_for_opens_no_folder_of_the_home(home, tmp_path):
    """As pnpm's `link:../../.tool`, which no package has to be in."""
    root = home / "code" / "root"
    (root / "node_modules").mkdir(parents=True)
    closed = (".tool", ".aws", ".aws/sso", ".config/gh", ".ssh", ".local", ".cargo", "", "../home/code/../")
    opened = (
        ".local/share/pnpm/dep",
        ".nvm/versions/node/v20",
        ".config/nvm/v20",
        ".cargo/registry",
        "code/dep",
    )
    for number, name in enumerate((*closed, *opened)):
        (home / name).mkdir(parents=True, exist_ok=True)
        (root / "node_modules" / str(number)).symlink_to(f"../../../{name}")
    for number, place in enumerate(("/run", "/etc", "/proc/self", "/dev/shm", "/tmp", "/", "/var/run")):
        (root / "node_modules" / f"machine-{number}").symlink_to(place)
    found = environment(root, "true")
    assert set(found.read_only) == {root / "node_modules", *(home / name for name in opened)}


def test_a_folder_with_a_socket_is_not_shown(home, tmp_path, monkeypatch):
    root, served = tmp_path / "root", tmp_path / "served"
    for folder in (root / "node_modules", served):
        folder.mkdir(parents=True)
    (root / "node_modules" / "link").symlink_to(served)
    assert served in environment(root, "true").read_only
    monkeypatch.chdir(served)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("agent")
        assert served not in environment(root, "true").read_only


@pytest.mark.parametrize("planted", [False, True])
def test_links_of_the_repository_open_nothing(home, tmp_path, planted):
    root = tmp_path / "root"
    packages = root / ".venv" / "lib" / "python3.99" / "site-packages"
    for folder in (packages, root / "node_modules" / "@scope", root / ".venv" / "bin", root / "packages"):
        folder.mkdir(parents=True)
    opened = [tmp_path / "opened" / name for name in ("keys", "line", "finder", "dep", "scoped", "hop")]
    for folder in opened:
        folder.mkdir(parents=True)
    (opened[0] / "id").touch()
    links = {
        ".venv/bin/python": "../../../opened/keys/id",
        "node_modules/dep": opened[3],
        "node_modules/@scope/dep": opened[4],
        "packages/hop": opened[5],
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    (root / "node_modules" / "hop").symlink_to("../packages/hop")  # as npm makes it for a workspace
    (packages / "a.pth").write_text(f"{opened[1]}\n")
    (packages / "__editable__a.py").write_text(f"PATH = '{opened[2]}'\n")
    files = {str((packages / name).relative_to(root)) for name in ("a.pth", "__editable__a.py")}
    found = environment(root, "pytest", frozenset(files | set(links)) if planted else frozenset())
    assert set(found.read_only) == {root / ".venv", root / "node_modules", *(() if planted else opened)}


@pytest.mark.parametrize("name", [".venv", "node_modules"])
def test_folders_of_packages_that_are_links_of_the_repository_are_not_taken(home, tmp_path, name):
    root, other = tmp_path / "root", tmp_path / "other"
    root.mkdir()
    program(other / "bin" / "python")
    (root / name).symlink_to("../other")
    assert root / name in environment(root, "pytest").read_only
    assert environment(root, "pytest", frozenset({name})).read_only == ()


def test_links_of_the_repository_to_its_own_folders_are_still_found(home, tmp_path):
    """Where nothing can be mounted, it is said that they lead to the user's tree."""
    (tmp_path / "packages" / "dep").mkdir(parents=True)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "dep").symlink_to("../packages/dep")
    found = environment(tmp_path, "true", frozenset({"node_modules/dep"}))
    assert found.links == (tmp_path / "packages" / "dep",)


def test_a_repository_below_usr_has_its_dependencies(home, tmp_path, monkeypatch):
    monkeypatch.setattr("moot.agent.verify.environment._SYSTEM", (str(tmp_path / "usr"),))
    monkeypatch.setenv("PATH", str(home / ".local" / "bin"))
    root = tmp_path / "usr" / "src" / "app"
    (root / "node_modules").mkdir(parents=True)
    program(root / ".venv" / "bin" / "python")
    found = environment(root, "python3 -m pytest")
    assert set(found.read_only) == {root / ".venv", root / "node_modules"}


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


@pytest.mark.parametrize(
    ("file", "command", "flags"),
    [
        ("backend/go.work", "cd backend && go test ./...", ""),
        ("backend/go.work", "cd backend/api && go test ./...", ""),
        ("backend/go.work", "cd backend && cd api && go test ./...", ""),
        ("backend/go.work", "go test -C 'backend' ./...", ""),
        ("my backend/vendor/modules.txt", "cd 'my backend' && go test ./...", ""),
        ("go.work", "cd backend && go test ./...", ""),
        ("backend/go.work", "go test ./...", "-mod=mod"),
        ("backend/go.work", "cd frontend && go test ./...", "-mod=mod"),
        ("backend/go.work", f"cd {'x' * 300} && go test ./...", "-mod=mod"),
    ],
)
def test_go_may_not_change_modules_where_a_workspace_or_vendored_ones_decide(
    home, tmp_path, monkeypatch, file, command, flags
):
    monkeypatch.setenv("PATH", str(program(tmp_path / "bin" / "go").parent))
    root = tmp_path / "root"
    (root / file).parent.mkdir(parents=True)
    (root / file).write_text("")
    assert environment(root, command).variables.get("GOFLAGS", "") == flags


@pytest.mark.parametrize("row", ["cd a && " * 600, f"cd {'a/' * 20_000}b"])
def test_a_row_of_folders_without_end_takes_no_time(home, tmp_path, monkeypatch, row):
    monkeypatch.setenv("PATH", str(program(tmp_path / "bin" / "go").parent))
    began = time.perf_counter()
    environment(tmp_path, f"{row} go test")
    assert time.perf_counter() - began < 2


def test_a_toolchain_of_the_system_has_its_downloads_in_the_home(home, tmp_path, monkeypatch):
    tool = program(tmp_path / "usr" / "bin" / "go")
    (home / "go" / "pkg" / "mod").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tool.parent))
    monkeypatch.setattr("moot.agent.verify.environment._SYSTEM", (str(tmp_path / "usr"),))
    found = environment(tmp_path / "root", "go test ./...")
    assert found.read_only == (home / "go" / "pkg" / "mod",)
    assert found.variables["GOPROXY"] == "off"
