"""Who argues in a round: the incumbent, further samples from its own prompt, and patches of other members."""

import asyncio
import time
from collections.abc import Coroutine, Sequence

from anyio import to_thread

from moot.agent.core.errors import MootError
from moot.agent.core.events import Notice
from moot.agent.core.messages import ChatRequest
from moot.agent.core.types import EditFormat
from moot.agent.edits.json_answer import ANSWER_SCHEMA
from moot.agent.fusion.ledger import Entry
from moot.agent.fusion.member import Answer, Member
from moot.agent.fusion.pool import gather
from moot.agent.fusion.seat import Table
from moot.agent.graph.chat import sampled_drafts
from moot.agent.graph.commit import commit_drafts
from moot.agent.graph.conversation import read
from moot.agent.graph.council import SAMPLE
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import failing
from moot.agent.graph.gate import run_gate
from moot.agent.graph.infill import infill_drafts
from moot.agent.graph.state import Draft, RunState

__all__ = ["with_more"]


async def with_more(state: RunState, deps: Deps, seats: Table) -> RunState:
    """Top up to as many as the settings ask for, while the incumbent is tested.

    A member that is down, slow or malformed is dropped and reported.
    """
    candidates, council = state["candidates"], deps.council
    missing = deps.settings.samples - len(candidates)
    if deps.runner is None or candidates[0].generator != "chat":
        return state
    written: dict[str, Sequence[Draft]] = {}

    async def ask(member: Member) -> tuple[Answer, ...]:
        if member.name == council.own.name:
            drafts = await _samples(missing, state, deps, seats)
        else:
            drafts = await _patches(member, state, deps, seats)
        written[member.name] = drafts
        return tuple(Answer(each.id, member.name, each.text) for each in drafts)

    async def collect() -> None:
        members = council.members if missing > 0 else council.others
        for report in await gather(members, ask, lambda text: None, council.patience):
            if report.status != "answered":
                written.pop(report.member.name, None)
                deps.emit(Notice("warning", f"{report.member.name} writes no patch: {report.reason}"))

    infilled = await _infills(state, deps)
    await _both(collect(), run_gate(candidates[0], state, deps))
    drafts = [each for member in council.members for each in written.get(member.name, ())]
    drafts += infilled["drafts"]
    update = await to_thread.run_sync(commit_drafts, drafts, state, deps, candidates)
    return {
        **state,
        **infilled,
        "candidates": (*candidates, *update["candidates"]),
        "seen": update["seen"],
        "votes": update["votes"],
        "drafts": (*state["drafts"], *drafts),
    }


async def _infills(state: RunState, deps: Deps) -> RunState:
    """Fill in one batch of suspicious places beside a chat answer, where a failing test points at them.

    A round of infills that comes later goes on with the next batch.
    """
    earlier = state.get("infilled", 0)
    if earlier or deps.generation.fim is None or deps.generation.first == "fim" or not failing(state):
        return {"drafts": (), "infilled": earlier}
    try:
        update = await infill_drafts(state, deps, 0)
    except MootError as exc:
        deps.emit(Notice("warning", f"no infills are argued: {exc}"))
        return {"drafts": (), "infilled": 0}
    return {"drafts": update["drafts"], "localisation": update["localisation"], "infilled": 1}


async def _both(*work: Coroutine[object, object, object]) -> None:
    """Do both at the same time; where one fails, or the run is interrupted, the other ends too."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _samples(count: int, state: RunState, deps: Deps, seats: Table) -> tuple[Draft, ...]:
    """Sample from the incumbent's own prompt, byte for byte, which the server has cached."""
    asked: RunState = {**state, "round": state["round"] - 1}
    before, started = deps.client.usage, time.monotonic()
    drafts = await sampled_drafts(asked, deps, count, first=deps.settings.samples + 1)
    used = deps.client.usage - before
    price = deps.council.own.cost(used.prompt, used.completion)
    seconds = time.monotonic() - started
    seats.ledger.entries.append(Entry(deps.council.own.name, SAMPLE, used, seconds, price, done=True))
    return drafts


async def _patches(member: Member, state: RunState, deps: Deps, seats: Table) -> tuple[Draft, ...]:
    """Have another model write patches of the same prompt."""
    seat = await seats.seat(member)
    generation = deps.generation
    request = ChatRequest(
        (*read(deps.folder).opening, *state["said"]),
        max_tokens=min(generation.answer_tokens, seat.context // 4),
        temperature=member.heat,
        n=member.samples,
        schema=ANSWER_SCHEMA if generation.edit_format is EditFormat.JSON else None,
    )
    answers = await seat.ask(request, "answer")
    names = (f"{member.name}-{state['round']}.{number}" for number in range(1, len(answers) + 1))
    return tuple(
        Draft(name, "chat", each.text, each.logprob, author=member.name)
        for name, each in zip(names, answers, strict=True)
    )
