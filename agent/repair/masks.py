"""What to mask: spans around suspicious lines that a model fills anew, the most promising first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from moot.agent.repair.kinds import PRIORS, Mask, MaskKind
from moot.agent.repair.localise import Suspect
from moot.agent.repair.source import Source
from moot.agent.repair.spans import spans

__all__ = ["PRIORS", "Mask", "MaskKind", "masks"]


def masks(suspects: Sequence[Suspect], sources: Mapping[str, Source]) -> list[Mask]:
    """Return the masks around suspicious lines, best first; a span is masked once, as its best kind."""
    best: dict[tuple[str, int, int, str], Mask] = {}
    for path, source in sources.items():
        scores = {suspect.line: suspect.score for suspect in suspects if suspect.path == path}
        for span in spans(source, scores):
            mask = replace(span, score=span.score * PRIORS[span.kind])
            key = (path, mask.start_byte, mask.end_byte, mask.lead)
            if key not in best or best[key].score < mask.score:
                best[key] = mask
    return sorted(best.values(), key=lambda mask: (-mask.score, mask.path, mask.start_byte, mask.end_byte))
