"""Who argues beside the incumbent: further samples from its own prompt, and patches of other members."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from moot.agent.core.choices import FusionPolicy
from moot.agent.core.errors import MootError
from moot.agent.core.messages import ChatRequest, Completion, Usage
from moot.agent.core.types import EditFormat
from moot.agent.edits.json_answer import ANSWER_SCHEMA
from moot.agent.fusion.ledger import Entry
from moot.agent.fusion.member import CUT, Answer, Member
from moot.agent.fusion.pool import Report, gather
from moot.agent.fusion.seat import Table
from moot.agent.graph.chat import Writing, sampled_drafts
from moot.agent.graph.conversation import messages, size
from moot.agent.graph.council import INFILL, SAMPLE, seated
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import Draft, Pace, RunState

__all__ = ["Entrants", "begin_beside", "dismiss", "of_round"]


async def begin_beside(state: RunState, deps: Deps) -> Writing:
    """Return the incumbent's answer that is to be written; where it is argued in any case the others begin.

    Not within a limit of tokens or cost: what the incumbent leaves of it is not known yet.
    """
    writing, settings = Writing(), deps.settings
    argued = settings.fusion is FusionPolicy.ALWAYS and deps.runner is not None
    if argued and state["round"] == 0 and deps.limits.tokens_left is None and deps.limits.cost_left is None:
        begun = await _open(state, deps, writing, settings.samples - 1, deps.council.others)
        deps.ahead.append(begun)
    return writing


async def dismiss(deps: Deps) -> None:
    """End what began beside an incumbent of which no argument came."""
    while deps.ahead:
        await deps.ahead.pop().aclose()


async def of_round(state: RunState, deps: Deps) -> "Entrants":
    """Return those who began beside the incumbent; else top up to as many as the settings ask for.

    Infills, which come by the dozen, are argued by themselves.
    """
    if deps.ahead:
        return deps.ahead.pop()
    asked: RunState = {**state, "round": state["round"] - 1}
    chat = deps.runner is not None and state["candidates"][0].generator == "chat"
    missing = deps.settings.samples - len(state["candidates"]) if chat else 0
    others = deps.council.others if chat else ()
    return await _open(asked, deps, Writing(state.get("pace", Pace(0.0, 0.0))), missing, others)


async def _open(
    state: RunState, deps: Deps, writing: Writing, samples: int, others: Sequence[Member]
) -> "Entrants":
    """Have so many samples and these members begin, for the round after those of the state."""
    stack = AsyncExitStack()
    entrants = Entrants(state, deps, writing, await stack.enter_async_context(seated(deps)), stack)
    entrants.begin(samples, others)
    return entrants


class Entrants:
    """Patches for the argument of one round, as they come, and the table at which it is held.

    Samples begin with the incumbent's first token: from then on the server has its prompt cached. A member
    that is down, slow or malformed is left out and reported. `aclose` ends what is still written.

    Attributes:
        drafts: what was written so far; None comes last.
    """

    def __init__(
        self, state: RunState, deps: Deps, writing: Writing, seats: Table, stack: AsyncExitStack
    ) -> None:
        self._state, self._deps, self._writing, self._stack = state, deps, writing, stack
        self._taken: Counter[str] = Counter()
        self._work: asyncio.Task[None] | None = None
        self.seats = seats
        self.drafts: asyncio.Queue[Draft | None] = asyncio.Queue()

    def begin(self, samples: int, others: Sequence[Member]) -> None:
        """Have so many samples and these members write."""
        self._work = asyncio.create_task(self._write(samples, others))
        self._stack.push_async_callback(_cancelled, self._work)

    async def joined(self) -> None:
        """Wait until nothing else comes; who waits no longer ends nothing."""
        if self._work is not None:
            await asyncio.wait([self._work])
            self._work.result()

    async def aclose(self) -> None:
        """End what is still written, and settle the account."""
        await self._stack.aclose()

    @property
    def used(self) -> Usage:
        """What the run's own model has used here so far."""
        own = self._deps.council.own.name
        return sum((each.usage for each in self.seats.ledger.entries if each.member == own), Usage())

    @property
    def tokens_left(self) -> int | None:
        """What everybody here leaves of the run's tokens and cost; None without a limit.

        Other models enter the run's account when the table is closed.
        """
        own, tokens, cost = self._deps.council.own, self.seats.ledger.tokens_left, self.seats.ledger.cost_left
        price = max(own.price_in, own.price_out)
        affordable = None if cost is None or not price else int(cost / price * 1e6)
        return min((left for left in (tokens, affordable) if left is not None), default=None)

    def spent_on_infills(self, usage: Usage, seconds: float) -> None:
        """Enter a batch of infills, which the run's own model wrote."""
        own = self._deps.council.own
        cost = own.cost(usage.prompt, usage.completion)
        self.seats.ledger.entries.append(Entry(own.name, INFILL, usage, seconds, cost, True))

    async def _write(self, samples: int, others: Sequence[Member]) -> None:
        """Have all write, and wait for them as long as patience has it."""
        own, patience, pace = self._deps.council.own, self._deps.council.patience, self._writing.pace
        sampled = {replace(own, name=f"sample {n}"): asyncio.Future[None]() for n in range(samples)}
        # Answers to a prompt that was read before count as if it were read now, as other servers have to.
        before = {own.name: pace.last, **{one.name: pace.first for one in sampled}} if pace else {}

        async def ask(member: Member) -> tuple[Answer, ...]:
            if member is own:
                await self._writing.ended.wait()
            elif member in sampled:
                await sampled[member]
            else:
                await self._patches(member)
            return ()  # they were taken in as they came

        sampling = asyncio.create_task(self._sample(list(sampled.values())))
        try:
            members = (own, *sampled, *others)
            steady = frozenset(one.name for one in (*sampled, *(() if pace else (own,))))
            reports = await gather(members, ask, lambda text: None, patience, before, steady)
            for report in reports:
                self._tell_of(report, sample=report.member in sampled)
        finally:
            await _cancelled(sampling)
            self.drafts.put_nowait(None)
        if not sampling.cancelled():
            sampling.result()  # a defect is not a member that is down

    def _tell_of(self, report: Report, *, sample: bool) -> None:
        """Say who writes nothing, and why; samples that are late are left behind as a matter of course."""
        expected = report.status == "answered" or (sample and report.status == "slow")
        if not expected and not self._taken[report.member.name]:
            who = "a sample" if sample else report.member.name
            self._deps.warn_once(f"{who} writes no patch: {report.reason}")

    async def _sample(self, awaited: Sequence[asyncio.Future[None]]) -> None:
        """Sample from the incumbent's own prompt, byte for byte; each answer ends one that is awaited."""
        if not awaited:
            return
        await self._writing.first.wait()
        used, started, whole = list[Usage](), time.monotonic(), False
        own, ledger, reserved = self._deps.council.own, self.seats.ledger, (0, 0.0)

        def open_ones() -> list[asyncio.Future[None]]:
            return [each for each in awaited if not each.done()]

        def take(draft: Draft) -> None:
            if waiting := open_ones():  # after a broken stream some come again
                self.drafts.put_nowait(draft)
                waiting[0].set_result(None)

        try:
            reserved = ledger.reserve(own, *await self._most(len(awaited)))
            first = self._deps.settings.samples + 1
            await sampled_drafts(self._state, self._deps, len(awaited), first, take, used.append)
            whole = True
        except MootError as exc:
            for each in open_ones():
                each.set_exception(exc)
        finally:
            spent = sum(used, Usage())
            price, seconds = own.cost(spent.prompt, spent.completion), time.monotonic() - started
            ledger.settle(reserved, Entry(own.name, SAMPLE, spent, seconds, price, whole))

    async def _most(self, samples: int) -> tuple[int, int]:
        """Return the tokens that samples read and write at most, where any limit asks for it."""
        limits, wanted = self._deps.limits, self._deps.generation.answer_tokens
        if limits.tokens_left is None and limits.cost_left is None:
            return 0, 0
        prompt = await size(messages(self._state, self._deps), self._deps)
        return prompt, samples * limits.answer(wanted, prompt, samples)

    async def _patches(self, member: Member) -> None:
        """Have another model write patches of the same prompt."""
        seat = await self.seats.seat(member)
        generation, name = self._deps.generation, member.name
        request = ChatRequest(
            messages(self._state, self._deps),
            max_tokens=min(generation.answer_tokens, seat.context // 4),
            temperature=member.heat,
            n=member.samples,
            schema=ANSWER_SCHEMA if generation.edit_format is EditFormat.JSON else None,
        )

        def ended(answer: Completion) -> None:
            if self._taken[name] < member.samples:  # after a second request there are more
                self._taken[name] += 1
                number = f"{name}-{self._state['round'] + 1}.{self._taken[name]}"
                cut = answer.finish in CUT
                self.drafts.put_nowait(
                    Draft(number, "chat", answer.text, answer.logprob, author=name, cut=cut)
                )

        await seat.ask(request, "answer", ended, shorten=True)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    """End a task; what it raised is for who awaits it."""
    task.cancel()
    await asyncio.wait([task])
