"""What to mask: nodes of the syntax tree around suspicious lines, each a span that a model fills anew."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from tree_sitter import Node

from moot.agent.repair.localise import Suspect
from moot.agent.repair.source import Source, walk

__all__ = ["PRIORS", "Mask", "MaskKind", "masks"]


class MaskKind(StrEnum):
    """What a mask covers."""

    STATEMENT = "statement"
    CONDITION = "condition"
    RETURN = "return"
    EXPRESSION = "expression"
    ARGUMENT = "argument"
    OPERAND = "operand"
    INSERTION = "insertion"
    BLOCK = "block"
    LINE = "line"


PRIORS: Mapping[MaskKind, float] = {
    MaskKind.CONDITION: 1.0,
    MaskKind.RETURN: 0.95,
    MaskKind.STATEMENT: 0.9,
    MaskKind.LINE: 0.9,
    MaskKind.INSERTION: 0.7,
    MaskKind.EXPRESSION: 0.6,
    MaskKind.OPERAND: 0.55,
    MaskKind.ARGUMENT: 0.5,
    MaskKind.BLOCK: 0.45,
}
"""How often a fix is of a kind, roughly: of 99 small fixes 19 replace one line and 23 only insert."""

_MAX_BLOCK = 3
_MAX_SPAN = 600
_VALUES = {
    "assignment": "right",
    "augmented_assignment": "right",
    "assignment_expression": "right",
    "assignment_statement": "right",
    "short_var_declaration": "right",
    "variable_declarator": "value",
    "let_declaration": "value",
    "for_statement": "right",
    "for_in_statement": "right",
    "for_expression": "value",
}
_RETURNS = frozenset({"return_statement", "return_expression", "yield"})
_OPERATIONS = frozenset(
    {"binary_operator", "boolean_operator", "comparison_operator", "not_operator", "binary_expression"}
)
_ARGUMENTS = frozenset({"argument_list", "arguments"})


@dataclass(frozen=True, slots=True)
class Mask:
    """A half-open span of bytes of a file; empty for an insertion. `score` is in [0, 1]."""

    path: str
    start_byte: int
    end_byte: int
    kind: MaskKind
    score: float

    @property
    def whole_lines(self) -> bool:
        """Whether the infill is statements, which may take several lines."""
        return self.kind in (MaskKind.STATEMENT, MaskKind.INSERTION, MaskKind.BLOCK, MaskKind.LINE)


def masks(suspects: Sequence[Suspect], sources: Mapping[str, Source]) -> list[Mask]:
    """Return the masks around suspicious lines, best first; a span is masked once, as its best kind."""
    best: dict[tuple[str, int, int], Mask] = {}
    for path, source in sources.items():
        scores = {suspect.line: suspect.score for suspect in suspects if suspect.path == path}
        for start, end, kind, score in _spans(source, scores):
            mask = Mask(path, start, end, kind, score * PRIORS[kind])
            key = (path, start, end)
            if end - start <= _MAX_SPAN and (key not in best or best[key].score < mask.score):
                best[key] = mask
    return sorted(best.values(), key=lambda mask: (-mask.score, mask.path, mask.start_byte, mask.end_byte))


Span = tuple[int, int, MaskKind, float]


def _spans(source: Source, scores: Mapping[int, float]) -> Iterator[Span]:
    if source.tree is None:
        yield from _lines(source, scores)
        return
    statements = [node for node in source.statements() if not _is_text(node)]
    found = False
    for node in statements:
        score = max((scores.get(line, 0.0) for line in _own_lines(node)), default=0.0)
        if score:
            found = True
            yield from _of_statement(node, score)
    for run in _runs(statements):
        score = min(max((scores.get(line, 0.0) for line in _own_lines(node)), default=0.0) for node in run)
        if score:
            yield run[0].start_byte, run[-1].end_byte, MaskKind.BLOCK, score
    if not found:
        yield from _lines(source, scores)


def _of_statement(node: Node, score: float) -> Iterator[Span]:
    yield node.start_byte, node.start_byte, MaskKind.INSERTION, score
    if _body(node) is None:
        yield node.start_byte, node.end_byte, MaskKind.STATEMENT, score
        yield node.end_byte, node.end_byte, MaskKind.INSERTION, score * 0.9
    for inner, kind in _parts(node):
        yield inner.start_byte, inner.end_byte, kind, score


def _parts(statement: Node) -> Iterator[tuple[Node, MaskKind]]:
    """Yield the expressions of a statement's own header or text, not those of nested statements."""
    for node in _shallow(statement):
        parent = node.parent
        if parent is None or not node.is_named or node.type == "comment":
            continue
        if parent.child_by_field_name("condition") == node or parent.type == "if_clause":
            yield _unwrapped(node), MaskKind.CONDITION
        elif parent.type in _RETURNS:
            yield node, MaskKind.RETURN
        elif _VALUES.get(parent.type) and parent.child_by_field_name(_VALUES[parent.type]) == node:
            yield node, MaskKind.EXPRESSION
        elif parent.type in _OPERATIONS:
            yield node, MaskKind.OPERAND
        elif parent.type in _ARGUMENTS:
            value = node.child_by_field_name("value") if node.type == "keyword_argument" else None
            yield value or node, MaskKind.ARGUMENT


def _shallow(statement: Node) -> Iterator[Node]:
    """Yield the nodes below a statement, without entering bodies."""
    for child in statement.children:
        if child.type not in ("block", "statement_block", "class_body", "match_block", "switch_body"):
            yield child
            yield from _shallow(child)


def _unwrapped(node: Node) -> Node:
    """Return what stands inside the parentheses that JavaScript puts around a condition."""
    inner = node.named_children
    return inner[0] if node.type == "parenthesized_expression" and len(inner) == 1 else node


def _body(node: Node) -> Node | None:
    """Return the first nested body of a compound statement or definition."""
    types = ("block", "statement_block", "class_body", "match_block", "switch_body")
    return next((below for below in walk(node) if below.type in types and below != node), None)


def _own_lines(node: Node) -> range:
    """Return the lines (1-based) of a simple statement, or of a compound one's header."""
    body, first = _body(node), node.start_point.row + 1
    if body is None:
        return range(first, node.end_point.row + 2)
    if node.type.endswith(("definition", "declaration", "function_item", "class_declaration")):
        return range(0)
    return range(first, max(first, body.start_point.row) + 1)


def _runs(statements: Sequence[Node]) -> Iterator[Sequence[Node]]:
    """Yield every two and three consecutive simple statements of one body."""
    simple = [node for node in statements if _body(node) is None]
    followed = {before.id: after for before, after in pairwise(simple) if _adjacent(before, after)}
    for node in simple:
        run = [node]
        while len(run) < _MAX_BLOCK and run[-1].id in followed:
            run.append(followed[run[-1].id])
            yield tuple(run)


def _adjacent(before: Node, after: Node) -> bool:
    sibling = before.next_named_sibling
    while sibling is not None and sibling.type in ("comment", "line_comment", "empty_statement"):
        sibling = sibling.next_named_sibling
    return sibling == after


def _is_text(node: Node) -> bool:
    """Tell a docstring, or another string that stands alone."""
    return node.type == "expression_statement" and [child.type for child in node.named_children] == ["string"]


def _lines(source: Source, scores: Mapping[int, float]) -> Iterator[Span]:
    for line, score in scores.items():
        text = source.line(line)
        if text.strip():
            start = source.line_start(line) + len(text.encode()) - len(text.lstrip().encode())
            yield start, source.line_start(line) + len(text.rstrip().encode()), MaskKind.LINE, score
