"""Says which sandboxes work here, and how to get those that do not."""

from dataclasses import dataclass

from moot.agent.core.errors import SandboxUnavailable
from moot.sandbox.choose import CONFINING, tried
from moot.sandbox.limits import Limits

__all__ = ["Availability", "probe"]


@dataclass(frozen=True, slots=True)
class Availability:
    """One implementation on this machine.

    Attributes:
        name: the setting that chooses it.
        available: whether it has just run a command.
        reason: why not, and how to get it; empty when it is available.
    """

    name: str
    available: bool
    reason: str = ""


def probe() -> tuple[Availability, ...]:
    """Try every sandbox that confines, the strongest first; blocks, in a thread without an event loop."""
    return tuple(_probe(name) for name in CONFINING)


def _probe(name: str) -> Availability:
    try:
        tried(name, Limits())
    except SandboxUnavailable as exc:
        return Availability(name, available=False, reason=str(exc))
    return Availability(name, available=True)
