"""Fill the context with what matters most, within the budget."""

from langgraph.runtime import Runtime

from moot.agent.core.events import ContextPacked
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState

__all__ = ["pack"]

CONTEXT_FILE = "context.txt"


async def pack(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Write the packed context into the run's folder; the state keeps only its account."""
    deps = runtime.context
    packed = await deps.packer.pack(state["ranked"], deps.generation.context_tokens)
    (deps.folder / CONTEXT_FILE).write_text(packed.text, encoding="utf-8")
    deps.emit(ContextPacked(packed.tokens, packed.budget, packed.files))
    return {"context": CONTEXT_FILE, "packed": packed.files, "round": 0, "seen": (), "feedback": ""}
