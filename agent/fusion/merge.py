"""Merge: one answer written from several and their comparison."""

import json
from collections.abc import Mapping

from moot.agent.core.errors import MootError
from moot.agent.fusion.asking import Question, Topic, ask_about
from moot.agent.fusion.comparison import Comparison
from moot.agent.fusion.member import CUT, Answer
from moot.agent.fusion.seat import Seat

__all__ = ["MERGED", "merge"]

MERGED = "merged"
"""Id of the answer that is written from the others."""

_TEMPERATURE = 0.2


async def merge(
    seat: Seat, topic: Topic, answers: Mapping[str, str], comparison: Comparison, tokens: int
) -> Answer | str:
    """Write the final answer; return it, or why there is none.

    Args:
        seat: the writer's.
        topic: the request.
        answers: texts by anonymous labels.
        comparison: what the judge found, with the same labels.
        tokens: bound of the answer.
    """
    question = Question(
        "fusion_merge",
        "write",
        min(tokens, seat.context // 3),
        data={"comparison": _listed(comparison)},
        temperature=_TEMPERATURE,
    )
    try:
        written, _ = await ask_about(seat, topic, answers, question)
    except MootError as exc:
        return str(exc)
    if not written.text.strip():
        return "the writer wrote nothing"
    if written.finish in CUT:
        return "the merged answer has no proper end: allow longer answers with --answer-tokens"
    return Answer(MERGED, seat.member.name, written.text.strip(), written.tokens)


def _listed(comparison: Comparison) -> str:
    lists = comparison.lists.items()
    found = {name: [{"text": item.text, "answers": item.answers} for item in items] for name, items in lists}
    return json.dumps(found, ensure_ascii=False)
