"""Lets the author of a patch revise it once, told what was run: a new candidate through the same gate."""

from collections.abc import Sequence

from anyio import to_thread

from moot.agent.core.errors import EditRejected, MootError
from moot.agent.core.events import CandidateProposed
from moot.agent.core.messages import ChatMessage, ChatRequest
from moot.agent.core.types import EditFormat
from moot.agent.edits.json_answer import ANSWER_SCHEMA
from moot.agent.fusion.best_of import Contestant
from moot.agent.fusion.claims import Tried
from moot.agent.fusion.evidence import table
from moot.agent.fusion.member import CUT
from moot.agent.fusion.seat import Table
from moot.agent.graph.beside import gate_beside
from moot.agent.graph.commit import commit_draft
from moot.agent.graph.conversation import read
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import Draft, RunState
from moot.prompts import render

__all__ = ["ask_edit", "revise"]


async def revise(
    one: Contestant, draft: Draft | None, against: Sequence[Tried], state: RunState, deps: Deps, seats: Table
) -> Contestant | str:
    """Return the revised candidate as the gate judges it, or why there is none."""
    name = one.candidate.id
    rows = table([each.evidence() for each in against if each.lost(name)], {name: "your edit"})
    feedback = "\n".join(f"- {text}" for text in rows.values())
    own = draft.text if draft is not None and draft.text else ""
    if not own:
        diff = await to_thread.run_sync(deps.repository.diff, state["base"], one.candidate.commit)
        own = f"```diff\n{diff}```"
    said = (
        ChatMessage("assistant", own),
        ChatMessage("user", render("fusion_revise_patch", feedback=feedback)),
    )
    author = draft.author if draft is not None else ""
    return await ask_edit(f"{name}-revised", author, said, "revise", state, deps, seats)


async def ask_edit(
    name: str,
    author: str,
    said: Sequence[ChatMessage],
    purpose: str,
    state: RunState,
    deps: Deps,
    seats: Table,
) -> Contestant | str:
    """Ask a member for one edit more, after the run's own opening, and put it through the gate.

    One that was tried before comes back as the candidate that it was.
    """
    member = next((each for each in deps.council.members if each.name == author), deps.council.own)
    request = ChatRequest(
        (*read(deps.folder).opening, *said),
        max_tokens=deps.generation.answer_tokens,
        schema=ANSWER_SCHEMA if deps.generation.edit_format is EditFormat.JSON else None,
    )
    try:
        [answer, *_] = await (await seats.seat(member)).ask(request, purpose, shorten=True)
    except MootError as exc:
        return f"there is no {name}: {exc}"
    if answer.finish in CUT:
        return f"there is no {name}: the answer has no proper end"
    draft = Draft(name, "chat", answer.text, answer.logprob, author=author)
    try:
        candidate = await to_thread.run_sync(commit_draft, draft, state, deps)
    except EditRejected as exc:
        return f"there is no {name}: {exc}"
    if candidate.commit not in deps.judged:
        deps.emit(CandidateProposed(candidate))
    return await gate_beside(candidate, state, deps)
