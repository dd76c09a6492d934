"""How much a patch changes, file by file."""

from collections.abc import Callable

from moot.agent.core.lines import changed_spans
from moot.agent.core.types import FileDelta, Patch

__all__ = ["measure"]


def measure(patch: Patch, read: Callable[[str], bytes]) -> tuple[FileDelta, ...]:
    """Count changed lines; `read` returns a blob's bytes."""
    deltas: list[FileDelta] = []
    for change in patch.changes:
        old = read(change.base_blob).splitlines() if change.base_blob else []
        new = (change.content or b"").splitlines()
        added = removed = 0
        for a1, a2, b1, b2 in changed_spans(old, new):
            removed, added = removed + a2 - a1, added + b2 - b1
        deltas.append(
            FileDelta(change.path, added, removed, change.base_blob is not None, change.content is not None)
        )
    return tuple(deltas)
