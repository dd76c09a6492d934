"""From what a model wrote between prefix and suffix to edits that apply and parse."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tree_sitter import Node

from moot.agent.core.messages import Completion
from moot.agent.fim.trim import beginnings, until_suffix
from moot.agent.repair.grammar import ASSIGNMENTS, jumps, siblings_in
from moot.agent.repair.kinds import Mask, MaskKind
from moot.agent.repair.prompt import without_echo
from moot.agent.repair.source import COMMENTS, Source, is_statement, walk
from moot.agent.syntax import language_of, line_comment

__all__ = ["Infill", "cut", "distinct", "infills", "normalised"]

_TEXTS = frozenset({"string_content", "format_specifier"})
"""Nodes of which parts are nodes and the text between these is none."""
_MAX_LINES = 8
_MOST_LINES = {MaskKind.BODY: 30, MaskKind.HEADER: 4, MaskKind.LINE: 4}


@dataclass(frozen=True, slots=True)
class Infill:
    """A span of a file with a new text. `rank` is higher the more promising it is; `votes` counts
    the samples that gave it; `tokens` are those of the file with it, by which edits are told apart."""

    path: str
    start_byte: int
    end_byte: int
    text: str
    mask_kind: MaskKind
    logprob: float
    rank: float
    tokens: bytes = field(repr=False)
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
            found[key] = Infill(mask.path, start, end, text, mask.kind, completion.logprob, rank, key, votes)
    return sorted(found.values(), key=lambda infill: -infill.rank)


def distinct(found: Iterable[Infill]) -> tuple[Infill, ...]:
    """Return edits, best first, each once even where two masks lead to it."""
    best: dict[tuple[str, bytes], Infill] = {}
    for infill in found:
        key = infill.path, infill.tokens
        if key not in best or best[key].rank < infill.rank:
            best[key] = infill
    return tuple(sorted(best.values(), key=lambda infill: -infill.rank))


def cut(mask: Mask, source: Source, text: str) -> Iterator[tuple[str, Source]]:
    """Yield the text that a completion holds up to where its node ends, with the file that it gives.

    The whole completion is tried first, then ever fewer of its lines; one that runs on into the
    suffix is cut where the suffix begins, one that holds more than the node behind the node. A text
    counts if the file has no more syntax errors with it.
    """
    for piece in _pieces(mask, source, text):
        for shaped, result in _shapes(mask, source, piece):
            if result.defects <= source.defects and _fits(mask, result, shaped):
                plain = _uncommented(mask, source, shaped, result)
                trimmed = _result(mask, source, plain) if plain != shaped else result
                yield (plain, trimmed) if trimmed.defects <= result.defects else (shaped, result)
                return


def _shapes(mask: Mask, source: Source, piece: str) -> Iterator[tuple[str, Source]]:
    """Yield what a text may stand for, with the file that it gives: all of it, then its first node."""
    shaped = _shaped(mask, piece)
    result = _result(mask, source, shaped)
    yield shaped, result
    if first := _first_node(mask, result, piece):
        yield first, _result(mask, source, first)


def _uncommented(mask: Mask, source: Source, text: str, result: Source) -> str:
    """Leave out the comments behind code that were not there: a model writes them to answer the prompt."""
    start, kept = mask.start_byte, text.encode()
    known = source.data[start : mask.end_byte]
    for node in reversed(_comments(result, start, start + len(kept))):
        at, end = node.start_byte - start, min(node.end_byte - start, len(kept))
        last = not kept[end:].partition(b"\n")[0].strip()
        code = result.data[result.data.rfind(b"\n", 0, node.start_byte) + 1 : node.start_byte].strip()
        if code and last and kept[at:end] not in known:
            kept = kept[:at].rstrip(b" \t") + kept[end:]
    return kept.decode()


def _comments(source: Source, start: int, end: int) -> list[Node]:
    """Return the comments that begin in a span, in order."""
    if source.tree is None:
        return []
    around = source.tree.root_node.descendant_for_byte_range(start, end)
    found = walk(around) if around is not None else ()
    return [node for node in found if node.type in COMMENTS and start <= node.start_byte < end]


def _result(mask: Mask, source: Source, text: str) -> Source:
    return source.with_span(mask.start_byte, mask.end_byte, text.encode())


def _fits(mask: Mask, result: Source, text: str) -> bool:
    """Tell whether a text is one node where the mask covers one, or siblings where several will do.

    Statements must leave those behind them reachable, also those of a body of which only the header is
    filled in; an assignment is no expression here, although it is one in some languages: a model writes it
    that repeats the statement in which it fills in a value.
    """
    if result.tree is None:
        return True
    lead, tail = len(mask.lead.encode()), len(mask.tail.encode())
    start, end = mask.start_byte + lead, mask.start_byte + len(text.encode()) - tail
    if mask.whole_lines and _cuts_off(result.tree.root_node, start, end):
        return False
    if not mask.one_node:
        return True
    first, last = _without_comments(result, start, end)
    nodes = siblings_in(result.tree.root_node, first, last)
    if not mask.whole_lines and any(node.type in ASSIGNMENTS for node in nodes):
        return False
    return len(nodes) == 1 or (len(nodes) > 1 and mask.several)


def _cuts_off(root: Node, start: int, end: int) -> bool:
    """Tell whether a statement that begins in a span leaves what stands behind it unreachable."""
    around = root.descendant_for_byte_range(start, end)
    inside = (node for node in (walk(around) if around is not None else ()) if start <= node.start_byte < end)
    return any(jumps(node) and _followed(node) for node in inside)


def _followed(node: Node) -> bool:
    """Tell whether more stands behind a statement; the `else` of an `if` without braces does not."""
    after = node.next_named_sibling
    while after is not None and after.type in COMMENTS:
        after = after.next_named_sibling
    return after is not None and after.type != "else_clause" and is_statement(node)


def _without_comments(source: Source, start: int, end: int) -> tuple[int, int]:
    """Return the span without the comments and the space at its ends."""
    assert source.tree is not None
    around = source.tree.root_node.descendant_for_byte_range(start, end)
    leaves = [
        leaf
        for leaf in (walk(around) if around is not None else ())
        if not leaf.children and leaf.type not in COMMENTS and start <= leaf.start_byte < leaf.end_byte <= end
    ]
    return (leaves[0].start_byte, leaves[-1].end_byte) if leaves else (start, end)


def _first_node(mask: Mask, result: Source, piece: str) -> str | None:
    """Return the beginning of a text that is the largest node there; None where the mask takes statements."""
    if mask.whole_lines:
        return None
    end = mask.start_byte + len(piece.encode())
    node = (
        result.tree.root_node.descendant_for_byte_range(mask.start_byte, mask.start_byte)
        if result.tree
        else None
    )
    best = None
    while node is not None and node.start_byte == mask.start_byte and node.end_byte <= end:
        best, node = node, node.parent
    return result.text(best) if best is not None else None


def normalised(source: Source) -> bytes:
    """Return the file's tokens without comments and layout, but with the indentation that carries meaning."""
    if source.tree is None:
        return b"\n".join(line.rstrip() for line in source.lines if line.strip())
    return b"\0".join(_tokens(source.tree.root_node, source.data))


