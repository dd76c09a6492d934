"""No sandbox, for a user who said so: use and environment are bounded, files and network are not."""

from collections.abc import Mapping

from moot.agent.core.commands import Command, CommandResult
from moot.sandbox.limits import BASE_PATH, Limits, limited, running
from moot.sandbox.process import Launch, Spawned, supervise
from moot.sandbox.watchdog import Watchdog

__all__ = ["Unconfined"]

_AS_THE_USER = "commands run as you, with every right that you have"
_NO_FILTER = "system calls are not filtered"
_LEFT = "a daemon that leaves the process group is not found"

_GAPS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("write outside", "write to the system", "write to /proc", "write to .git", "links"),
            "modes and times outside",
            *("read the home folder", "read /etc/shadow", "read the host's /tmp", "a home in sight"),
            *("environments of others", "arguments of others", "signals", "terminal", "privileges"),
        ),
        _AS_THE_USER,
    ),
    **dict.fromkeys(
        ("TCP", "UDP", "unix sockets", "sockets in sight", "abstract sockets"), "the network is open"
    ),
    **dict.fromkeys(("setsid daemon", "double-fork daemon", "killed supervisor"), _LEFT),
    **dict.fromkeys(
        (
            *("user namespaces", "ptrace", "reading the memory of another process", "io_uring", "bpf"),
            *("the kernel's keyrings", "a new key in the kernel's keyrings", "perf events", "userfaultfd"),
            *("mount", "mounting through the newer calls", "typing into a terminal with TIOCSTI"),
        ),
        _NO_FILTER,
    ),
}


class Unconfined:
    """Runs commands as the user. A daemon that leaves the process group can outlive the call."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    @property
    def name(self) -> str:
        """The setting that chooses it."""
        return "none"

    @property
    def mounts(self) -> bool:
        """It shows the machine as it is."""
        return False

    @property
    def gaps(self) -> Mapping[str, str]:
        """All but use, output, input and the environment."""
        return _GAPS

    async def run(self, command: Command) -> CommandResult:
        """Run to the end or to a limit; `mount` and `read_only` have no effect here."""
        env = {"PATH": BASE_PATH, "HOME": str(command.workspace), "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
        launch = Launch(
            argv=limited(command.argv, str(command.workspace), self._limits, running()),
            env=env | dict(command.env),
            cwd=str(command.workspace),
        )
        watchdog = Watchdog(self._limits, (command.workspace,))
        return await supervise(await Spawned.start(launch), command, watchdog)
