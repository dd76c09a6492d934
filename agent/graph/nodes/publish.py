"""Bring the approved commit into the user's repository: the only step that touches it."""

from anyio import to_thread
from langgraph.runtime import Runtime

from moot.agent.core.events import Notice, Published
from moot.agent.core.types import Publication
from moot.agent.graph.deps import Deps
from moot.agent.graph.outcome import log_published
from moot.agent.graph.state import RunState, start_of

__all__ = ["caution_of", "publish"]


async def publish(state: RunState, runtime: Runtime[Deps]) -> RunState:
    """Publish in the way that was asked for; doing so twice changes nothing."""
    deps, candidate, start = runtime.context, state["selected"], start_of(state)
    assert candidate is not None
    publication = await to_thread.run_sync(
        deps.repository.publish,
        deps.folder.name,
        start,
        candidate.commit,
        deps.settings.apply,
        deps.client.info.id,
    )
    await log_published(state, publication, deps)
    deps.emit(Published(publication))
    if caution := caution_of(publication, start):
        deps.emit(Notice("warning", caution))
    return {"publication": publication}


def caution_of(publication: Publication, base: str) -> str:
    """Return what a person has to know of a publication that is not quite what was verified."""
    cautions = list[str]()
    if publication.onto:
        cautions.append(
            f"the branch had moved on in other files: the edit was verified on {base[:10]} "
            f"and published on top of {publication.onto[:10]}"
        )
    if publication.left:
        names = ", ".join(publication.left)
        cautions.append(f"you edited {names} meanwhile: your version stayed in the working tree")
    return "; ".join(cautions)
