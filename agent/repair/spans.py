"""The spans of a file that may be masked, from its syntax tree and the suspicion of its lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tree_sitter import Node

from moot.agent.repair.grammar import (
    ARGUMENTS,
    ASSIGNMENTS,
    CALLS,
    COLLECTIONS,
    IFS,
    NEGATIONS,
    OPERATIONS,
    RETURNS,
    SWITCHES,
    VALUES,
    first_body,
    is_clause,
    is_definition,
    is_string,
    shallow,
    unwrapped,
)
from moot.agent.repair.kinds import Mask, MaskKind
from moot.agent.repair.source import COMMENTS, Source, is_statement, walk

__all__ = ["spans"]

_MAX_BLOCK = 3
_MAX_SPAN = 600
_MAX_BODY = 900
_NO_OPERATORS = frozenset({*"()[]{},:?=", "if", "else"})
_AFTER = 0.9
"""What an insertion after a statement counts beside one before it."""


def spans(source: Source, scores: Mapping[int, float]) -> Iterator[Mask]:
    """Yield masks whose score is the suspicion of their lines.

    Args:
        source: a file.
        scores: line (1-based) -> suspicion.
    """
    file = _File(source, scores)
    told: set[int] = set()
    for node in walk(source.tree.root_node) if source.tree is not None else ():
        if is_statement(node) and not is_string(node):
            told.update(file.own_lines(node))
            yield from _of_statement(node, file)
        elif is_clause(node):
            told.update(file.own_lines(node))
            yield from file.mask([node], MaskKind.BLOCK, file.score(file.own_lines(node)))
            yield from _of_header(node, file)
    if source.tree is not None:
        yield from _blocks(file)
        yield from _functions(file)
    yield from _lines(file, told)


@dataclass(frozen=True)
class _File:
    """A file with the suspicion of its lines."""

    source: Source
    scores: Mapping[int, float]

    def score(self, lines: Iterable[int]) -> float:
        """Return the suspicion of the most suspicious of some lines."""
        return max((self.scores.get(line, 0.0) for line in lines), default=0.0)

    def own_lines(self, node: Node) -> range:
        """Return the lines of a simple statement, or of a compound one's header; none of a definition."""
        body, first = first_body(node), node.start_point.row + 1
        if body is None:
            return range(first, node.end_point.row + 2)
        return range(0) if is_definition(node) else range(first, max(first, body.start_point.row) + 1)

    def margin(self, byte: int) -> str | None:
        """Return the indentation before a byte; None where other text stands before it in its line."""
        start = self.source.data.rfind(b"\n", 0, byte) + 1
        ahead = self.source.data[start:byte].decode("utf-8", "replace")
        return None if ahead.strip() else ahead

    def mask(self, nodes: Sequence[Node], kind: MaskKind, score: float | None = None) -> Iterator[Mask]:
        """Yield the mask of consecutive nodes, scored by its lines, if it is suspicious and not too long."""
        first, last = nodes[0], nodes[-1]
        lines = range(first.start_point.row + 1, last.end_point.row + 2)
        found = self.score(lines) if score is None else score
        start, text = first.start_byte, self.source.data[first.start_byte : last.end_byte].rstrip()
        if found and len(text) <= (_MAX_BODY if kind is MaskKind.BODY else _MAX_SPAN):
            yield Mask(self.source.path, start, start + len(text), kind, found)

    def hole(self, byte: int, kind: MaskKind, score: float, lead: str = "", tail: str = "") -> Mask:
        """Return a mask of nothing."""
        return Mask(self.source.path, byte, byte, kind, score, lead, tail)


def _of_statement(node: Node, file: _File) -> Iterator[Mask]:
    score, margin = file.score(file.own_lines(node)), file.margin(node.start_byte)
    if not score:
        return
    if margin is not None:
        yield file.hole(node.start_byte, MaskKind.INSERTION, score, tail="\n" + margin)
        if not _suspicious_after(node, file):
            yield file.hole(node.end_byte, MaskKind.INSERTION, score * _AFTER, lead="\n" + margin)
    yield from file.mask([node], MaskKind.STATEMENT, score)
    yield from _of_header(node, file)


def _suspicious_after(node: Node, file: _File) -> bool:
    """Tell whether the next statement has the same place before it."""
    after = node.next_named_sibling
    return after is not None and is_statement(after) and bool(file.score(file.own_lines(after)))


def _of_header(node: Node, file: _File) -> Iterator[Mask]:
    """Yield what a statement or clause has before its body: all of it, its expressions, a new branch."""
    score, body = file.score(file.own_lines(node)), first_body(node)
    if not score:
        return
    inner = list(shallow(node))
    if body is not None and not is_definition(node) and any(each.is_named for each in inner):
        end = node.start_byte + len(file.source.data[node.start_byte : body.start_byte].rstrip())
        if end - node.start_byte <= _MAX_SPAN:
            yield Mask(file.source.path, node.start_byte, end, MaskKind.HEADER, score)
    for each in inner:
        for part, kind in _part(each):
            yield from file.mask([part], kind)
        yield from _empty_arguments(each, file)
    yield from _branches([node, *inner], score, file)


