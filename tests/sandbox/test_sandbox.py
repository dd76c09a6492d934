"""What every sandbox does: none of this may be skipped."""

import asyncio
import functools
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from moot.agent.core.commands import Command, CommandResult
from moot.agent.core.errors import SandboxUnavailable
from moot.agent.core.ports import Sandbox
from moot.sandbox.bubblewrap import Bubblewrap, find_bwrap
from moot.sandbox.choose import CONFINING, choose
from moot.sandbox.limits import Limits
from moot.sandbox.probe import probe
from moot.sandbox.unconfined import Unconfined


def run(sandbox: Sandbox, *argv: str, workspace: Path, **options: object) -> CommandResult:
    return asyncio.run(sandbox.run(Command(argv, workspace, **{"timeout": 30.0, **options})))


@functools.cache
def chosen(name: str) -> Sandbox:
    return choose(name)


@pytest.fixture(params=["bubblewrap", "landlock", "none"])
def sandbox(request) -> Sandbox:
    return chosen(request.param)


@pytest.fixture(params=["bubblewrap", "landlock"])
def confined(request) -> Sandbox:
    return chosen(request.param)


@pytest.fixture
def bubblewrap() -> Sandbox:
    return chosen("bubblewrap")


@pytest.fixture
def work() -> Iterator[Path]:
    """Where another user may pass: pytest's own folders are closed to those that root drops to."""
    with tempfile.TemporaryDirectory(prefix="moot-test-") as folder:
        Path(folder).chmod(0o711)
        work = Path(folder, "work")
        work.mkdir()
        yield work


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 3", 3), ("nonesuch", 127), ("kill -9 $$", 137)]
)
def test_exit_codes(sandbox, work, script, code):
    assert run(sandbox, "sh", "-c", script, workspace=work).exit_code == code


def test_missing_program_is_named(sandbox, work):
    result = run(sandbox, "nonesuch", "x", workspace=work)
    assert result.exit_code == 127
    assert "nonesuch" in result.stderr


def test_streams_are_apart(sandbox, work):
    result = run(sandbox, "sh", "-c", "echo out; echo err >&2", workspace=work)
    assert (result.stdout, result.stderr, result.timed_out) == ("out\n", "err\n", False)


def test_starts_in_the_workspace_and_writes_there(sandbox, work):
    assert run(sandbox, "sh", "-c", "pwd; echo x > f", workspace=work).stdout.strip() == str(work)
    assert (work / "f").read_text() == "x\n"


def test_arguments_are_not_read_by_a_shell(sandbox, work):
    assert run(sandbox, "echo", "$(id) 'a b' -n", workspace=work).stdout == "$(id) 'a b' -n\n"


