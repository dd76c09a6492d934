"""What a judge wrote -> its verdict, its reasons, and how sure it was. Pure, and safe on any text."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from moot.agent.core.messages import Completion, TokenChoice

__all__ = [
    "MAX_REASON",
    "Reason",
    "Ruling",
    "Verdict",
    "parse",
    "probabilities",
    "read_ruling",
    "ruling_schema",
    "strict_object",
]

Verdict = Literal["A", "B", "TIE", "ABSTAIN"]

MAX_REASON = 240
"""Characters of a reason: long rationales win by their length, not by what they say."""
MAX_REASONS = 3

_VERDICT = re.compile(r'"verdict"\s*:\s*"')
_VERDICTS: tuple[Verdict, ...] = ("A", "B", "TIE", "ABSTAIN")
Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, and the ids of what it refers to."""

    text: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict in one order.

    Attributes:
        reasons: those that cite only what exists.
        invalid_reasons: how many others there were.
        second: P(the second answer is better), from the choice of tokens; None where it is not told.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    invalid_reasons: int
    second: float | None


class _Reason(BaseModel):
    cites: list[str] = Field(max_length=64)
    text: str


class _Ruling(BaseModel):
    reasons: list[_Reason] = Field(max_length=64)
    verdict: Verdict


def ruling_schema(ids: Sequence[str]) -> dict[str, Any]:
    """Return the JSON schema of a ruling that can cite nothing but these ids."""
    cites = {"type": "array", "items": {"type": "string", "enum": list(ids)}, "minItems": 1, "maxItems": 3}
    reason = strict_object(cites=cites, text={"type": "string", "maxLength": MAX_REASON})
    reasons = {"type": "array", "items": reason, "minItems": 1, "maxItems": MAX_REASONS}
    return strict_object(reasons=reasons, verdict={"type": "string", "enum": list(_VERDICTS)})


def read_ruling(answer: Completion, ids: Collection[str]) -> Ruling | None:
    """Return what a judge ruled, or None where it is of no use.

    A reason that cites an unknown id, or none, or has no words does not count; a winner without any
    that counts is an abstention.
    """
    written = parse(_Ruling, answer.text)
    if written is None:
        return None
    reasons = tuple(
        Reason(each.text[:MAX_REASON], tuple(each.cites))
        for each in written.reasons[:MAX_REASONS]
        if each.cites and set(each.cites) <= set(ids) and any(map(str.isalpha, each.text))
    )
    decided = written.verdict in ("A", "B")
    verdict: Verdict = "ABSTAIN" if decided and not reasons else written.verdict
    known = probabilities(answer.choices, answer.text, written.verdict)
    second = known["B"] + (known["TIE"] + known["ABSTAIN"]) / 2 if known else None
    return Ruling(verdict, reasons, len(written.reasons) - len(reasons), second)


def parse(shape: type[Shape], text: str) -> Shape | None:
    """Return the JSON object in a text, or None where there is none of that shape."""
    start, end = text.find("{"), text.rfind("}")
    if not 0 <= start < end:
        return None
    try:
        return shape.model_validate_json(text[start : end + 1].encode("utf-8", "replace"))
    except ValidationError:
        return None


def probabilities(choices: Sequence[TokenChoice], text: str, verdict: Verdict) -> dict[Verdict, float] | None:
    """Return how likely each verdict was at the token that began this one; None where that is not told."""
    found = list(_VERDICT.finditer(text))
    token = _token_at(choices, text, found[-1].end()) if found else None
    if token is None or _begun(token.text) != verdict:
        return None
    mass: dict[Verdict, float] = dict.fromkeys(_VERDICTS, 0.0)
    for word, logprob in token.likely:
        other = _begun(word)
        if other and not math.isnan(logprob):
            mass[other] += math.exp(min(logprob, 0.0))
    total = sum(mass.values())
    return {each: share / total for each, share in mass.items()} if total > 0 else None


def _token_at(choices: Sequence[TokenChoice], text: str, at: int) -> TokenChoice | None:
    """Return the token that holds a character of the text.

    Tokens are counted from the end, past the one that ended the answer and is not in its text: what comes
    after a verdict is plain, whereas pieces of a character in the reasons have no length to rely on.
    """
    rest = text
    for choice in reversed(choices):
        if choice.text and rest.endswith(choice.text):
            rest = rest[: -len(choice.text)]
        elif len(rest) < len(text):
            return None
        if len(rest) <= at:
            return choice
    return None


def _begun(token: str) -> Verdict | None:
    """Return the verdict that a token begins: `A`, ` "B`, `T`, `AB`."""
    word = token.strip(' "\n\t')
    if word in ("A", "B"):
        return "A" if word == "A" else "B"
    if word and "TIE".startswith(word):
        return "TIE"
    return "ABSTAIN" if word and "ABSTAIN".startswith(word) else None


def strict_object(**properties: object) -> dict[str, Any]:
    """Return the JSON schema of an object that has these properties, all of them, and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
