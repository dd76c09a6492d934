"""Fill the context with what matters most, within the budget."""

from langgraph.runtime import Runtime

from moot.agent.core.events import ContextPacked
from moot.agent.graph.conversation import write
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.graph.turn import take_turn

__all__ = ["pack"]

_CONTEXT = "context.txt"


async def pack(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Write the conversation up to the task into the run's folder; the state keeps only its account.

    The context that this turn brings lies beside it, for people to read.
    """
    deps = runtime.context
    turn = await take_turn(state, deps)
    write(deps.folder, turn.session)
    (deps.folder / _CONTEXT).write_text(turn.pack.text, encoding="utf-8")
    deps.emit(ContextPacked(turn.pack.tokens, turn.pack.budget, turn.pack.files))
    return {
        "follows": turn.follows,
        "packed": turn.pack.files,
        "round": 0,
        "seen": (),
        "said": (),
        "feedback": "",
    }