def _tokens(root: Node, data: bytes) -> Iterator[bytes]:
    todo: list[Node | bytes] = [root]
    while todo:
        part = todo.pop()
        if isinstance(part, bytes):
            yield part
        elif part.type not in COMMENTS:
            if part.type in ("block", "statement_block"):
                yield b"{%d}" % sum(child.type not in COMMENTS for child in part.named_children)
            todo += reversed(list(_parts(part, data)))


def _parts(node: Node, data: bytes) -> Iterator[Node | bytes]:
    """Yield the children of a node and what stands between them, in order; of one without any its text."""
    if not node.children:
        yield data[node.start_byte : node.end_byte]
        return
    done = node.start_byte
    for child in node.children:
        yield from _gap(data[done : child.start_byte], node)
        yield child
        done = child.end_byte
    yield from _gap(data[done : node.end_byte], node)


def _gap(text: bytes, node: Node) -> Iterator[bytes]:
    """Yield what stands between the children of a node: the text of a string with an escape is no node."""
    if text.strip() or (text and node.type in _TEXTS):
        yield text if node.type in _TEXTS else text.strip()


def _pieces(mask: Mask, source: Source, text: str) -> Iterator[str]:
    """Yield ever shorter beginnings of a completion, which repeat no blanks that stand before it."""
    following = source.data[mask.end_byte :].decode("utf-8", "replace")
    text = until_suffix(without_echo(text.replace("\r\n", "\n"), mask.path), following).rstrip()
    if source.data[max(0, mask.start_byte - 1) : mask.start_byte] in (b" ", b"\t"):
        text = text.lstrip(" \t")
    masked = 1 + source.data.count(b"\n", mask.start_byte, mask.end_byte)
    limit = max(masked, _MOST_LINES.get(mask.kind, _MAX_LINES)) if mask.whole_lines else masked
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


def _shaped(mask: Mask, piece: str) -> str:
    """Put what the mask adds by itself around a text."""
    return mask.lead + (piece.lstrip() if mask.lead else piece) + mask.tail


def _rank(mask: Mask, logprob: float, text: str, votes: int) -> float:
    """Order by the mask, then the model's confidence and its agreement with itself, then size."""
    return mask.score + 0.1 * max(-2.0, logprob) + 0.02 * min(votes, 5) - 0.0005 * len(text)
