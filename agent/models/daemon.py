"""A server process that outlives us: starting it, its state on disk, and stopping all of it."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from moot.agent.core.errors import ServingError
from moot.agent.models.process import clean_environment

__all__ = ["Server", "boot", "clear", "last_words", "load", "save", "spawn", "stop", "sweep"]

_STATE = "server.json"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was started here.

    Attributes:
        pid: its process, which leads a session and process group of its own.
        started: when the process started, in seconds since the machine did: process numbers are used again,
            and the clock of the day is set back and forth.
        boot: which start of the machine that was.
        base_url: what to give a client, with `/v1`.
        ready: whether it has answered.
    """

    pid: int
    started: float
    port: int
    profile: str
    model: str
    base_url: str
    log: str
    boot: str = ""
    ready: bool = False

    def alive(self) -> bool:
        """Return whether this very process still runs."""
        try:
            running = psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
            return running and self.boot == boot() and _same(_started(self.pid), self.started)
        except psutil.Error:
            return False

    def members(self) -> list[psutil.Process]:
        """Return every living process of the server's session, also when its leader has gone."""
        return [process for process in psutil.process_iter() if self._leads(process)]

    def memory(self) -> int:
        """Return the bytes of memory that its processes hold, pages that they share counted for each."""
        total = 0
        for process in self.members():
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
        return total

    def _leads(self, process: psutil.Process) -> bool:
        try:
            in_session = os.getsid(process.pid) == self.pid and self.boot == boot()
            return in_session and _started(process.pid) >= self.started - 1 and self._number_is_ours()
        except (psutil.Error, OSError):
            return False

    def _number_is_ours(self) -> bool:
        # The system does not give a process number to another while a session of that number lives.
        try:
            return _same(_started(self.pid), self.started)
        except psutil.NoSuchProcess:
            return True


def boot() -> str:
    """Return what tells this start of the machine from others; nothing where there is no /proc."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _started(pid: int) -> float:
    """Return when a process started, in seconds since the machine did (proc(5), field 22 of `stat`).

    psutil adds the time of day at which the machine started, which moves when the clock is set.
    """
    try:
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (FileNotFoundError, ProcessLookupError):
        return psutil.Process(pid).create_time()


def _same(one: float, other: float) -> bool:
    return abs(one - other) < 0.02


def spawn(argv: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> tuple[int, float]:
    """Start a program in a session of its own, its output in `log`; return its number and start time.

    Args:
        argv: the program and its arguments.
        environment: variables beside our own.
        folder: where it runs: never a folder of the user's.
        log: new file for both output streams.

    Raises:
        ServingError: it could not be started.
    """
    # posix_spawn knows no working folder, hence the shell; `exec` keeps the process number.
    command = ["/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(folder), *argv]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        pid = os.posix_spawn(
            command[0], command, {**clean_environment(), **environment}, file_actions=files, setsid=True
        )
        return pid, _started(pid)
    except (OSError, psutil.Error) as exc:
        raise ServingError(f"the server could not be started: {exc}") from exc


def save(server: Server, data_dir: Path) -> None:
    """Write the state in one step, readable by its owner alone."""
    data_dir.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{_STATE}-", dir=data_dir)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(server), file, indent=1)
    Path(name).replace(data_dir / _STATE)


def load(data_dir: Path) -> Server | None:
    """Return the server whose state is on disk if its process lives."""
    server = _read(data_dir)
    return server if server is not None and server.alive() else None


def sweep(data_dir: Path) -> None:
    """End what a server that died has left behind, and forget it."""
    server = _read(data_dir)
    if server is not None and not server.alive():
        stop(server, grace=2.0)
        clear(data_dir)


def _read(data_dir: Path) -> Server | None:
    try:
        return Server(**json.loads((data_dir / _STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def clear(data_dir: Path) -> None:
    """Forget the state."""
    (data_dir / _STATE).unlink(missing_ok=True)


def stop(server: Server, grace: float) -> None:
    """End every process of the server: the leader is asked, and after `grace` seconds the rest is killed."""
    members = server.members()
    # vLLM's front end ends its engine in order; an engine that is told at the same time makes it wait.
    leaders = [process for process in members if process.pid == server.pid]
    _each(leaders or members, psutil.Process.terminate)
    _, alive = psutil.wait_procs(members, timeout=grace)
    # The engine may have started more in the meantime.
    left = {*alive, *server.members()}
    _each(left, psutil.Process.kill)
    psutil.wait_procs(list(left), timeout=5)


def _each(processes: Iterable[psutil.Process], act: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            act(process)
        except psutil.Error:
            continue


def last_words(server: Server) -> str:
    """Return the line of the log that best says why a server stopped."""
    lines = _tail(Path(server.log))
    telling = [line for line in lines if "Error" in line or "error:" in line or "Killed" in line]
    # vLLM's last error only says that an engine failed; the first one says why.
    causes = [line for line in telling if "Engine core initialization failed" not in line]
    chosen = (causes or telling or lines or ["it wrote nothing"])[-1]
    return chosen.strip()[:300]


def _tail(log: Path) -> list[str]:
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines()[-200:] if line.strip()]
