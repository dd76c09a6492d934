"""The turn that puts a task to the model: the first of a conversation, or one more of an earlier run's."""

from dataclasses import dataclass, replace

from anyio import to_thread

from moot.agent.core.errors import UsageError
from moot.agent.core.events import Notice
from moot.agent.core.messages import ChatMessage
from moot.agent.core.types import ContextPack, Followed, Shown
from moot.agent.graph.conversation import read, size
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import describe, wanted
from moot.agent.graph.state import RunState
from moot.agent.pack.session import Session, catch_up, shown_with
from moot.prompts import render

__all__ = ["Turn", "take_turn"]

_SHARE = 4
"""A later turn adds at most this part of the context's budget, so that several more have room."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A conversation up to a task, the context that its last message brings, and what it goes on from."""

    session: Session
    pack: ContextPack
    follows: Followed | None = None


async def take_turn(state: RunState, deps: Deps) -> Turn:
    """Return one more turn of the run that the task follows, or a first one where that cannot be."""
    run_id = state["task"].follows
    if run_id is None:
        return await _first(state, deps)
    turn = await _next(run_id, state, deps)
    if isinstance(turn, Turn):
        return turn
    deps.emit(Notice("warning", f"the session starts afresh: {turn}"))
    return replace(await _first(state, deps), follows=Followed(run_id, turn))


async def _first(state: RunState, deps: Deps) -> Turn:
    """Return a conversation that begins with as much context as the budget and the task leave room for."""
    system = ChatMessage("system", render("system"))
    room = deps.generation.prompt_tokens - await size((system, _user("propose", state, deps)), deps)
    packed = await deps.packer.pack(state["ranked"], min(deps.generation.context_tokens, room))
    opening = (system, _user("propose", state, deps, context=packed.text))
    shown = shown_with({}, packed, state["ranked"])
    return Turn(Session(opening, shown, base=state["base"]), packed)


async def _next(run_id: str, state: RunState, deps: Deps) -> Turn | str:
    """Return an earlier conversation with a message more: what changed, what is new, the task; or why not."""
    earlier = read(deps.folder.parent / run_id)
    try:
        changes, shown = await to_thread.run_sync(_changes, earlier, state, deps)
    except UsageError as exc:
        return str(exc)
    told = changes or render("unchanged")
    said, limit = (*earlier.opening, *earlier.said), deps.generation.session_tokens
    needed = await size((*said, _user("follow", state, deps, changes=told)), deps)
    if needed > limit:
        return f"with this task the conversation of run {run_id} has {needed} tokens, of {limit} at most"
    budget = min(limit - needed, deps.generation.context_tokens // _SHARE)
    packed = await deps.packer.pack(state["ranked"], budget, shown)
    deps.emit(Notice("info", f"{await size(said, deps)} tokens of run {run_id} begin the prompt, unchanged"))
    opening = (*said, _user("follow", state, deps, changes=told, context=packed.text))
    shown = shown_with(shown, packed, state["ranked"])
    session = Session(opening, shown, base=state["base"])
    return Turn(session, await _with(changes, packed, deps), Followed(run_id))


def _changes(earlier: Session, state: RunState, deps: Deps) -> tuple[str, dict[str, Shown]]:
    now = _blobs(state["base"], deps)
    before = _blobs(earlier.base, deps) if earlier.base else now
    return catch_up(earlier.shown, before, now, deps.repository.read_many)


def _blobs(commit: str, deps: Deps) -> dict[str, str]:
    """Return the blobs of a commit's regular files, by path."""
    return {e.path: e.blob for e in deps.repository.files(commit) if e.mode.startswith("100")}


async def _with(changes: str, packed: ContextPack, deps: Deps) -> ContextPack:
    """Return the account of both."""
    tokens = (await deps.client.count([changes]))[0]
    return replace(
        packed, text=changes + packed.text, tokens=packed.tokens + tokens, budget=packed.budget + tokens
    )


def _user(prompt: str, state: RunState, deps: Deps, *, context: str = "", **more: str) -> ChatMessage:
    """Return the message that asks for the task's edits."""
    failures = describe(state["before"], wanted(state))
    text = render(
        prompt,
        context=context,
        task=state["task"].text,
        failures=render("failures", failures=failures) if failures else "",
        form=render(f"form_{deps.generation.edit_format}"),
        **more,
    )
    return ChatMessage("user", text)
