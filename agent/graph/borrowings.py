"""Which values of the failing test candidates bring in."""

from collections.abc import Mapping, Sequence

from anyio import to_thread

from moot.agent.core.testfiles import is_test
from moot.agent.core.types import Candidate
from moot.agent.graph.contents import changes
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import wanted
from moot.agent.graph.faults import failing_test
from moot.agent.graph.state import RunState
from moot.agent.repair.fitted import borrowed
from moot.agent.repair.prompt import brief
from moot.agent.repair.source import Source

__all__ = ["borrowings"]


async def borrowings(
    candidates: Sequence[Candidate], state: RunState, deps: Deps
) -> Mapping[str, Sequence[str]]:
    """Return the values that each candidate has of the failing test, by its id; none without such a test."""
    if not wanted(state):
        return {one.id: () for one in candidates}
    failing, test = await failing_test(state, deps)
    told = "\n".join((brief("", failing).assertion, test[1] if test else ""))

    def look(candidate: Candidate) -> list[str]:
        changed = changes(candidate, state, deps)
        return [
            literal
            for path, change in changed.items()
            if change.new is not None and not is_test(path)
            for literal in borrowed(
                Source.parse(path, change.old or b""),
                Source.parse(path, change.new),
                told,
                state["task"].text,
            )
        ]

    return {one.id: await to_thread.run_sync(look, one) for one in candidates}
