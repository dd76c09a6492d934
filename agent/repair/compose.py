"""Two edits of different places -> one edit."""

from dataclasses import dataclass

__all__ = ["compose"]


@dataclass(frozen=True, slots=True)
class _Span:
    """Bytes of the base that an edit replaces, and by what."""

    start: int
    end: int
    text: bytes


def compose(base: bytes, first: bytes, second: bytes) -> bytes | None:
    """Return the base with both edits; None where they overlap or touch, or one changes nothing."""
    one, other = sorted((_span(base, first), _span(base, second)), key=lambda span: (span.start, span.end))
    if base in (first, second) or one.end >= other.start:
        return None
    return b"".join((base[: one.start], one.text, base[one.end : other.start], other.text, base[other.end :]))


def _span(base: bytes, edited: bytes) -> _Span:
    """Return the smallest run of whole lines outside of which both texts are the same."""
    old, new = base.splitlines(keepends=True), edited.splitlines(keepends=True)
    most = min(len(old), len(new))
    head = next((at for at in range(most) if old[at] != new[at]), most)
    tail = next((at for at in range(most - head) if old[-1 - at] != new[-1 - at]), most - head)
    start, end = sum(map(len, old[:head])), sum(map(len, old[: len(old) - tail]))
    return _Span(start, end, b"".join(new[head : len(new) - tail]))
