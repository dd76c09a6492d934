"""The conversation of a run in its folder, so that later rounds and runs begin with the same bytes."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from moot.agent.core.errors import UsageError
from moot.agent.core.messages import ChatMessage
from moot.agent.core.types import Candidate
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.pack.session import Session

__all__ = ["answer_of", "close", "messages", "read", "size", "write"]

_FILE = "session.json"
_STORED = TypeAdapter(Session)

_MESSAGE_TOKENS = 8
"""Tokens of a chat template around a message, at most."""


def read(folder: Path) -> Session:
    """Return the conversation in a run's folder.

    Raises:
        UsageError: there is none, or it is damaged.
    """
    file = folder / _FILE
    try:
        return _STORED.validate_json(file.read_bytes())
    except FileNotFoundError as exc:
        raise UsageError(
            f"run {folder.name} has no conversation: it ended before it asked the model"
        ) from exc
    except (OSError, ValidationError) as exc:
        raise UsageError(
            f"the conversation of run {folder.name} in {file} cannot be read: begin a new one"
        ) from exc


def write(folder: Path, session: Session) -> None:
    """Store a conversation in a run's folder, entirely or not at all."""
    new = folder / f"{_FILE}.new"
    new.write_bytes(_STORED.dump_json(session))
    new.replace(folder / _FILE)


def messages(state: RunState, deps: Deps) -> tuple[ChatMessage, ...]:
    """Return the whole conversation so far; a checkpoint gives lists back for the tuples in it."""
    said = (replace(one, tool_calls=tuple(one.tool_calls)) for one in state["said"])
    return (*read(deps.folder).opening, *said)


def close(state: RunState, deps: Deps) -> None:
    """Add the answer that ended a run, so that another can go on from it; without one none can."""
    answer = _last_answer(state, deps)
    if answer:
        opened = read(deps.folder)
        said = messages(state, deps)[len(opened.opening) :]
        write(deps.folder, replace(opened, said=(*said, ChatMessage("assistant", answer))))


async def size(messages: Iterable[ChatMessage], deps: Deps) -> int:
    """Return the tokens of a prompt, not less than the served model's template makes of it."""
    said = list(messages)
    calls = [call for message in said for call in message.tool_calls]
    texts = [*(message.content for message in said), *(call.name + call.arguments for call in calls)]
    counts = await deps.client.count(texts)
    return sum(count + _MESSAGE_TOKENS for count in counts)


def answer_of(candidate: Candidate, state: RunState, deps: Deps) -> str:
    """Return the answer of this round that a candidate is from, as a diff where that was no chat. Blocks."""
    texts = {draft.id: draft.text for draft in state["drafts"] if draft.generator == "chat"}
    if candidate.id in texts:
        return texts[candidate.id]
    return f"```diff\n{deps.repository.diff(state['base'], candidate.commit)}```"


def _last_answer(state: RunState, deps: Deps) -> str:
    """Return the answer that was accepted; else the last one."""
    selected = state.get("selected")
    return state.get("answer", "") if selected is None else answer_of(selected, state, deps)
