"""The best files ranked once more, by the model itself, over what they define.

It answers with numbers of the list that it was shown, held to a schema, so that it cannot name what is not
there. An answer that cannot be read leaves the ranking as it was.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, Field

from moot.agent.core.errors import EmptyAnswer
from moot.agent.core.messages import ChatMessage, ChatRequest
from moot.agent.core.ports import Index, ModelClient
from moot.agent.core.types import RankedFile
from moot.agent.screen import why_not_path, why_not_symbol
from moot.prompts import render

__all__ = ["rerank"]

_CHOSEN = 5  # files that the model names at most
_SIGNATURES = 12  # of a file
_WIDTH = 100  # characters of a signature
_ANSWER_TOKENS = 64


class _Answer(BaseModel):
    files: list[int] = Field(min_length=1, max_length=_CHOSEN)


async def rerank(
    client: ModelClient, index: Index, task: str, ranked: Sequence[RankedFile], shown: int
) -> list[RankedFile]:
    """Return the ranking with the files first that the model names, in its order.

    Args:
        client: the served model.
        index: says what files define.
        task: the request, with what fails.
        ranked: files, best first.
        shown: how many of them the model sees, of those that are no secret.
    """
    offered = [file for file in ranked if why_not_path(file.path) is None][:shown]
    if len(offered) < 2:
        return list(ranked)
    listing = "\n".join(_describe(number, file, index) for number, file in enumerate(offered, 1))
    request = ChatRequest(
        (
            ChatMessage("system", render("system")),
            ChatMessage("user", render("rerank", files=listing, task=task)),
        ),
        max_tokens=_ANSWER_TOKENS,
        schema=_schema(len(offered)) if client.info.structured_output else None,
    )
    named = _read(await _answer(client, request), len(offered))
    top = ranked[0].score
    first = [
        replace(offered[n - 1], score=top + 1, reasons=(*offered[n - 1].reasons, "the model chose it"))
        for n in named
    ]
    chosen = {file.path for file in first}
    return [*first, *(file for file in ranked if file.path not in chosen)]


async def _answer(client: ModelClient, request: ChatRequest) -> str:
    """Return what the model says; nothing where it thinks for as long as it may."""
    try:
        return (await client.chat(request))[0].text
    except EmptyAnswer:
        return ""


def _describe(number: int, file: RankedFile, index: Index) -> str:
    known = (symbol for symbol in reversed(index.symbols(file.path)) if why_not_symbol(symbol) is None)
    symbols = {symbol.qualified_name: symbol for symbol in known}
    best = [symbols.pop(name) for name in file.symbols if name in symbols]
    others = list(reversed(symbols.values()))[: max(0, _SIGNATURES - len(best))]
    names = "; ".join(symbol.signature[:_WIDTH] for symbol in (*best, *others))
    return f"{number}. {file.path}: {names}" if names else f"{number}. {file.path}"


def _schema(files: int) -> dict[str, Any]:
    schema = _Answer.model_json_schema()
    schema["properties"]["files"]["items"] = {"type": "integer", "enum": list(range(1, files + 1))}
    return schema


def _read(text: str, files: int) -> list[int]:
    """Return the numbers in an answer that are of the list; none where it is not of the form."""
    try:
        answer = _Answer.model_validate_json(text[text.index("{") : text.rindex("}") + 1])
    except ValueError:
        return []
    return list(dict.fromkeys(number for number in answer.files if 1 <= number <= files))
