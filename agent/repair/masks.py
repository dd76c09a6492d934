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
_AGAIN = 0.5
"""By how much the suspicion of a line weighs more than the kind of a mask, and what a mask counts for each
better one at the same line, of which most of what it could mend is a part. Powers of 3 to 6 and factors of
0.3 to 0.5 are alike in tests/bench/repair/ranks.py."""


def masks(suspects: Sequence[Suspect], sources: Mapping[str, Source]) -> list[Mask]:
    """Return the masks around suspicious lines, best first; a span is masked once, as its best kind.

    Further masks of a line come after the first ones of others that are about as suspicious.
    """
    best: dict[tuple[str, int, int, str], tuple[float, Mask]] = {}
    for path, source in sources.items():
        scores = {suspect.line: suspect.score for suspect in suspects if suspect.path == path}
        for span in spans(source, scores):
            worth = span.score**_POWER * PRIORS[span.kind]
            key = (path, span.start_byte, span.end_byte, span.lead)
            if key not in best or best[key][0] < worth:
                best[key] = worth, replace(span, score=span.score * PRIORS[span.kind])
    return [mask for _, mask in _ordered(_spread(_ordered(best.values()), sources))]


def _ordered(found: Iterable[tuple[float, Mask]]) -> list[tuple[float, Mask]]:
    return sorted(found, key=lambda pair: (-pair[0], pair[1].path, pair[1].start_byte, pair[1].end_byte))


def _spread(
    found: Sequence[tuple[float, Mask]], sources: Mapping[str, Source]
) -> Iterator[tuple[float, Mask]]:
    """Lower what further masks of a line are worth, those within it and those of several lines apart."""
    seen = Counter[tuple[str, int, bool]]()
    for worth, mask in found:
        if mask.kind in _APART:
            yield worth, mask
            continue
        data = sources[mask.path].data
        several = b"\n" in data[mask.start_byte : mask.end_byte]
        key = (mask.path, data.count(b"\n", 0, mask.start_byte), several)
        yield worth * _AGAIN ** seen[key], mask
        seen[key] += 1
