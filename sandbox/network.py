"""The way out of a sandbox without a network: a socket, a relay inside, a filtering proxy outside."""

import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from moot.agent.core.commands import Command, CommandResult
from moot.agent.core.errors import SandboxUnavailable, UsageError
from moot.agent.core.ports import Sandbox
from moot.sandbox import forward
from moot.sandbox.proxy import Proxy, Resolve, resolve
from moot.sandbox.rules import Rules

__all__ = ["OFFLINE", "AllowNet", "Link", "network"]

OFFLINE = {"CARGO_NET_OFFLINE": "true", "GOPROXY": "off", "UV_OFFLINE": "1", "npm_config_offline": "true"}
"""Tells package managers that there is no network, so that they say what is missing and do not wait."""

_SOCKET, _RELAY = Path("/run/moot/proxy.sock"), Path("/run/moot/forward.py")


@dataclass(frozen=True, slots=True)
class Link:
    """What connects a command to its proxy; nothing for a command without a network.

    Attributes:
        start: what starts the command inside.
        binds: what is shown inside, read-only: the place there, and the path here.
        refused: returns a sentence for each host that was refused so far.
    """

    start: tuple[str, ...] = ()
    binds: Mapping[Path, Path] = field(default_factory=dict[Path, Path])
    refused: Callable[[], tuple[str, ...]] = field(default=tuple)


@asynccontextmanager
async def network(command: Command, resolver: Resolve = resolve) -> AsyncGenerator[Link]:
    """Run a proxy for as long as a command runs, if it may reach anything.

    The namespace of the command keeps having no network at all. As Anthropic's sandbox-runtime does with
    two socat processes, a unix socket leads out of it; the relay here is our own interpreter, which is
    always there.

    Raises:
        UsageError: `allow_net` names something that is no host.
    """
    if not command.allow_net:
        yield Link()
        return
    proxy = Proxy(Rules.parse(command.allow_net), resolver)
    python = Path(sys.executable).resolve()
    async with proxy.listen() as path:
        yield Link(
            start=(str(python), "-I", "-S", str(_RELAY), str(_SOCKET)),
            binds=_binds(path),
            refused=lambda: tuple(proxy.refused.values()),
        )


def _binds(path: Path) -> dict[Path, Path]:
    binds = {_SOCKET: path, _RELAY: Path(forward.__file__).resolve()}
    prefix = Path(sys.base_prefix).resolve()
    return binds if prefix.is_relative_to("/usr") else binds | {prefix: prefix}


class AllowNet:
    """A sandbox whose every command may reach some hosts."""

    def __init__(self, sandbox: Sandbox, allow_net: tuple[str, ...], say: Callable[[str], None]) -> None:
        """Wrap a sandbox.

        Args:
            sandbox: where commands run.
            allow_net: hosts, as in `Command`.
            say: gets one sentence for each host that was refused, once.

        Raises:
            UsageError: a host cannot be read, or there is nothing to filter.
            SandboxUnavailable: the sandbox cannot filter by host.
        """
        Rules.parse(allow_net)
        if sandbox.name == "none":
            raise UsageError(
                "--allow-net means nothing with --sandbox none, where the whole network is open: drop one"
            )
        if sandbox.name != "bubblewrap":
            raise SandboxUnavailable(
                f"--allow-net needs bubblewrap, as {sandbox.name} cannot filter by host: install your "
                "system's `bubblewrap` package, or run without --allow-net"
            )
        self._sandbox, self._allow_net, self._say = sandbox, allow_net, say
        self._said: set[str] = set()

    @property
    def name(self) -> str:
        """The name of the sandbox that does the work."""
        return self._sandbox.name

    @property
    def mounts(self) -> bool:
        """See `Sandbox.mounts`."""
        return self._sandbox.mounts

    @property
    def gaps(self) -> Mapping[str, str]:
        """See `Sandbox.gaps`."""
        return self._sandbox.gaps

    async def run(self, command: Command) -> CommandResult:
        """Run with the hosts allowed; see `Sandbox.run`."""
        result = await self._sandbox.run(replace(command, allow_net=self._allow_net))
        for text in result.refused:
            if text not in self._said:
                self._said.add(text)
                self._say(text)
        return result
