"""The whole run at a glance: every step and every edge.

index -> reproduce -> retrieve -> explore -> pack -> propose -> validate -> assess
                                                        repair ──^            │
                                                          ^                   ├─ low ──────────> verify
                                                          │                   └─ high -> fuse ──────┘│
                                                          └────────── no candidate passed ──────────┤
                                                                publish <- approve <- selected ──────┘
"""

import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from moot.agent.core.choices import FusionPolicy
from moot.agent.core.events import StepFinished, StepStarted
from moot.agent.graph.deps import Deps
from moot.agent.graph.generate import rounds
from moot.agent.graph.nodes.approve import approve
from moot.agent.graph.nodes.assess import assess
from moot.agent.graph.nodes.explore import explore
from moot.agent.graph.nodes.fuse import fuse
from moot.agent.graph.nodes.index import index
from moot.agent.graph.nodes.pack import pack
from moot.agent.graph.nodes.propose import propose
from moot.agent.graph.nodes.publish import publish
from moot.agent.graph.nodes.repair import repair
from moot.agent.graph.nodes.reproduce import reproduce
from moot.agent.graph.nodes.retrieve import retrieve
from moot.agent.graph.nodes.validate import validate
from moot.agent.graph.nodes.verify import verify
from moot.agent.graph.state import RunState

__all__ = ["build"]

Node = Callable[[RunState, Runtime[Deps]], Awaitable[RunState]]
Graph = CompiledStateGraph[RunState, Deps, RunState, RunState]


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """Compile the graph."""
    graph = StateGraph(RunState, context_schema=Deps)
    spine = (index, reproduce, retrieve, explore, pack, propose, validate, assess)
    for node in (*spine, fuse, verify, repair, approve, publish):
        graph.add_node(node.__name__, _watched(node))  # pyright: ignore[reportUnknownMemberType]

    graph.add_edge(START, "index")
    for before, after in itertools.pairwise(spine):
        graph.add_edge(before.__name__, after.__name__)
    graph.add_conditional_edges("assess", _after_assess, ["fuse", "verify"])
    graph.add_edge("fuse", "verify")
    graph.add_conditional_edges("verify", _after_verify, ["approve", "repair", END])
    graph.add_edge("repair", "validate")
    graph.add_edge("approve", "publish")
    graph.add_edge("publish", END)
    return graph.compile(checkpointer=checkpointer)  # pyright: ignore[reportUnknownMemberType]


def _after_assess(state: RunState, runtime: Runtime[Deps]) -> Literal["fuse", "verify"]:
    """Risky edits are argued; so is every edit when the user wants that."""
    policy, risk = runtime.context.settings.fusion, state["risk"]
    risky = risk is not None and (policy is FusionPolicy.ALWAYS or risk.high)
    return "fuse" if risky and policy is not FusionPolicy.NEVER else "verify"


def _after_verify(state: RunState, runtime: Runtime[Deps]) -> str:
    """A selected candidate goes on; else another round while there is one."""
    if state["selected"] is not None:
        return "approve"
    return "repair" if state["round"] < len(rounds(state, runtime.context)) else END


def _watched(node: Node) -> Any:
    """Announce a step's beginning and end, and keep with what it found what was used so far.

    Any: LangGraph's own node types are not exported.
    """

    async def step(state: RunState, runtime: Runtime[Deps]) -> RunState:
        emit, limits, started = runtime.context.emit, runtime.context.limits, time.monotonic()
        emit(StepStarted(node.__name__))
        update = await node(state, runtime)
        emit(StepFinished(node.__name__, time.monotonic() - started))
        return {**update, "spent": limits.own(), "seconds": limits.seconds}

    return step
