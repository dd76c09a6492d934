"""From what a model wrote between prefix and suffix to edits that apply and parse."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from moot.agent.core.messages import Completion
from moot.agent.fim.trim import beginnings, until_suffix
from moot.agent.repair.masks import Mask, MaskKind
from moot.agent.repair.source import Source, walk
from moot.agent.syntax import language_of, line_comment

__all__ = ["Infill", "cut", "infills", "normalised"]

_MAX_LINES = 8


@dataclass(frozen=True, slots=True)
class Infill:
    """A span of a file with a new text. `rank` is higher the more promising it is; `votes` counts
    the samples that gave it."""

    path: str
    start_byte: int
    end_byte: int
    text: str
    mask_kind: MaskKind
    logprob: float
    rank: float
    votes: int = 1

    def apply(self, data: bytes) -> bytes:
        """Return the file with the infill in place."""
        return data[: self.start_byte] + self.text.encode() + data[self.end_byte :]


def infills(mask: Mask, source: Source, completions: Sequence[Completion]) -> list[Infill]:
    """Return the distinct edits in a mask's completions, without no-ops, each parsing as well as before."""
    found: dict[bytes, Infill] = {}
    same = normalised(source)
    for completion in completions:
        for text, result in cut(mask, source, completion.text):
            key = normalised(result)
            if key == same:
                continue
            votes = 1 + (found[key].votes if key in found else 0)
            rank = _rank(mask, completion.logprob, text, votes)
            start, end = mask.start_byte, mask.end_byte
            found[key] = Infill(mask.path, start, end, text, mask.kind, completion.logprob, rank, votes)
    return sorted(found.values(), key=lambda infill: -infill.rank)


def cut(mask: Mask, source: Source, text: str) -> Iterator[tuple[str, Source]]:
    """Yield the texts that a completion holds up to where its node ends, each with the file it gives.

    The whole completion is tried first, then ever fewer of its lines; one that runs on into the
    suffix is cut where the suffix begins. A text counts if the file has no more syntax errors with it.
    """
    for piece in _pieces(mask, source, text):
        shaped = _shaped(mask, source, piece)
        result = source.with_span(mask.start_byte, mask.end_byte, shaped.encode())
        if result.defects <= source.defects:
            yield shaped, result
            return


def normalised(source: Source) -> bytes:
    """Return the file's tokens without comments and layout, but with the indentation that carries meaning."""
    if source.tree is None:
        return b"\n".join(line.rstrip() for line in source.lines if line.strip())
    leaves: list[bytes] = []
    for node in walk(source.tree.root_node):
        if node.type in ("block", "statement_block"):
            leaves.append(b"{%d}" % len(node.named_children))
        if not node.children and "comment" not in node.type:
            leaves.append(source.data[node.start_byte : node.end_byte])
    return b"\0".join(leaves)


def _pieces(mask: Mask, source: Source, text: str) -> Iterator[str]:
    """Yield ever shorter beginnings of a completion."""
    following = source.data[mask.end_byte :].decode("utf-8", "replace")
    text = until_suffix(text.replace("\r\n", "\n"), following).rstrip()
    limit = _MAX_LINES if mask.whole_lines else 1 + source.data.count(b"\n", mask.start_byte, mask.end_byte)
    lines = text.split("\n")[: max(limit, 1)]
    rest = following.split("\n", 1)[0].rstrip()
    tried: set[str] = set()
    for piece in beginnings("\n".join(lines), rest):
        if piece.strip() and piece not in tried and not _only_comment(mask, piece):
            tried.add(piece)
            yield piece


def _only_comment(mask: Mask, piece: str) -> bool:
    marker = line_comment(language_of(mask.path))
    return all(not line.strip() or line.strip().startswith(marker) for line in piece.split("\n"))


def _shaped(mask: Mask, source: Source, piece: str) -> str:
    """Give an insertion its line break and indentation."""
    if mask.kind is not MaskKind.INSERTION:
        return piece
    start = source.data.rfind(b"\n", 0, mask.start_byte) + 1
    ahead = source.data[start : mask.start_byte].decode("utf-8", "replace")
    match = re.match(r"[ \t]*", source.data[start:].decode("utf-8", "replace"))
    margin = match[0] if match else ""
    return piece + "\n" + margin if not ahead.strip() else "\n" + margin + piece.lstrip()


def _rank(mask: Mask, logprob: float, text: str, votes: int) -> float:
    """Order by the mask, then the model's confidence and its agreement with itself, then size."""
    return mask.score + 0.1 * max(-2.0, logprob) + 0.02 * min(votes, 5) - 0.0005 * len(text)
