"""Who argues in a round: the incumbent, further samples from its own prompt, and patches of other members."""

import asyncio
import itertools
import time
from collections.abc import Coroutine

from moot.agent.core.errors import MootError
from moot.agent.core.events import Notice
from moot.agent.core.messages import ChatRequest, Completion
from moot.agent.core.types import EditFormat
from moot.agent.edits.json_answer import ANSWER_SCHEMA
from moot.agent.fusion.ledger import Entry
from moot.agent.fusion.member import Answer, Member
from moot.agent.fusion.pool import gather
from moot.agent.fusion.seat import Table
from moot.agent.graph.chat import Take, sampled_drafts
from moot.agent.graph.conversation import read
from moot.agent.graph.council import SAMPLE
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import wanted
from moot.agent.graph.infill import infill_drafts
from moot.agent.graph.intake import Intake
from moot.agent.graph.state import Draft, RunState

__all__ = ["with_more"]


async def with_more(state: RunState, deps: Deps, seats: Table) -> RunState:
    """Top up to as many as the settings ask for; each is tested as it comes, the incumbent before all.

    A member that is down, slow or malformed is dropped and reported.
    """
    council, intake = deps.council, Intake(state, deps)
    missing = deps.settings.samples - len(state["candidates"])
    if deps.runner is None or state["candidates"][0].generator != "chat":
        return state

    async def ask(member: Member) -> tuple[Answer, ...]:
        if member.name == council.own.name:
            await _samples(missing, state, deps, seats, intake.taking(member, missing))
        else:
            await _patches(member, state, deps, seats, intake.taking(member, member.samples))
        return ()  # they were taken in as they came

    async def collect() -> None:
        members = council.members if missing > 0 else council.others
        for report in await gather(members, ask, lambda text: None, council.patience):
            if report.status != "answered" and not intake.has(report.member):
                deps.emit(Notice("warning", f"{report.member.name} writes no patch: {report.reason}"))
        intake.close()

    infilled = await _infills(state, deps)
    await _both(collect(), intake.test())
    return await intake.joined(infilled)


async def _infills(state: RunState, deps: Deps) -> RunState:
    """Fill in one batch of suspicious places beside a chat answer, where a failing test points at them.

    A round of infills that comes later goes on with the next batch.
    """
    earlier = state.get("infilled", 0)
    if earlier or deps.generation.fim is None or deps.generation.first == "fim" or not wanted(state):
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


async def _samples(count: int, state: RunState, deps: Deps, seats: Table, take: Take) -> None:
    """Sample from the incumbent's own prompt, byte for byte, which the server has cached."""
    asked: RunState = {**state, "round": state["round"] - 1}
    before, started = deps.client.usage, time.monotonic()
    await sampled_drafts(asked, deps, count, deps.settings.samples + 1, take)
    used = deps.client.usage - before
    price = deps.council.own.cost(used.prompt, used.completion)
    seconds = time.monotonic() - started
    seats.ledger.entries.append(Entry(deps.council.own.name, SAMPLE, used, seconds, price, done=True))


async def _patches(member: Member, state: RunState, deps: Deps, seats: Table, take: Take) -> None:
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
    numbers = itertools.count(1)

    def ended(answer: Completion) -> None:
        name = f"{member.name}-{state['round']}.{next(numbers)}"
        take(Draft(name, "chat", answer.text, answer.logprob, author=member.name))

    await seat.ask(request, "answer", ended)
