"""Let the model look things up before it edits: read-only tools, a bounded number of turns."""

import json
from dataclasses import replace

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.errors import EmptyAnswer, ModelAnswerError, ToolRefused
from moot.agent.core.events import Notice, ToolCalled
from moot.agent.core.messages import ChatMessage, ChatRequest, ToolCall
from moot.agent.core.types import RankedFile
from moot.agent.graph.conversation import size
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.prompts import render
from moot.tools.toolbox import ToolBox

__all__ = ["explore"]

_OVERVIEW_FILES = 30
_ANSWER = 512
"""Tokens of an answer: a few calls."""
_MOST_SHOWN = 20_000
"""Characters of what one call gives: a file may have one line of a megabyte."""


async def explore(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Run tool calls until the model is ready; files that it read move to the top of the ranking.

    A server that takes the first turn and refuses a later one ends the step and not the run.
    """
    deps = runtime.context
    if not deps.client.info.tools or deps.settings.max_turns == 0 or deps.generation.first == "fim":
        return {}
    entries = {entry.path: entry for entry in await to_thread.run_sync(deps.repository.files, state["base"])}
    tools = ToolBox(deps.index, entries, deps.repository.read)
    messages = [ChatMessage("system", render("system")), ChatMessage("user", _overview(state))]
    shown = (await deps.client.count([json.dumps(tools.schemas())]))[0]
    read: list[str] = []
    for turn in range(deps.settings.max_turns):
        deps.limits.check()
        prompt = shown + await size(messages, deps)
        if prompt + _ANSWER > deps.client.info.context:
            break  # what was read fills the window
        room = deps.limits.answer(_ANSWER, prompt)
        request = ChatRequest(tuple(messages), max_tokens=room, tools=tools.schemas())
        try:
            answer = (await deps.client.chat(request))[0]
        except EmptyAnswer:
            break  # neither a call nor a word: it is ready
        except ModelAnswerError as exc:
            if not turn:
                raise
            deps.emit(Notice("warning", f"nothing more is looked up: {exc}"))
            break
        if not answer.tool_calls:
            break
        messages.append(ChatMessage("assistant", answer.text, answer.tool_calls))
        for call in answer.tool_calls:
            text = await to_thread.run_sync(_call, tools, call, read)
            deps.emit(ToolCalled(call.name, call.arguments, text.partition("\n")[0][:200]))
            messages.append(ChatMessage("tool", text, tool_call_id=call.id))
    return {"ranked": _promote(state["ranked"], read, {path: entries[path].blob for path in read})}


def _overview(state: RunState) -> str:
    files = state["ranked"][:_OVERVIEW_FILES]
    overview = "\n".join(f"{file.path}: {', '.join(file.symbols)}" for file in files)
    return render("explore", context=overview, task=state["task"].text)


def _call(tools: ToolBox, call: ToolCall, read: list[str]) -> str:
    try:
        text = tools.call(call)
    except ToolRefused as exc:
        return str(exc)
    if call.name == "read_file":
        path = tools.path_of(call)
        if path not in read:
            read.append(path)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}\n(cut after {_MOST_SHOWN} characters)"


def _promote(
    ranked: tuple[RankedFile, ...], read: list[str], blobs: dict[str, str]
) -> tuple[RankedFile, ...]:
    top = ranked[0].score if ranked else 1.0
    known = {file.path: file for file in ranked}
    chosen = [
        replace(known[path], score=top + 1, reasons=(*known[path].reasons, "the model read it"))
        if path in known
        else RankedFile(path, blobs[path], top + 1, ("the model read it",))
        for path in read
    ]
    return (*chosen, *(file for file in ranked if file.path not in read))