def test_environment_is_what_was_given(sandbox, work, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    script = "env; cat /proc/self/environ /proc/$PPID/environ /proc/1/environ 2>/dev/null | tr '\\0' '\\n'"
    result = run(sandbox, "sh", "-c", script, workspace=work, env={"GIVEN": "yes"})
    assert "GIVEN=yes" in result.stdout
    if sandbox.name != "none":
        assert "hunter2" not in result.stdout
    else:
        assert "hunter2" not in run(sandbox, "env", workspace=work).stdout


def test_endless_output_is_capped(sandbox, work):
    script = "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo last"
    result = run(sandbox, "sh", "-c", script, workspace=work, output_limit=10_000)
    assert len(result.stdout) < 11_000
    assert result.stdout.startswith("first\n")
    assert result.stdout.endswith("last\n")
    assert "bytes left out" in result.stdout
    endless = run(sandbox, "yes", workspace=work, timeout=0.7, output_limit=10_000)
    assert endless.timed_out
    assert len(endless.stdout) < 11_000


def test_timeout_kills_what_ignores_signals(sandbox, work):
    started = time.monotonic()
    script = "trap '' TERM INT HUP; while :; do sleep 1; done"
    assert run(sandbox, "sh", "-c", script, workspace=work, timeout=0.5).timed_out
    assert time.monotonic() - started < 4


def ticks(file: Path) -> bool:
    """Tell whether something still writes to a file."""
    before = file.stat().st_size
    time.sleep(0.4)
    return file.stat().st_size != before


TICK = "setsid sh -c 'while :; do echo x >> ticks; sleep 0.05; done' >/dev/null 2>&1 & sleep 0.3; "


@pytest.mark.parametrize("then", ["exit 0", "sleep 60"])
def test_daemons_die_with_the_command(confined, work, then):
    result = run(confined, "sh", "-c", TICK + then, workspace=work, timeout=1.0)
    assert result.timed_out is (then != "exit 0")
    assert (work / "ticks").exists()
    assert not ticks(work / "ticks")


def test_cancelling_kills(sandbox, work):
    async def cancel() -> None:
        command = Command(("sh", "-c", "while :; do echo x >> ticks; sleep 0.05; done"), work)
        task = asyncio.create_task(sandbox.run(command))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert (work / "ticks").exists()
    assert not ticks(work / "ticks")


def test_many_at_once(confined, work):
    async def many() -> list[CommandResult]:
        command = Command(("sh", "-c", "echo ok"), work, timeout=60)
        return await asyncio.gather(*(confined.run(command) for _ in range(8)))

    assert {result.stdout for result in asyncio.run(many())} == {"ok\n"}


# --- what is confined -----------------------------------------------------------------------


def denied(sandbox: Sandbox, script: str, work: Path, **options: object) -> CommandResult:
    result = run(sandbox, "sh", "-c", script, workspace=work, **options)
    assert result.exit_code != 0, result.stdout
    return result


def test_nothing_else_can_be_written(confined, work, tmp_path):
    target = tmp_path / "outside"
    target.write_text("mine")
    for place in ("/usr/x", "/etc/x", "/x", "/bin/x", "/proc/sys/kernel/core_pattern"):
        denied(confined, f": >> {place}", work)
    run(
        confined,
        "sh",
        "-c",
        f"echo gone > {target}; ln -s {target} link; echo gone > link; rm -rf {tmp_path}",
        workspace=work,
    )
    assert target.read_text() == "mine"


PROBE = """
import socket, sys
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
with socket.socket(socket.AF_INET, kind) as s:
    s.settimeout(3)
    s.connect((sys.argv[2], int(sys.argv[3])))
    s.send(b"out")
"""


def test_limits_are_set(confined, work):
    names = "RLIMIT_CORE RLIMIT_NOFILE RLIMIT_NPROC".replace(" ", ", resource.")
    script = f"import resource; print([resource.getrlimit(n)[1] for n in (resource.{names})])"
    assert run(confined, "python3", "-c", script, workspace=work).stdout.strip() == "[0, 4096, 2576]"


def test_what_else_the_user_runs_leaves_room(work):
    """Without a namespace of its own the kernel counts it, too."""
    script = "import resource; print(resource.getrlimit(resource.RLIMIT_NPROC)[1])"
    assert int(run(chosen("none"), "python3", "-c", script, workspace=work).stdout) > 2576


LIMITS_OF_ANOTHER = """
import resource, subprocess
limit = resource.RLIMIT_NOFILE
child = subprocess.Popen(["sleep", "5"])
try:
    resource.prlimit(child.pid, limit, (9, 9))
except PermissionError:
    print("refused")
child.kill()
resource.prlimit(0, limit, (9, 9))
resource.setrlimit(limit, (8, 8))
print(resource.getrlimit(limit))
"""


def test_limits_of_other_processes_are_not_ours_to_set(work):
    """Under Landlock they may be any process of the user; with namespaces they are the command's own."""
    result = run(chosen("landlock"), "python3", "-c", LIMITS_OF_ANOTHER, workspace=work)
    assert result.stdout.splitlines() == ["refused", "(8, 8)"], result.stderr


DEEP_FILL = """
import os, sys, time
os.chdir(sys.argv[1])
for _ in range(20):
    os.mkdir("d" * 250)
    os.chdir("d" * 250)
for number in range(12):
    with open(str(number), "wb") as file:
        file.write(os.urandom(8 * 2**20))
time.sleep(3)
"""


@pytest.mark.parametrize("name", ["bubblewrap", "landlock"])
def test_files_too_deep_to_be_named_count(work, name):
    """The path of the folder is longer than PATH_MAX."""
    small = CONFINING[name](Limits(disk=32 * 2**20))
    result = run(small, "python3", "-c", DEEP_FILL, ".", workspace=work)
    assert result.killed == "disk"


def test_a_deep_and_closed_scratch_folder_is_forgotten(confined, work):
    """Deeper than Python recurses."""
    script = (
        "import os; top = os.environ['TMPDIR'] + '/d'; os.chdir(os.environ['TMPDIR'])\n"
        "for _ in range(1000): os.mkdir('d'); os.chdir('d')\n"
        "os.chmod('.', 0); os.chmod(top, 0)"
    )
    before = set(Path(tempfile.gettempdir()).glob("moot-sandbox-*"))
    assert run(confined, "python3", "-c", script, workspace=work).exit_code == 0
    assert set(Path(tempfile.gettempdir()).glob("moot-sandbox-*")) <= before


def test_home_and_tmp_are_writable_and_forgotten(confined, work):
    assert run(confined, "sh", "-c", "touch $HOME/x $TMPDIR/x", workspace=work).exit_code == 0
    assert run(confined, "sh", "-c", "ls $HOME/x", workspace=work).exit_code != 0


# --- mounts ---------------------------------------------------------------------------------


def test_mounted_at_the_users_place(bubblewrap, work, tmp_path):
    place = tmp_path / "repo"
    (place / ".venv").mkdir(parents=True)
    (place / ".venv" / "tool").write_text("tool")
    (place / "secret").write_text("not tracked")
    (work / "a").write_text("a")
    script = "pwd; cat a .venv/tool; test ! -e secret; touch b; touch .venv/x"
    result = run(bubblewrap, "sh", "-c", script, workspace=work, mount=place, read_only=(place / ".venv",))
    assert result.stdout == f"{place}\natool"
    assert "Read-only" in result.stderr
    assert (work / "b").exists()
    assert not (place / "b").exists()
    assert not (place / ".venv" / "x").exists()


def test_a_toolchain_above_the_mount(bubblewrap, work, tmp_path):
    place = tmp_path / "tools" / "repo"
    place.mkdir(parents=True)
    (tmp_path / "tools" / "t").write_text("t")
    result = run(
        bubblewrap,
        "sh",
        "-c",
        "cat ../t; touch x",
        workspace=work,
        mount=place,
        read_only=(tmp_path / "tools",),
    )
    assert (result.exit_code, result.stdout) == (0, "t")
    assert (work / "x").exists()


def test_a_planted_link_is_no_mount_point(bubblewrap, work, tmp_path):
    place = tmp_path / "repo"
    (place / ".venv").mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    (work / ".venv").symlink_to(outside / "made")
    result = run(bubblewrap, "true", workspace=work, mount=place, read_only=(place / ".venv",))
    assert result.exit_code == 0
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("place", ["/", "/usr", "/etc", "/tmp"])
def test_places_that_cannot_be_the_workspace(bubblewrap, work, place):
    with pytest.raises(SandboxUnavailable, match="folder of its own"):
        run(bubblewrap, "true", workspace=work, mount=Path(place))


def test_what_holds_credentials_or_sockets_is_never_shown(confined, work, monkeypatch):
    """Whoever asks for it: a link that was planted in a repository may have led there."""
    home = work.parent / "home"
    asked = {".ssh": False, ".config": False, ".config/gh": False, ".cargo": False, ".cargo/bin": True}
    asked |= {".local/share/tool": True, "served": False}
    for name in asked:
        (home / name).mkdir(parents=True, exist_ok=True)
        (home / name / "file").touch()
    (work.parent / "link").symlink_to(home / ".ssh")
    places = (home, work.parent / "link", *(home / name for name in asked))
    monkeypatch.setenv("HOME", str(home))
    script = 'for place in "$@"; do head "$place/file" >/dev/null && echo "$place"; done; true'
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "served" / "s"))
        result = run(confined, "sh", "-c", script, "sh", *map(str, places), workspace=work, read_only=places)
    assert result.stdout.splitlines() == [str(home / name) for name, shown in asked.items() if shown]


