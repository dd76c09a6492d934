"""Watches what a command uses, and says which limit it passes; whoever started it then kills it."""

import asyncio
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from moot.agent.core.commands import Killed
from moot.sandbox.cgroup import Cgroup
from moot.sandbox.limits import Limits

__all__ = ["Scope", "Watchdog"]

_FIRST, _INTERVAL = 0.03, 0.1
_SHORT = 0.25
"""Seconds of a command that is worth no cgroup: processes are moved into one in tens of milliseconds."""

_SHARE = 20
"""A look may take a twentieth of the time between two looks."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 2**20
_INODE = 4_096
"""Bytes that a file counts beside its blocks, so that endless empty files are seen too."""

_SAID = {
    "memory": "more than {memory} MiB of memory (MOOT_SANDBOX_MEMORY)",
    "processes": "more than {processes} processes and threads (MOOT_SANDBOX_PROCESSES)",
    "disk": "more than {disk} MiB on disk (MOOT_SANDBOX_DISK)",
}


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder on disk where the command can write, and how much space was free when it began."""

    folder: Path
    free: int

    @classmethod
    def now(cls, folder: Path) -> "_Place":
        """Look at a folder."""
        return cls(folder, _free(folder))


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known about the way a command runs.

    Attributes:
        cgroup: the first process of the tree is ours and stays out of the command's cgroup.
        in_memory: the command's own file systems in memory, by their path inside.
    """

    cgroup: bool = False
    in_memory: Sequence[str] = ()


_PLAIN = Scope()


class Watchdog:
    """Bounds memory, processes and disk of a whole command.

    Looks at the tree of processes, and moves that of a longer command into a cgroup where one can be made.
    """

    def __init__(self, limits: Limits, folders: Sequence[Path], scope: Scope = _PLAIN) -> None:
        """Begin to watch.

        Args:
            limits: what the command may use.
            folders: where it can write on disk.
            scope: what else is known about the way it runs.
        """
        self._limits = limits
        self._places = [_Place.now(folder) for folder in folders]
        self._since = time.time()
        self._scope = scope
        self._cgroup: Cgroup | None = None
        self._lock = threading.Lock()
        self._ended = False

    async def exceeded(self, pid: int) -> Killed:
        """Wait until a limit is passed by a process or by its descendants, and say which."""
        pause = _FIRST
        while True:
            await asyncio.sleep(pause)
            started = time.monotonic()
            kind = await asyncio.to_thread(self._look, pid)
            if kind is not None:
                return kind
            pause = max(_INTERVAL, _SHARE * (time.monotonic() - started))

    async def end(self) -> Killed | None:
        """Stop watching a command that is dead; return the limit for which the kernel killed part of it."""
        self._ended = True
        return await asyncio.to_thread(self._remove) if self._is_long() else None

    def _is_long(self) -> bool:
        return time.time() - self._since > _SHORT

    def _remove(self) -> Killed | None:
        with self._lock:
            if self._cgroup is None:
                return None
            killed = self._cgroup.out_of_memory()
            self._cgroup.remove()
            return "memory" if killed else None

    def explain(self, killed: Killed) -> str:
        """Return the line that the command's reader sees."""
        limits = self._limits
        what = _SAID[killed].format(
            memory=limits.memory // _MIB, processes=limits.processes, disk=limits.disk // _MIB
        )
        return f"\nsandbox: killed for using {what}\n"

    def _look(self, pid: int) -> Killed | None:
        tree = list(_tree(pid))
        if sum(process.threads for process in tree) > self._limits.processes:
            return "processes"
        if self._is_out_of_memory(tree):
            return "memory"
        return "disk" if self._is_out_of_disk(tree) else None

    def _is_out_of_memory(self, tree: "Sequence[_Process]") -> bool:
        if self._scope.cgroup and self._is_long() and self._counted_by_kernel(tree):
            return True
        files = self._in_memory_files(tree)
        if files + sum(process.resident for process in tree) <= self._limits.memory:
            return False
        # What several processes share was counted for each: count it exactly before killing for it.
        return files + sum(_proportional(process) for process in tree) > self._limits.memory

    def _counted_by_kernel(self, tree: "Sequence[_Process]") -> bool:
        with self._lock:
            if self._ended:
                return False
            if self._cgroup is None:
                self._cgroup = Cgroup.create(self._limits)
            if self._cgroup is None:
                return False
            # The first one is ours and has to outlive the others.
            self._cgroup.adopt(process.pid for process in tree[1:])
            return self._cgroup.out_of_memory()

    def _in_memory_files(self, tree: Sequence["_Process"]) -> int:
        if not tree or not self._scope.in_memory:
            return 0
        youngest = tree[-1].pid
        used = 0
        for place in self._scope.in_memory:
            try:
                state = os.statvfs(f"/proc/{youngest}/root{place}")
            except OSError:
                continue
            # Before the root is changed, the path leads to the host's own folder.
            used += (state.f_blocks - state.f_bfree) * state.f_frsize if _is_inside(youngest) else 0
        return used

    def _is_out_of_disk(self, tree: "Sequence[_Process]") -> bool:
        limit = self._limits.disk
        if all(place.free - _free(place.folder) <= limit for place in self._places):
            return False
        # Others write to the same disk: count what is this command's own.
        try:
            written = sum(sum(_written(place.folder, self._since)) for place in self._places)
        except OSError:  # it closed a folder to us, or made one too deep to be named: all may be in there
            return True
        return written + sum(_unlinked(process.pid for process in tree)) > limit


