"""Every escape that a sandbox has to block, tried for real: what is tried, and how it would be seen.

A sandbox that cannot block one of them says so in its `gaps`, with the reason; there is no other way to pass.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from moot.sandbox.attempts import (
    HOLD,
    LIFE,
    SMALL,
    Attempt,
    Inconclusive,
    Make,
    Site,
    abstract,
    environment,
    flood,
    git,
    inside,
    killed_supervisor,
    network,
    other_arguments,
    other_environment,
    signals,
    state,
    stdin,
    survivor,
    terminal,
)

__all__ = ["ESCAPES", "Escape", "Inconclusive", "Make"]


@dataclass(frozen=True, slots=True)
class Escape:
    """One thing that must not succeed.

    Attributes:
        name: short and unique; the key in a sandbox's `gaps`.
        tried: what hostile code does.
        attempt: does it.
        as_root: only root can do it even without a sandbox.
    """

    name: str
    tried: str
    attempt: Attempt
    as_root: bool = False

    async def run(self, make: Make) -> list[str]:
        """Try it in a new workspace; return what got out, a line each, and nothing when it was blocked.

        Args:
            make: makes the sandbox, with given limits.

        Raises:
            Inconclusive: it could not be tried.
            SandboxUnavailable: the sandbox could not be set up.
        """
        with tempfile.TemporaryDirectory(prefix="moot-escape-", ignore_cleanup_errors=True) as top:
            site = Site(make, Path(top, "work"), Path(top, "outside"))
            Path(top).chmod(0o755)
            site.workspace.mkdir()
            site.outside.mkdir()
            kept = site.outside / "kept"
            kept.write_text("mine", encoding="ascii")
            for path, mode in ((site.outside, 0o777), (kept, 0o666)):
                path.chmod(mode)
            before = state(site.outside)
            evidence = await self.attempt(site)
            changed = [] if state(site.outside) == before else ["files outside were changed"]
            return evidence + changed


_CALLS = {
    "ptrace": "ptrace",
    "process_vm_readv": "reading the memory of another process",
    "io_uring_setup": "io_uring",
    "keyctl": "the kernel's keyrings",
    "add_key": "a new key in the kernel's keyrings",
    "bpf": "bpf",
    "perf_event_open": "perf events",
    "userfaultfd": "userfaultfd",
    "mount": "mount",
    "fsopen": "mounting through the newer calls",
    "ioctl": "typing into a terminal with TIOCSTI",
}

_ROOTS_CALLS = ("io_uring_setup", "bpf", "perf_event_open", "userfaultfd", "mount", "fsopen")
"""Where the kernel, or its settings, may refuse others than root anyway."""

ESCAPES = (
    Escape("write outside", "writes, adds and removes files beside the workspace",
           inside("write", "{outside}/kept")),
    Escape("modes and times outside", "changes who may use a file beside the workspace, and its times",
           inside("modes", "{outside}/kept")),
    Escape("write to the system", "opens programs and settings of the machine for writing",
           inside("open", "/usr/bin/env", "/etc/passwd", "/etc/hosts"), as_root=True),
    Escape("write to /proc", "sets the kernel's core_pattern, drop_caches or sysrq",
           inside("open", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger"),
           as_root=True),
    Escape("read the home folder", "lists the user's home and .ssh",
           inside("read", "{home}/", "{home}/.ssh/", "{home}/.bashrc")),
    Escape("a home in sight", "lists the user's home, which a planted link had shown",
           inside("read", "{home}/", shown=("{home}",))),
    Escape("read /etc/shadow", "reads password hashes and the kernel's memory",
           inside("read", "/etc/shadow", "/proc/kcore"), as_root=True),
    Escape("read the host's /tmp", "reads files of other programs in the folder for temporary files",
           inside("read", "{outside}/", "{outside}/kept")),
    Escape("links", "writes through symbolic links, and gives a file outside a second name",
           inside("links", "{outside}/kept")),
    Escape("write to .git", "plants a hook or settings in the repository, or puts another there", git),
    Escape("environment", "reads secrets in the environment of whoever started the sandbox", environment),
    Escape("TCP", "connects to a port of the machine", network("AF_INET", "SOCK_STREAM")),
    Escape("UDP", "sends a datagram to a port of the machine", network("AF_INET", "SOCK_DGRAM")),
    Escape("unix sockets", "connects to a service's socket, as Docker and ssh-agent have one",
           network("AF_UNIX", "SOCK_STREAM")),
    Escape("sockets in sight", "connects to a service's socket in a folder that a planted link had shown",
           network("AF_UNIX", "SOCK_STREAM", shown=True)),
    Escape("abstract sockets", "connects to a service's socket that has no file", abstract),
    Escape("environments of others", "reads the environment of another program in /proc", other_environment),
    Escape("arguments of others", "reads the arguments of another program in /proc", other_arguments),
    Escape("signals", "kills another program of the user", signals),
    Escape("terminal", "writes to the user's terminal, and opens the one that started it", terminal),
    Escape("setsid daemon", "leaves a daemon behind in a session of its own",
           survivor("daemon", "setsid", LIFE)),
    Escape("double-fork daemon", "leaves a daemon behind that init has adopted",
           survivor("daemon", "double fork", LIFE)),
    Escape("ignored signals", "ignores SIGTERM at the timeout", survivor("ignore", LIFE, seconds=2.0)),
    Escape("killed supervisor", "goes on when whoever started the sandbox is killed", killed_supervisor),
    Escape("user namespaces", "becomes root in a user namespace", inside("namespaces")),
    Escape("privileges", "gains privileges by a set-uid program, or has capabilities", inside("privileges")),
    *(Escape(what, f"calls {call}", inside("call", call), as_root=call in _ROOTS_CALLS)
      for call, what in _CALLS.items()),
    Escape("fork bomb", "starts processes without end",
           inside("fork", "200", HOLD, limits=SMALL)),
    Escape("memory bomb", "takes memory without end", inside("memory", "256", HOLD, limits=SMALL)),
    Escape("disk fill", "writes to the workspace without end",
           inside("fill", "workspace", "6", "12", HOLD, limits=SMALL)),
    Escape("temporary files", "writes temporary files without end",
           inside("fill", "tmp", "12", "12", HOLD, limits=SMALL)),
    Escape("large file", "makes a file that is larger than all it may write",
           inside("large", "64", limits=SMALL)),
    Escape("endless output", "prints without end", flood),
    Escape("stdin", "waits for input that never comes", stdin),
)  # fmt: skip
"""The list of docs/sandbox.md, each entry once."""