def test_a_mount_below_usr(bubblewrap, work):
    """As `/usr/src/app` in a container: the workspace hides what is there, dependencies too."""
    mount = Path("/usr/share")
    kept = next(path for path in sorted(mount.iterdir()) if not path.is_symlink() and any(path.glob("*")))
    (work / ".git").mkdir()
    (work / ".git").chmod(0o777)
    script = f"ls -A {kept}; touch b; touch .git/hook"
    result = run(bubblewrap, "sh", "-c", script, workspace=work, mount=mount, read_only=(kept,))
    assert sorted(result.stdout.splitlines()) == sorted(path.name for path in kept.iterdir())
    assert "Read-only" in result.stderr
    assert [path.name for path in (work / ".git").iterdir()] == []
    assert (work / "b").exists()


# --- choosing -------------------------------------------------------------------------------


def test_bubblewrap_is_here():
    assert find_bwrap() is not None


def test_auto_is_never_none(monkeypatch):
    assert choose("auto").name == "bubblewrap"
    assert isinstance(choose("none"), Unconfined)
    monkeypatch.setattr("moot.sandbox.choose.find_bwrap", lambda: None)
    with pytest.raises(SandboxUnavailable, match="install"):
        choose("bubblewrap")
    assert choose("auto").name == "landlock"
    assert [found.available for found in probe()] == [False, True]
    monkeypatch.setattr("moot.sandbox.landlock.abi_version", lambda: 0)
    with pytest.raises(SandboxUnavailable, match=r"install.*lsm=.*--sandbox none"):
        choose("auto")
    assert not any(found.available for found in probe())


def test_a_sandbox_that_cannot_be_set_up_is_no_failed_command(work, tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(SandboxUnavailable, match="user namespaces"):
        run(Bubblewrap(str(fake)), "true", workspace=work)


def test_a_missing_workspace_is_no_failed_command(confined, tmp_path):
    with pytest.raises(SandboxUnavailable):
        run(confined, "true", workspace=tmp_path / "absent")
