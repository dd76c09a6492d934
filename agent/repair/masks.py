"""What to mask: spans around suspicious lines that a model fills anew, the most promising first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from moot.agent.repair.kinds import PRIORS, Mask, MaskKind
from moot.agent.repair.localise import Suspect
from moot.agent.repair.source import Source
from moot.agent.repair.spans import spans

__all__ = ["PRIORS", "Mask", "MaskKind", "masks"]

_APART = frozenset({MaskKind.INSERTION, MaskKind.BRANCH, MaskKind.OPERATOR})
"""Kinds that are dealt out apart from the others, or mend what no other does."""
_POWER = 3
"""By which the suspicion of lines counts more than the kinds of masks."""
_AGAIN = 0.5
"""What a mask counts for each better one at the same line, of which most of what it could mend is a part.

Both were chosen by tests/bench/repair/ranks.py, on few bugs."""


def masks(suspects: Sequence[Suspect], sources: Mapping[str, Source]) -> list[Mask]:
    """Return the masks around suspicious lines, best first; a span is masked once, as its best kind.

    Further masks of a line come after the first ones of others that are about as suspicious.
    """
    best: dict[tuple[str, int, int, str], Mask] = {}
    for path, source in sources.items():
        scores = {suspect.line: suspect.score for suspect in suspects if suspect.path == path}
        for span in spans(source, scores):
            mask = replace(span, score=span.score**_POWER * PRIORS[span.kind])
            key = (path, mask.start_byte, mask.end_byte, mask.lead)
            if key not in best or best[key].score < mask.score:
                best[key] = mask
    return _ordered(_spread(_ordered(best.values()), sources))


def _ordered(found: Iterable[Mask]) -> list[Mask]:
    return sorted(found, key=lambda mask: (-mask.score, mask.path, mask.start_byte, mask.end_byte))


def _spread(found: Sequence[Mask], sources: Mapping[str, Source]) -> Iterator[Mask]:
    """Lower the scores of further masks of a line, those within it and those of several lines apart."""
    seen = Counter[tuple[str, int, bool]]()
    for mask in found:
        if mask.kind in _APART:
            yield mask
            continue
        data = sources[mask.path].data
        several = b"\n" in data[mask.start_byte : mask.end_byte]
        key = (mask.path, data.count(b"\n", 0, mask.start_byte), several)
        yield replace(mask, score=mask.score * _AGAIN ** seen[key])
        seen[key] += 1
