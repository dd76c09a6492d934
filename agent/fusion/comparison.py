"""The structured comparison of answers: what OpenRouter's Fusion has its judge write."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from moot.agent.core.errors import MootError
from moot.agent.fusion.asking import Question, Topic, ask_about
from moot.agent.fusion.ruling import parse
from moot.agent.fusion.seat import Seat

__all__ = ["LISTS", "Comparison", "Item", "compare"]

LISTS = ("consensus", "contradictions", "partial", "unique", "blind_spots")

_ANSWER_TOKENS = 1024
_MAX_ITEMS = 4
_MAX_TEXT = 240


@dataclass(frozen=True, slots=True)
class Item:
    """A finding, and the labels or ids of the answers that it is about."""

    text: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What answers have in common and what not.

    Attributes:
        consensus: what several agree on.
        contradictions: where they cannot all be right.
        partial: what only some of them do.
        unique: what one alone has.
        blind_spots: what none of them does.
    """

    consensus: tuple[Item, ...] = ()
    contradictions: tuple[Item, ...] = ()
    partial: tuple[Item, ...] = ()
    unique: tuple[Item, ...] = ()
    blind_spots: tuple[Item, ...] = ()

    @property
    def lists(self) -> Mapping[str, tuple[Item, ...]]:
        """All five by their names."""
        return {name: getattr(self, name) for name in LISTS}


class _Item(BaseModel):
    text: str
    answers: list[str] = Field(default=[], max_length=64)


class _Comparison(BaseModel):
    consensus: list[_Item] = Field(max_length=64)
    contradictions: list[_Item] = Field(max_length=64)
    partial: list[_Item] = Field(max_length=64)
    unique: list[_Item] = Field(max_length=64)
    blind_spots: list[_Item] = Field(max_length=64)


async def compare(
    seat: Seat, topic: Topic, answers: Mapping[str, str], rubric: str
) -> tuple[Comparison | None, str]:
    """Compare answers, and return the comparison, or None and why there is none.

    Args:
        seat: the judge's.
        topic: the request.
        answers: texts by anonymous labels.
        rubric: what is judged by.
    """
    question = Question(
        "fusion_compare",
        "compare",
        _ANSWER_TOKENS,
        schema=lambda brief: _schema(list(answers)),
        fields={"rubric": rubric},
    )
    try:
        answer, _ = await ask_about(seat, topic, answers, question)
    except MootError as exc:
        return None, str(exc)
    written = parse(_Comparison, answer.text)
    if written is None:
        return None, "the judge's comparison is not of the form that was asked for"
    found = {name: _items(getattr(written, name), answers, name) for name in LISTS}
    if not any(found.values()):
        return None, "the judge's comparison says nothing of these answers"
    return Comparison(**found), ""


def _schema(labels: Sequence[str]) -> dict[str, Any]:
    about = {"type": "array", "items": {"type": "string", "enum": list(labels)}, "maxItems": len(labels)}
    item = {
        "type": "object",
        "properties": {"text": {"type": "string", "maxLength": _MAX_TEXT}, "answers": about},
        "required": ["text", "answers"],
        "additionalProperties": False,
    }
    items = {"type": "array", "items": item, "maxItems": _MAX_ITEMS}
    return {
        "type": "object",
        "properties": dict.fromkeys(LISTS, items),
        "required": list(LISTS),
        "additionalProperties": False,
    }


def _items(written: Iterable[_Item], labels: Collection[str], name: str) -> tuple[Item, ...]:
    """Return the items that say something of answers that exist; blind spots are of none."""
    found: list[Item] = []
    for each in written:
        about = tuple(label for label in dict.fromkeys(each.answers) if label in labels)
        if each.text.strip() and (about or name == "blind_spots"):
            found.append(Item(each.text.strip()[:_MAX_TEXT], about))
    return tuple(found[:_MAX_ITEMS])
