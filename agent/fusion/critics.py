"""What models are asked of patches: inputs that tell them apart, defects that code can show, right values.

Each answer is held to a schema; one that fails or has another form costs what it would have brought.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, Field

from moot.agent.core.errors import MootError
from moot.agent.core.messages import ChatMessage, ChatRequest, Completion
from moot.agent.core.trials import Trial
from moot.agent.fusion.asking import Question, Topic, ask_about, follow
from moot.agent.fusion.claims import Claim
from moot.agent.fusion.debate import MAX_DEFECTS
from moot.agent.fusion.ruling import parse, strict_object
from moot.agent.fusion.seat import Seat
from moot.prompts import render

__all__ = ["MAX_INPUTS", "PREDICTIONS", "Case", "find_defects", "find_inputs", "predict"]

MAX_INPUTS = 3
"""Inputs that are asked for."""

PREDICTIONS = 3
"""Answers to the question what a trial should give."""

_INPUT_TOKENS = 384
_DEFECT_TOKENS = 768
_VALUE_TOKENS = 96
_MOST_CODE = 400
_MOST_TEXT = 200
_WARM = 0.7
"""Temperature of predictions: from a cold model three would be one."""


@dataclass(frozen=True, slots=True)
class Case:
    """What participants are shown: the task, diffs under letters, and the files that trials may be about.

    Attributes:
        names: ids of candidates by letter.
    """

    task: str
    diffs: Mapping[str, str]
    names: Mapping[str, str]
    paths: tuple[str, ...]
    rubric: str


class _Input(BaseModel):
    path: str
    code: str


class _Inputs(BaseModel):
    inputs: list[_Input] = Field(max_length=64)


class _Defect(_Input):
    answer: str
    line: int = 0
    expected: str
    actual: str = ""
    sentence: str = ""


class _Defects(BaseModel):
    defects: list[_Defect] = Field(max_length=64)


class _Values(BaseModel):
    values: list[str] = Field(max_length=64)


async def find_inputs(seat: Seat, case: Case) -> list[Trial] | str:
    """Ask for inputs on which patches behave differently; return trials, or why there are none."""
    item = strict_object(path=_one_of(case.paths), code=_text(_MOST_CODE))
    schema = strict_object(inputs={"type": "array", "items": item, "maxItems": MAX_INPUTS})
    question = _question("fusion_inputs", "inputs", _INPUT_TOKENS, schema, case)
    said = await _ask(seat, case, question)
    written = None if isinstance(said, str) else parse(_Inputs, said.text)
    if written is None:
        return _failure(seat, "input", said)
    named = [(each.path, _bare(each)) for each in written.inputs[:MAX_INPUTS] if each.path in case.paths]
    known = [(path, code) for path, code in named if code]
    return [Trial(f"D{number}", path, code) for number, (path, code) in enumerate(known, 1)]


async def find_defects(
    seat: Seat, case: Case, evidence: Mapping[str, str]
) -> list[tuple[Trial, Claim]] | str:
    """Ask for defects that code can show; return a trial and a claim of each, or why there are none."""
    item = strict_object(
        answer=_one_of(list(case.names)),
        path=_one_of(case.paths),
        line={"type": "integer", "minimum": 0},
        code=_text(_MOST_CODE),
        expected=_text(_MOST_TEXT),
        actual=_text(_MOST_TEXT),
        sentence=_text(_MOST_TEXT),
    )
    schema = strict_object(defects={"type": "array", "items": item, "maxItems": MAX_DEFECTS})
    question = _question("fusion_defects", "criticise", _DEFECT_TOKENS, schema, case)
    fields = {**question.fields, "rubric": case.rubric}
    said = await _ask(seat, case, replace(question, evidence=evidence, fields=fields))
    written = None if isinstance(said, str) else parse(_Defects, said.text)
    if written is None:
        return _failure(seat, "defect", said)
    known = [each for each in written.defects[:MAX_DEFECTS] if each.answer in case.names]
    return [
        (
            Trial(f"C{number}", each.path, _bare(each)),
            Claim(
                seat.member.name,
                case.names[each.answer],
                each.line,
                each.expected[:_MOST_TEXT],
                each.actual[:_MOST_TEXT],
                each.sentence[:_MOST_TEXT],
            ),
        )
        for number, each in enumerate(known, 1)
        if each.path in case.paths and _bare(each)
    ]


async def predict(
    seat: Seat, opening: Sequence[ChatMessage], trials: Sequence[Trial], samples: int = PREDICTIONS
) -> list[tuple[str, ...]]:
    """Ask what trials should give, of models that saw the task and no patch: for each trial their answers.

    Args:
        seat: whose answers these are.
        opening: the conversation that the patches were written in; the server has it cached.
        trials: in question, all in one request.
        samples: answers of each; one that fails or has another form is empty.
    """
    pieces = "".join(
        render("fusion_piece", number=str(number), path=trial.path, code=trial.code.strip())
        for number, trial in enumerate(trials, 1)
    )
    question = render("fusion_expect", pieces=pieces.rstrip())
    values = {"type": "array", "items": _text(_MOST_TEXT), "minItems": len(trials), "maxItems": len(trials)}
    request = ChatRequest(
        follow(opening, question),
        max_tokens=_VALUE_TOKENS * len(trials),
        temperature=_WARM,
        n=samples,
        schema=strict_object(values=values),
    )
    try:
        answers = await seat.ask(request, "expect")
    except MootError:
        return [() for _ in trials]
    read = [parse(_Values, answer.text) for answer in answers]
    none = [""] * len(trials)
    said = [each.values if each and len(each.values) == len(trials) else none for each in read]
    return [tuple(each[place].strip() for each in said) for place in range(len(trials))]


def _bare(given: _Input) -> str:
    """Return code without the comments behind it: who is asked for its value is not to be told one.

    A comment with a quote in it stays, for it may be the rest of a text.
    """
    mark = "#" if given.path.endswith((".py", ".pyi")) else "//"
    return re.sub(rf"(?m)(?:^|\s+){mark}[^'\"`\n]*$", "", given.code).strip()


def _question(prompt: str, purpose: str, tokens: int, schema: Mapping[str, Any], case: Case) -> Question:
    paths = {"paths": ", ".join(case.paths)}
    return Question(prompt, purpose, tokens, schema=lambda brief: schema, fields=paths, evidence={})


async def _ask(seat: Seat, case: Case, question: Question) -> Completion | str:
    """Return the answer, or why there is none."""
    try:
        said, _ = await ask_about(seat, Topic(case.task), case.diffs, question)
    except MootError as exc:
        return str(exc)
    return said


def _failure(seat: Seat, what: str, said: Completion | str) -> str:
    why = said if isinstance(said, str) else "its answer is not of the form that was asked for"
    return f"{seat.member.name} names no {what}: {why}"


def _text(most: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": most}


def _one_of(names: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}
