"""No sandbox, for a user who said so: time, output and environment are bounded, files and network are not."""

from moot.agent.core.commands import Command, CommandResult
from moot.sandbox.limits import BASE_PATH, limited
from moot.sandbox.process import Launch, run

__all__ = ["Unconfined"]


class Unconfined:
    """Runs commands as the user. A daemon that leaves the process group can outlive the call."""

    @property
    def name(self) -> str:
        """The setting that chooses it."""
        return "none"

    async def run(self, command: Command) -> CommandResult:
        """Run to the end or to the timeout; `mount` and `read_only` have no effect here."""
        env = {"PATH": BASE_PATH, "HOME": str(command.workspace), "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
        return await run(
            Launch(
                argv=limited(command.argv),
                env=env | dict(command.env),
                cwd=str(command.workspace),
                timeout=command.timeout,
                output_limit=command.output_limit,
            )
        )
