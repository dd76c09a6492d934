"""A judge compares two answers in both orders, held to a schema, and says how sure it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from moot.agent.core.errors import MootError
from moot.agent.core.together import together
from moot.agent.fusion.asking import Question, Topic, ask_about
from moot.agent.fusion.decide import (
    UNCALIBRATED,
    Calibration,
    Challenge,
    Choice,
    agreed,
    debiased,
    with_prior,
)
from moot.agent.fusion.member import Answer
from moot.agent.fusion.ruling import Reason, Ruling, read_ruling, ruling_schema
from moot.agent.fusion.seat import Seat
from moot.prompts import render

__all__ = ["Criteria", "InOneOrder", "Known", "PairRuling", "judge_pair", "nothing_known"]

Known = Callable[[Mapping[str, str]], Mapping[str, str]]
"""What is known of two answers, by ids that can be cited: (letters by the answers' ids) -> sentences."""


def nothing_known(letters: Mapping[str, str]) -> Mapping[str, str]:
    """No evidence."""
    return {}


_ANSWER_TOKENS = 448
"""Three reasons of 240 characters, their ids and the verdict."""
_TOP_LOGPROBS = 10
"""Enough for the beginnings of four verdicts; servers allow 20."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a judge goes by.

    Attributes:
        rubric: in words; empty means the usual one.
        threshold: P(better) above which a challenger takes the incumbent's place.
        calibration: how its probabilities are corrected.
    """

    rubric: str = ""
    threshold: float = 0.6
    calibration: Calibration = field(default_factory=lambda: UNCALIBRATED)

    @property
    def text(self) -> str:
        """The rubric as a prompt has it."""
        return self.rubric.strip() or render("fusion_rubric").strip()


@dataclass(frozen=True, slots=True)
class InOneOrder:
    """What was ruled with one of the answers in the first place.

    Attributes:
        first: whose answer was called A.
        better: P(the challenger is better); None where the server does not tell.
        error: why there is no verdict.
    """

    first: Literal["incumbent", "challenger"]
    choice: Choice
    better: float | None = None
    reasons: tuple[Reason, ...] = ()
    invalid_reasons: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class PairRuling:
    """What both orders come to; `better` is debiased, calibrated and weighted."""

    challenger: str
    orders: tuple[InOneOrder, ...]
    verdict: Choice
    better: float
    length: int

    @property
    def challenge(self) -> Challenge:
        """What is decided by."""
        return Challenge(self.challenger, self.verdict, self.better, length=self.length)


async def judge_pair(
    seat: Seat,
    topic: Topic,
    answers: tuple[Answer, Answer],
    criteria: Criteria,
    known: Known = nothing_known,
) -> PairRuling:
    """Compare the incumbent (first) with a challenger; a failure of the judge is an invalid verdict."""
    incumbent, challenger = answers
    orders = await together(
        _in_order(seat, topic, pair, criteria, known)
        for pair in ((incumbent, challenger), (challenger, incumbent))
    )
    seen = (_seen(orders[0], "incumbent"), _seen(orders[1], "challenger"))
    choices: list[Choice] = [each.choice for each in seen]
    raw = debiased([each.better for each in seen], choices)
    better = with_prior(criteria.calibration.apply(raw), challenger.weight / incumbent.weight)
    return PairRuling(challenger.id, seen, agreed(choices), better, len(challenger.text))


async def _in_order(
    seat: Seat, topic: Topic, answers: tuple[Answer, Answer], criteria: Criteria, known: Known
) -> Ruling | str:
    """Return the ruling with the first answer as A, or why there is none."""
    question = Question(
        "fusion_judge",
        "judge",
        _ANSWER_TOKENS,
        schema=lambda brief: ruling_schema(brief.ids),
        fields={"rubric": criteria.text},
        evidence=known({answers[0].id: "A", answers[1].id: "B"}),
        top_logprobs=_TOP_LOGPROBS,
        numbered=True,
    )
    try:
        said, brief = await ask_about(seat, topic, {"A": answers[0].text, "B": answers[1].text}, question)
    except MootError as exc:
        return str(exc)
    return read_ruling(said, brief.ids) or "the judge's answer is not of the form that was asked for"


def _seen(ruling: Ruling | str, first: Literal["incumbent", "challenger"]) -> InOneOrder:
    """Return a ruling in terms of who the answers are of."""
    if isinstance(ruling, str):
        return InOneOrder(first, "invalid", error=ruling)
    second: Choice = "challenger" if first == "incumbent" else "incumbent"
    names: dict[str, Choice] = {"A": first, "B": second, "TIE": "tie", "ABSTAIN": "abstain"}
    better = ruling.second
    if better is not None and first == "challenger":
        better = 1 - better
    return InOneOrder(first, names[ruling.verdict], better, ruling.reasons, ruling.invalid_reasons)
