"""Suspicious functions to be written anew, one at a time, and what an answer with one says."""

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from moot.agent.core.messages import Completion
from moot.agent.core.types import Symbol
from moot.agent.fim.window import BYTES_PER_TOKEN
from moot.agent.repair.infill import normalised
from moot.agent.repair.localise import Localisation, Suspect
from moot.agent.repair.source import Source, walk
from moot.agent.syntax import language_of, line_comment

__all__ = ["Outline", "Target", "definitions", "fenced", "targets"]

Outline = Callable[[str, bytes], Sequence[Symbol]]
"""(path, text in UTF-8) -> its definitions."""

_FUNCTIONS = frozenset({"function", "method", "constructor"})
_MAX_FUNCTION = 1_500
"""Bytes of a function that is written anew: a small model copies a longer one wrongly, and in the time
that it takes for that several batches of infills are tried."""
_MARKED = 4
"""Lines that are marked at most."""
_NEARLY = 0.8
"""What part of the highest suspicion in the function a marked line has at least."""
_MARK = "<- suspicious"
_MARK_TEXT = re.compile(r"[ \t]*(?://|#)[ \t]*<-+(?:[ \t]*\w.*|[ \t]*$)")
"""The mark, or what a model makes of it, such as `<- corrected` or the arrow alone."""
_FENCE = re.compile(r"^[ \t]*```[\w+-]*[ \t]*\n(?P<code>.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_MORE_TOKENS = 80
"""Tokens that a new text may have beyond those of the old one, whose number is guessed high."""


@dataclass(frozen=True, slots=True)
class Target:
    """A function that holds suspicious lines.

    Attributes:
        path: of its file.
        symbol: its qualified name with the line that it begins at, as an edit names it.
        start_byte, end_byte: its span.
        text: as it stands in the file, from the beginning of its first line on. Lines end with `\\n`.
        lines: its most suspicious lines, from 1 within the text.
    """

    path: str
    symbol: str
    start_byte: int
    end_byte: int
    text: str
    lines: tuple[int, ...]

    @property
    def shown(self) -> str:
        """The text with a comment at the end of each suspicious line."""
        mark = f"  {line_comment(language_of(self.path))} {_MARK}"
        lines = self.text.split("\n")
        return "\n".join(line + mark * (number in self.lines) for number, line in enumerate(lines, start=1))

    @property
    def max_tokens(self) -> int:
        """Bound of an answer: about the function's own length."""
        return len(self.text) // BYTES_PER_TOKEN + _MORE_TOKENS


def targets(found: Localisation, sources: Mapping[str, bytes], outline: Outline) -> list[Target]:
    """Return the functions around suspicious lines, the one with the most suspicious line first. Blocks.

    Args:
        found: suspicious lines, the most suspicious first.
        sources: path -> text; suspects in other files are left out.
        outline: finds the definitions of a text.
    """
    known: dict[str, list[Symbol]] = {}
    chosen: dict[tuple[str, int], tuple[Symbol, list[Suspect]]] = {}
    for suspect in found.suspects:
        if suspect.path not in sources:
            continue
        if suspect.path not in known:
            symbols = outline(suspect.path, sources[suspect.path])
            known[suspect.path] = [symbol for symbol in symbols if symbol.kind in _FUNCTIONS]
        symbol = _innermost(known[suspect.path], suspect.line)
        if symbol is not None:
            chosen.setdefault((symbol.path, symbol.start_byte), (symbol, []))[1].append(suspect)
    return [_target(symbol, sources[suspects[0].path], suspects) for symbol, suspects in chosen.values()]


def _innermost(symbols: Sequence[Symbol], line: int) -> Symbol | None:
    """Return the smallest function around a line that is not too long."""
    around = [symbol for symbol in symbols if symbol.start_line <= line <= symbol.end_line]
    best = min(around, key=lambda symbol: symbol.end_byte - symbol.start_byte, default=None)
    return best if best is not None and best.end_byte - best.start_byte <= _MAX_FUNCTION else None


def _target(symbol: Symbol, data: bytes, suspects: Sequence[Suspect]) -> Target:
    path = suspects[0].path
    start = data.rfind(b"\n", 0, symbol.start_byte) + 1
    text = data[start : symbol.end_byte].decode("utf-8", "replace").replace("\r\n", "\n").rstrip()
    most = [suspect for suspect in suspects if suspect.score >= _NEARLY * suspects[0].score][:_MARKED]
    lines = tuple(suspect.line - symbol.start_line + 1 for suspect in most)
    name = f"{symbol.qualified_name}@{symbol.start_line}"
    return Target(path, name, start, symbol.end_byte, text, lines)


def definitions(target: Target, source: Source, answers: Sequence[Completion]) -> list[tuple[str, float]]:
    """Return the distinct new texts of a function in answers, each with its log-probability.

    What most answers say comes first. One that was broken off, that changes nothing but layout, or with
    which the file has more syntax errors than before is left out.
    """
    found: dict[bytes, list[tuple[str, float]]] = {}
    same = normalised(source)
    for answer in answers:
        text = _without_others(_code(answer), target, source)
        if text:
            result = source.with_span(target.start_byte, target.end_byte, text.encode("utf-8", "replace"))
            key = normalised(result)
            if result.defects <= source.defects and key != same:
                found.setdefault(key, []).append((text, answer.logprob))
    order = sorted(found.values(), key=lambda group: (-len(group), -max(logprob for _, logprob in group)))
    return [group[0] for group in order]


def fenced(answer: Completion) -> str:
    """Return the first fenced text of an answer, or all of it where nothing is; empty if broken off."""
    text = answer.text.replace("\r\n", "\n")
    found = _FENCE.search(text + "\n")
    closed = found is not None and found[0].rstrip().endswith("```")
    if answer.finish in ("length", "repetition") and not closed:
        return ""
    return (found["code"] if found is not None else text).strip("\n").rstrip()


def _code(answer: Completion) -> str:
    """Return the text of an answer without marks."""
    return "\n".join(_MARK_TEXT.sub("", line) for line in fenced(answer).split("\n"))


def _without_others(text: str, target: Target, source: Source) -> str:
    """Leave out what an answer repeats of the file: other definitions, and what is around the function."""
    answer = Source.parse(target.path, textwrap.dedent(text).encode("utf-8", "replace"))
    if answer.tree is None or source.tree is None:
        return text
    own = re.split(r"[^\w$]+", target.symbol.partition("@")[0])[-1]
    known = {_name(node) for node in walk(source.tree.root_node)} - {"", own}
    lines = text.split("\n")
    for node in reversed(answer.tree.root_node.named_children):
        if _name(node) in known:
            inner = next((each for each in walk(node) if _name(each) == own), None)
            kept = lines[inner.start_point.row : inner.end_point.row + 1] if inner is not None else []
            lines[node.start_point.row : node.end_point.row + 1] = kept
    return "\n".join(lines).strip("\n")


def _name(node: Node) -> str:
    """Return the name of a definition, also where it is decorated or exported; empty for other nodes."""
    inner = node.child_by_field_name("definition") or node.child_by_field_name("declaration") or node
    name = inner.child_by_field_name("name") if inner.child_by_field_name("body") else None
    return name.text.decode("utf-8", "replace") if name is not None and name.text is not None else ""
