"""Kinds of masks, and how likely a fix is of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["PRIORS", "Mask", "MaskKind"]


class MaskKind(StrEnum):
    """What a mask covers.

    Kinds:
        HEADER: the beginning of a compound statement, up to its body.
        NAME: what is called.
        OPERATOR: one operator, whose alternatives are known without a model.
        PARAMETER: the parameters of a function, or the default of one.
        INSERTION: nothing; statements are put there.
        BRANCH: nothing; a case or an `else` is put there.
        BLOCK: up to three consecutive statements.
        BODY: all statements of a function.
        LINE: a line of which the syntax tree tells nothing.
    """

    STATEMENT = "statement"
    HEADER = "header"
    CONDITION = "condition"
    RETURN = "return"
    EXPRESSION = "expression"
    ARGUMENT = "argument"
    OPERAND = "operand"
    OPERATOR = "operator"
    NAME = "name"
    PARAMETER = "parameter"
    INSERTION = "insertion"
    BRANCH = "branch"
    BLOCK = "block"
    BODY = "body"
    LINE = "line"


PRIORS: Mapping[MaskKind, float] = {
    MaskKind.CONDITION: 1.0,
    MaskKind.HEADER: 0.95,
    MaskKind.RETURN: 0.85,
    MaskKind.EXPRESSION: 0.8,
    MaskKind.STATEMENT: 0.75,
    MaskKind.LINE: 0.7,
    MaskKind.ARGUMENT: 0.45,
    MaskKind.BLOCK: 0.4,
    MaskKind.OPERAND: 0.3,
    MaskKind.OPERATOR: 0.1,
    MaskKind.NAME: 0.2,
    MaskKind.INSERTION: 0.15,
    MaskKind.BODY: 0.1,
    MaskKind.BRANCH: 0.05,
    MaskKind.PARAMETER: 0.05,
}
"""How often a mask on the right line reaches a fix, long infills counting less: learnt from 1,621 small
one-hunk fixes of 59 repositories by tests/bench/repair/learn_priors.py. Insertions, the only masks that
reach the 16% of fixes that only insert, have places of their own in each round (`generate.py`)."""

_STATEMENTS = frozenset({MaskKind.STATEMENT, MaskKind.INSERTION, MaskKind.BLOCK, MaskKind.BODY})
_EXPRESSIONS = frozenset(
    {
        MaskKind.CONDITION,
        MaskKind.RETURN,
        MaskKind.EXPRESSION,
        MaskKind.ARGUMENT,
        MaskKind.OPERAND,
        MaskKind.NAME,
        MaskKind.PARAMETER,
    }
)


@dataclass(frozen=True, slots=True)
class Mask:
    """A half-open span of bytes of a file; empty for an insertion. `score` is in [0, 1].

    Attributes:
        lead, tail: text that stands before and after whatever fills the span: line breaks and
            indentation of new statements, the keyword of a new branch.
    """

    path: str
    start_byte: int
    end_byte: int
    kind: MaskKind
    score: float
    lead: str = ""
    tail: str = ""

    @property
    def whole_lines(self) -> bool:
        """Whether the infill may take several lines, whatever is there now."""
        return not self.one_node or self.kind in _STATEMENTS

    @property
    def one_node(self) -> bool:
        """Whether the infill has to be one node of the tree, or several that are siblings."""
        return self.kind in _STATEMENTS or self.kind in _EXPRESSIONS

    @property
    def several(self) -> bool:
        """Whether siblings will do: statements, or arguments."""
        return self.kind in _STATEMENTS or self.kind is MaskKind.ARGUMENT or self.kind is MaskKind.PARAMETER
