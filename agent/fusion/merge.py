"""Merge: one answer written from several and their comparison."""

import json
from collections.abc import Mapping

from moot.agent.core.errors import MootError
from moot.agent.core.messages import ChatMessage, ChatRequest
from moot.agent.fusion.brief import EMPTY, Brief, fence, fill, pack, room_in
from moot.agent.fusion.comparison import Comparison
from moot.agent.fusion.member import CUT, Answer
from moot.agent.fusion.seat import Seat
from moot.prompts import render

__all__ = ["MERGED", "merge"]

MERGED = "merged"
"""Id of the answer that is written from the others."""

_TEMPERATURE = 0.2


async def merge(
    seat: Seat, task: str, answers: Mapping[str, str], comparison: Comparison, tokens: int
) -> Answer | str:
    """Write the final answer; return it, or why there is none.

    Args:
        seat: the writer's.
        task: the request.
        answers: texts by anonymous labels.
        comparison: what the judge found, with the same labels.
        tokens: bound of the answer.
    """
    found = _listed(comparison)
    try:
        tokens = min(tokens, seat.context // 3)
        fixed = [render("fusion_system"), _prompt(EMPTY, ""), found]
        brief = await pack(seat, task, answers, await room_in(seat, fixed, tokens))
        [written, *_] = await seat.ask(_request(brief, found, tokens), "write")
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


def _request(brief: Brief, found: str, tokens: int) -> ChatRequest:
    return ChatRequest(
        (ChatMessage("system", render("fusion_system")), ChatMessage("user", _prompt(brief, found))),
        max_tokens=tokens,
        temperature=_TEMPERATURE,
    )


def _prompt(brief: Brief, found: str) -> str:
    return fill("fusion_merge", brief, comparison=fence(brief.key, "comparison", found))