def _part(node: Node) -> Iterator[tuple[Node, MaskKind]]:
    """Yield the span of an expression, as each kind that its parent makes it."""
    parent = node.parent
    if parent is None or node.type in COMMENTS:
        return
    if not node.is_named:
        yield from _operator(node, parent)
        return
    if parent.child_by_field_name("condition") == node or parent.type == "if_clause":
        yield unwrapped(node), MaskKind.CONDITION
    elif parent.type in RETURNS or (
        parent.type == "match_arm" and parent.child_by_field_name("value") == node
    ):
        yield node, MaskKind.RETURN
    elif VALUES.get(parent.type) and parent.child_by_field_name(VALUES[parent.type]) == node:
        yield node, MaskKind.EXPRESSION
    elif parent.type in OPERATIONS:
        yield node, MaskKind.OPERAND
    elif parent.type in ARGUMENTS | COLLECTIONS:
        value = node.child_by_field_name("value") if node.type == "keyword_argument" else None
        yield value or node, MaskKind.ARGUMENT
    elif CALLS.get(parent.type) and parent.child_by_field_name(CALLS[parent.type]) == node:
        yield node.named_children[-1] if node.named_children else node, MaskKind.NAME


def _operator(node: Node, parent: Node) -> Iterator[tuple[Node, MaskKind]]:
    if node.type in _NO_OPERATORS:
        return
    if parent.type in OPERATIONS | ASSIGNMENTS and (
        parent.type not in NEGATIONS or node.type in ("not", "!")
    ):
        yield node, MaskKind.OPERATOR


def _empty_arguments(node: Node, file: _File) -> Iterator[Mask]:
    score = file.score([node.start_point.row + 1])
    if score and node.type in ARGUMENTS and node.child_count == 2:
        yield file.hole(node.start_byte + 1, MaskKind.ARGUMENT, score)


def _branches(nodes: Sequence[Node], score: float, file: _File) -> Iterator[Mask]:
    """Yield where an `else` or a case may be missing."""
    for node in nodes:
        if node.type in IFS or node.type == "elif_clause":
            yield from _else(node, score, file)
        elif node.type in SWITCHES:
            arm = next((below for below in walk(node) if below != node and is_clause(below)), None)
            margin = file.margin(arm.start_byte) if arm is not None else None
            if arm is not None and margin is not None:
                lead, tail = SWITCHES[node.type], "\n" + margin
                yield file.hole(arm.start_byte, MaskKind.BRANCH, score, lead, tail)


def _else(node: Node, score: float, file: _File) -> Iterator[Mask]:
    """Yield the place behind the body of an `if`; before an `else` only another condition fits in."""
    body, margin = node.child_by_field_name("consequence"), file.margin(node.start_byte)
    if body is None or body.type not in ("block", "statement_block"):
        return
    if file.source.data[body.start_byte : body.start_byte + 1] != b"{":
        if margin is not None:
            yield file.hole(body.end_byte, MaskKind.BRANCH, score, f"\n{margin}elif ")
    elif node.child_by_field_name("alternative") is None:
        yield file.hole(body.end_byte, MaskKind.BRANCH, score, " else ")
    else:
        yield file.hole(body.end_byte, MaskKind.BRANCH, score, " else if ")


def _blocks(file: _File) -> Iterator[Mask]:
    """Yield every two and three consecutive statements of one body; all of them have to be suspicious."""
    nodes = [node for node in file.source.statements() if not is_string(node) and not is_definition(node)]
    followed = {before.id: after for before, after in _neighbours(nodes)}
    for node in nodes:
        run = [node]
        while len(run) < _MAX_BLOCK and run[-1].id in followed:
            run.append(followed[run[-1].id])
            score = min(file.score(file.own_lines(each)) for each in run)
            yield from file.mask(run, MaskKind.BLOCK, score)


def _neighbours(nodes: Sequence[Node]) -> Iterator[tuple[Node, Node]]:
    """Yield each statement with the one that follows it in its body."""
    by_body: dict[int, list[Node]] = {}
    for node in nodes:
        by_body.setdefault(node.parent.id if node.parent is not None else 0, []).append(node)
    for body in by_body.values():
        yield from pairwise(body)


def _functions(file: _File) -> Iterator[Mask]:
    """Yield the body, the parameters and their defaults of every function with suspicious lines."""
    for _, node in file.source.functions():
        body, parameters = (node.child_by_field_name(field) for field in ("body", "parameters"))
        if body is None:
            continue
        score = file.score(range(body.start_point.row + 1, body.end_point.row + 2))
        inside = [child for child in file.source.statements(body) if _belongs(child, body)]
        statements = [child for child in inside if not is_string(child)]
        if len(statements) > 1:
            yield from file.mask([statements[0], statements[-1]], MaskKind.BODY, score)
        if parameters is not None and parameters.named_children:
            named = parameters.named_children
            yield from file.mask([named[0], named[-1]], MaskKind.PARAMETER, score)
            for default in filter(None, map(_default, named)):
                yield from file.mask([default], MaskKind.PARAMETER, score)


def _belongs(statement: Node, body: Node) -> bool:
    parent = statement.parent
    return parent == body or (
        parent is not None and parent.type == "statement_list" and parent.parent == body
    )


def _default(parameter: Node) -> Node | None:
    return parameter.child_by_field_name("value") or (
        parameter.child_by_field_name("right") if parameter.type == "assignment_pattern" else None
    )


def _lines(file: _File, told: set[int]) -> Iterator[Mask]:
    """Yield the suspicious lines that belong to no statement, and every one where no grammar is known."""
    source = file.source
    for line, score in file.scores.items():
        text = source.lines[line - 1] if line <= len(source.lines) else b""
        if score and text.strip() and line not in told:
            start = source.line_start(line) + len(text) - len(text.lstrip())
            end = source.line_start(line) + len(text.rstrip())
            yield Mask(source.path, start, end, MaskKind.LINE, score)
