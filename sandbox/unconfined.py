"""No sandbox, for a user who said so: use and environment are bounded, files and network are not."""

from moot.agent.core.commands import Command, CommandResult
from moot.sandbox.limits import BASE_PATH, Limits, limited
from moot.sandbox.process import Launch, Spawned, supervise
from moot.sandbox.watchdog import Watchdog

__all__ = ["Unconfined"]


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

    async def run(self, command: Command) -> CommandResult:
        """Run to the end or to a limit; `mount` and `read_only` have no effect here."""
        env = {"PATH": BASE_PATH, "HOME": str(command.workspace), "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
        launch = Launch(
            argv=limited(command.argv, str(command.workspace), self._limits),
            env=env | dict(command.env),
            cwd=str(command.workspace),
        )
        watchdog = Watchdog(self._limits, (command.workspace,))
        return await supervise(await Spawned.start(launch), command, watchdog)
