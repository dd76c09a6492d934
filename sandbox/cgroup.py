"""A control group for one command: memory and processes counted by the kernel, where we may make one."""

import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from moot.sandbox.limits import Limits, hard_processes

__all__ = ["Cgroup"]

_NAME = re.compile(r"moot-(\d+)-[0-9a-f]+")
_MOVES = 4
"""Processes moved in one look: the first ones; a command with more of them had been seen before."""

_GONE = 2.0
"""Seconds that the kernel gets to empty a group whose processes are dead."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """Folders of one group: one in version 2, one for each controller in version 1."""

    memory: Path
    pids: Path

    @classmethod
    def create(cls, limits: Limits, root: Path = Path("/sys/fs/cgroup")) -> "Cgroup | None":
        """Make a group below our own, so that limits around us still hold; None where that is not allowed."""
        parents = _parents(root)
        if parents is None:
            return None
        name = f"moot-{os.getpid()}-{secrets.token_hex(4)}"
        group = cls(parents[0] / name, parents[1] / name)
        try:
            for parent in set(parents):
                _reap(parent)
                (parent / name).mkdir()
            group._limit(limits)
        except OSError:
            group.remove()
            return None
        return group

    def adopt(self, pids: Iterable[int]) -> None:
        """Move processes in; their later children are born here. Each move may wait 10 ms for the kernel."""
        wanted = list(pids)
        for folder in {self.memory, self.pids}:
            members = set(_read(folder / "cgroup.procs").split())
            for pid in [pid for pid in wanted if str(pid) not in members][:_MOVES]:
                with suppress(OSError):  # it has ended
                    (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def out_of_memory(self) -> bool:
        """Tell whether the kernel killed one of its processes for the limit on memory."""
        text = _read(self.memory / "memory.events") or _read(self.memory / "memory.oom_control")
        return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in text.splitlines())

    def remove(self) -> None:
        """Remove it, once its processes are dead."""
        deadline = time.monotonic() + _GONE
        for folder in {self.memory, self.pids}:
            while not _removed(folder) and time.monotonic() < deadline:
                time.sleep(0.002)

    def _limit(self, limits: Limits) -> None:
        modern = (self.memory / "memory.max").exists()
        (self.memory / ("memory.max" if modern else "memory.limit_in_bytes")).write_text(str(limits.memory))
        if modern:
            (self.memory / "memory.oom.group").write_text("1")
            with suppress(FileNotFoundError):
                (self.memory / "memory.swap.max").write_text("0")
        (self.pids / "pids.max").write_text(str(hard_processes(limits)))


def _parents(root: Path) -> tuple[Path, Path] | None:
    """Return our own groups of the memory and the pids controllers."""
    ours = {controller: path for controllers, path in _own() for controller in controllers.split(",")}
    folders: list[Path] = []
    for controller in ("memory", "pids"):
        if controller in ours:
            folder = root / controller / ours[controller].lstrip("/")
        else:
            folder = root / ours.get("", "/").lstrip("/")
            if controller not in _read(folder / "cgroup.subtree_control").split():
                return None
        if not os.access(folder, os.W_OK):
            return None
        folders.append(folder)
    return folders[0], folders[1]


def _own() -> Iterator[tuple[str, str]]:
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        yield controllers, path


def _reap(parent: Path) -> None:
    """Remove groups whose supervisor was killed; one that still has processes cannot be removed."""
    for folder in parent.glob("moot-*"):
        name = _NAME.fullmatch(folder.name)
        if name is not None and not Path(f"/proc/{name[1]}").exists():
            _removed(folder)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
