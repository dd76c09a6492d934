"""Which generator a round uses, and its drafts."""

from typing import Literal

from moot.agent.graph.chat import chat_drafts
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import failing
from moot.agent.graph.infill import infill_drafts
from moot.agent.graph.state import RunState
from moot.agent.repair.generate import FIM_BATCHES

__all__ = ["drafts", "rounds"]

GeneratorName = Literal["chat", "fim"]

_CHAT: GeneratorName = "chat"
_FIM: GeneratorName = "fim"


def rounds(state: RunState, deps: Deps) -> tuple[GeneratorName, ...]:
    """Return the generator of each round of a run.

    Fill-in-the-middle needs a failing test, to localise and to select by. A small model repairs
    better with it than in chat, so its profile lets it go first; a large one starts with a chat edit.
    """
    repairs = deps.settings.max_repairs
    if deps.generation.fim is None or not failing(state):
        return (_CHAT,) * (1 + repairs)
    fim = (_FIM,) * FIM_BATCHES
    if deps.generation.first == "fim":
        return fim + (_CHAT,) * repairs
    return (_CHAT, *fim) + (_CHAT,) * max(0, repairs - 1)


async def drafts(state: RunState, deps: Deps) -> RunState:
    """Generate the drafts of the current round and count it."""
    deps.limits.check()
    plan, number = rounds(state, deps), state["round"]
    if plan[number] == "fim":
        update = await infill_drafts(state, deps, plan[:number].count("fim"))
    else:
        update = await chat_drafts(state, deps)
    return {**update, "round": number + 1, "spent": deps.limits.used()}