@dataclass(frozen=True, slots=True)
class _Process:
    """What /proc/PID/stat says; `resident` in bytes."""

    pid: int
    parent: int
    threads: int
    resident: int


def _tree(root: int) -> Iterator[_Process]:
    """Yield a process and its descendants, parents first."""
    children: dict[int, list[_Process]] = {}
    first: _Process | None = None
    for process in _processes():
        children.setdefault(process.parent, []).append(process)
        if process.pid == root:
            first = process
    queue = [first] if first is not None else []
    while queue:
        process = queue.pop()
        yield process
        queue.extend(children.get(process.pid, ()))


def _processes() -> Iterator[_Process]:
    # psutil reads the same file, but opens three to tell parent, threads and memory of one process.
    for name in os.listdir("/proc"):  # noqa: PTH208 - as below
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - this runs ten times a second
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        yield _Process(int(name), int(fields[1]), int(fields[17]), int(fields[21]) * _PAGE)


def _proportional(process: _Process) -> int:
    """Return a process's memory with what is shared divided by those who share it, in bytes."""
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return process.resident
    sizes = [int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")]
    return sizes[0] * 1024 if sizes else process.resident


def _is_inside(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/root").stat().st_dev != Path("/").stat().st_dev
    except OSError:
        return False


def _free(folder: Path) -> int:
    """Return the space left on a file system, in bytes; a file that is left counts as space too."""
    try:
        state = os.statvfs(folder)
    except OSError:
        return 0
    return state.f_bfree * state.f_frsize + state.f_ffree * _INODE


def _written(folder: Path, since: float) -> Iterator[int]:
    """Yield the sizes on disk of files that were written since then.

    Raises:
        OSError: something cannot be looked at, though it is there.
    """
    folders = [str(folder)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            with suppress(FileNotFoundError, NotADirectoryError):
                state = entry.stat(follow_symlinks=False)
                if state.st_ctime >= since - 1:
                    yield state.st_blocks * 512 + _INODE
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)


def _unlinked(pids: Iterable[int]) -> Iterator[int]:
    """Yield the sizes on disk of files that have no name any more but are still open."""
    seen: set[tuple[int, int]] = set()
    for pid in pids:
        try:
            handles = list(os.scandir(f"/proc/{pid}/fd"))
        except OSError:
            continue
        for handle in handles:
            try:
                state = os.stat(handle.path)  # noqa: PTH116 - the path of an open descriptor
            except OSError:
                continue
            if state.st_nlink == 0 and (state.st_dev, state.st_ino) not in seen:
                seen.add((state.st_dev, state.st_ino))
                yield state.st_blocks * 512
