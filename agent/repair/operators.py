"""Other operators in the place of one: candidates that need no model."""

from moot.agent.repair.infill import Infill, normalised
from moot.agent.repair.kinds import Mask, MaskKind
from moot.agent.repair.source import Source
from moot.agent.syntax import language_of

__all__ = ["alternatives", "operator_infills"]

_FAMILIES = (
    ("<", "<=", ">", ">=", "==", "!="),
    ("===", "!==", "<", "<=", ">", ">="),
    ("+", "-", "*", "/", "//", "%", "**"),
    ("and", "or"),
    ("&&", "||", "??"),
    ("&", "|", "^", "<<", ">>", ">>>", "&^"),
    ("is", "is not", "==", "!="),
    ("in", "not in"),
    ("+=", "-=", "=", "*=", "/=", "|=", "&=", "||=", "??="),
    ("++", "--"),
    ("..", "..="),
    ("not", ""),
    ("!", ""),
)
"""Operators that take each other's place: with operands of the same types."""
_NEAREST = {
    "<": ("<=", ">", ">="),
    "<=": ("<", ">=", ">"),
    ">": (">=", "<", "<="),
    ">=": (">", "<=", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "===": ("!==",),
    "!==": ("===",),
    "+": ("-",),
    "-": ("+",),
    "/": ("//", "*"),
    "//": ("/",),
    "%": ("//", "/"),
    "*": ("/", "+"),
    "is": ("is not", "=="),
    "+=": ("-=", "="),
    "-=": ("+=", "="),
    "=": ("+=",),
}
"""The first to try."""
_ONLY = {
    "//": ("python",),
    "**": ("python", "javascript", "typescript", "tsx"),
    "??": ("javascript", "typescript", "tsx"),
    "||=": ("javascript", "typescript", "tsx"),
    "??=": ("javascript", "typescript", "tsx"),
    ">>>": ("javascript", "typescript", "tsx"),
    "&^": ("go",),
}
_MOST = 3
_CONFIDENCE = -0.6
"""What stands for a log-probability in the ranking; each further alternative has a little less."""


def alternatives(operator: str, language: str | None) -> tuple[str, ...]:
    """Return the likeliest operators in the place of one, the likeliest first; `""` removes it."""
    family = next((each for each in _FAMILIES if operator in each), ())
    order = dict.fromkeys((*_NEAREST.get(operator, ()), *family))
    known = (other for other in order if other != operator)
    return tuple(other for other in known if language in _ONLY.get(other, (language,)))[:_MOST]


def operator_infills(mask: Mask, source: Source) -> list[Infill]:
    """Return the edits that put another operator in a mask's place and parse as well as before."""
    assert mask.kind is MaskKind.OPERATOR
    operator = source.data[mask.start_byte : mask.end_byte].decode()
    same, found = normalised(source), list[Infill]()
    for place, text in enumerate(alternatives(operator, language_of(mask.path))):
        end = mask.end_byte + (source.data[mask.end_byte : mask.end_byte + 1] == b" " and not text)
        result = source.with_span(mask.start_byte, end, text.encode())
        tokens = normalised(result)
        if result.defects <= source.defects and tokens != same:
            logprob = _CONFIDENCE * (1 + place / 2)
            rank = mask.score + 0.1 * logprob
            found.append(Infill(mask.path, mask.start_byte, end, text, mask.kind, logprob, rank, tokens))
    return found
