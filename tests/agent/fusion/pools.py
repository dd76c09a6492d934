"""A pool of scripted servers, and what a judge would write."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from moot.agent.core.messages import ChatMessage
from moot.agent.fusion.member import Member
from moot.agent.fusion.race import Patience
from moot.agent.fusion.request import FusionOutcome, FusionRequest
from moot.agent.fusion.text import fuse_text
from moot.agent.models.client import ClientOptions, OpenAIClient
from tests.scripted import Reply, Request, ScriptedServer

QUICK = Patience(least=0.3, lonely=4.0, lonely_least=1.5)

COMPARISON = json.dumps(
    {
        "consensus": [{"text": "It is in Australia.", "answers": ["A", "B"]}],
        "contradictions": [{"text": "Sydney or Canberra.", "answers": ["A", "B", "Z"]}],
        "partial": [{"text": "about nobody", "answers": ["Q"]}],
        "unique": [],
        "blind_spots": [{"text": "Nobody says since when.", "answers": []}],
    }
)
"""A comparison of two answers, of which some rows name answers that do not exist."""


def purpose(request: Request) -> str:
    """What a call is for, by its prompt."""
    marks = {
        "Which answer does the task better?": "judge",
        "Compare the answers.": "compare",
        "Write the final answer": "write",
        "Look for defects": "criticise",
        "Answer A is yours.": "revise",
    }
    return next((name for mark, name in marks.items() if mark in request.prompt), "answer")


def ruling(verdict: str, cites: Sequence[str] = ("A1", "B1"), text: str = "It is right.") -> str:
    return json.dumps({"reasons": [{"cites": list(cites), "text": text}], "verdict": verdict})


def prefers(text: str, likely: bool = True, sure: float = 0.9) -> Callable[[Request], Reply]:
    """A judge that always finds the answer better which contains a text."""

    def answer(request: Request) -> Reply:
        first = request.prompt.split("<<< answer B")[0]
        verdict = "A" if text in first.split("<<< answer A")[1] else "B"
        other = "B" if verdict == "A" else "A"
        chosen = {verdict: {verdict: _log(sure), other: _log(1 - sure)}} if likely else {}
        return Reply(ruling(verdict), likely=chosen)

    return answer


def by_purpose(**scripts: Any) -> Callable[[Request], Any]:
    """Answer each purpose with a fixed reply, a function of the request, or a list in turn."""
    queues = {name: list(script) for name, script in scripts.items() if isinstance(script, list)}

    def answer(request: Request) -> Any:
        name = purpose(request)
        script = queues[name].pop(0) if queues.get(name) else scripts[name]
        return script(request) if callable(script) else script

    return answer


def member(name: str, server: ScriptedServer | str, **more: Any) -> Member:
    return Member(name, base_url=server if isinstance(server, str) else server.base_url, **more)


async def connect(one: Member) -> OpenAIClient:
    """Reach a member's server."""
    options = ClientOptions(model=one.model, first_wait=0.01, attempts=2, read_timeout=20)
    return await OpenAIClient.connect(str(one.base_url), options, probe=False)


def fuse(
    *members: Member,
    said: list[str] | None = None,
    prompt: str = "What is the capital of Australia?",
    **more: Any,
) -> FusionOutcome:
    """Run a fusion against real sockets."""
    request = FusionRequest((ChatMessage("user", prompt),), members, **({"patience": QUICK} | more))
    return asyncio.run(fuse_text(request, connect, (said if said is not None else []).append))


def _log(probability: float) -> float:
    import math

    return math.log(max(probability, 1e-9))
