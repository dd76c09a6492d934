"""Which generator a round uses, and its drafts."""

from typing import Literal

from moot.agent.core.errors import UsageError
from moot.agent.graph.chat import chat_drafts
from moot.agent.graph.correct import correct_drafts
from moot.agent.graph.deps import Deps
from moot.agent.graph.entrants import begin_beside
from moot.agent.graph.failures import wanted
from moot.agent.graph.infill import infill_drafts
from moot.agent.graph.rewrite import REWRITES, rewrite_drafts
from moot.agent.graph.state import RunState
from moot.agent.repair.generate import FIM_BATCHES

__all__ = ["drafts", "kept", "rounds"]

GeneratorName = Literal["chat", "correct", "fim", "rewrite"]

_CHAT: GeneratorName = "chat"
_CORRECT: GeneratorName = "correct"
_FIM: GeneratorName = "fim"
_REWRITE: GeneratorName = "rewrite"


def rounds(state: RunState, deps: Deps) -> tuple[GeneratorName, ...]:
    """Return the generator of each round of a run.

    Fill-in-the-middle, correcting lines and rewriting a function need a failing test, to localise and to
    select by. Corrections and infills take turns, and after three batches of infills one function is
    rewritten, which takes as long as two of them. A small model repairs better with them than in free chat,
    so its profile lets them go first; a large one starts with a chat edit, and answers once more between
    the others where an edit passes and something speaks against it.
    """
    plan = _plan(state, deps)
    for place in state.get("follow_ups", ()):
        plan = (*plan[:place], _CHAT, *plan[place:])
    return plan


def _plan(state: RunState, deps: Deps) -> tuple[GeneratorName, ...]:
    repairs = deps.settings.max_repairs
    if deps.generation.fim is None or not wanted(state):
        return (_CHAT,) * (1 + repairs)
    local = (_CORRECT, _FIM, _CORRECT, _FIM, _FIM, _REWRITE) * REWRITES
    local += (_CORRECT, _FIM) * (FIM_BATCHES - local.count(_FIM))
    if deps.generation.first == "fim":
        return local + (_CHAT,) * repairs
    return (_CHAT, *local) + (_CHAT,) * max(0, repairs - 1)


def kept(state: RunState) -> bool:
    """Whether candidates of earlier rounds pass, and are published where nothing better is found."""
    return state.get("doubted") is not None or state.get("reserve") is not None


async def drafts(state: RunState, deps: Deps) -> RunState:
    """Generate the drafts of the current round and count it.

    Raises:
        UsageError: the run was begun with a model or settings that allow more rounds.
    """
    deps.limits.check()
    plan, number = rounds(state, deps), state["round"]
    if number >= len(plan):
        raise UsageError(
            f"the run is in round {number + 1}, and this model and these settings allow {len(plan)}: "
            "resume it with the model and profile that it was begun with"
        )
    earlier = plan[:number].count(plan[number])
    match plan[number]:
        case "fim":
            update = await infill_drafts(state, deps, earlier + state.get("infilled", 0))
        case "correct":
            update = await correct_drafts(state, deps, earlier)
        case "rewrite":
            update = await rewrite_drafts(state, deps, earlier)
        case "chat":
            update = await chat_drafts(state, deps, await begin_beside(state, deps))
    return {**update, "round": number + 1}
