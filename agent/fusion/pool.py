"""Asks every member at the same time; one that is down, slow or malformed never loses the run."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from moot.agent.core.errors import MootError
from moot.agent.fusion.member import Answer, Member
from moot.agent.fusion.race import Hedge, Patience, Race, Stop, Wait

__all__ = ["Report", "Tell", "gather"]

Tell = Callable[[str], None]
"""Told, in a sentence, what happened."""

Ask = Callable[[Member], Awaitable[tuple[Answer, ...]]]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a member.

    Attributes:
        status: `answered`, `failed` (down, refused or malformed) or `slow` (the others were enough).
        reason: one sentence; empty where it answered.
        seconds: until its answer, its failure, or until it was no longer waited for.
        error: why it failed.
    """

    member: Member
    status: Literal["answered", "failed", "slow"]
    answers: tuple[Answer, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    error: MootError | None = None


async def gather(
    members: Sequence[Member],
    ask: Ask,
    tell: Tell,
    patience: Patience | None = None,
    before: Mapping[str, float] | None = None,
    steady: frozenset[str] = frozenset(),
) -> list[Report]:
    """Return one report for each member, in their order; losers are cancelled.

    Args:
        members: the incumbent first.
        ask: returns a member's answers; a MootError drops the member, any other exception is a defect.
        tell: told of each report as it comes.
        patience: how long stragglers are waited for.
        before: seconds that a member's answer took before now, or would have: they count like those since.
        steady: names of members that are never asked twice; the incumbent, if among them, is waited for.
    """
    race = Race(tuple(each.name for each in members), patience or Patience(), steady)
    return await _Field(members, ask, tell, race, before or {}).run()


class _Field:
    """The members while they run."""

    def __init__(
        self, members: Sequence[Member], ask: Ask, tell: Tell, race: Race, before: Mapping[str, float]
    ) -> None:
        self._members, self._ask, self._tell, self._race = members, ask, tell, race
        self._before = before
        self._reports: dict[str, Report] = {}
        self._running = dict.fromkeys((member.name for member in members), 1)
        self._started = time.monotonic()

    async def run(self) -> list[Report]:
        """Run to the end that the race names."""
        send, receive = anyio.create_memory_object_stream[Report](2 * len(self._members) + 1)
        with send, receive:
            async with anyio.create_task_group() as group:
                for member in self._members:
                    group.start_soon(self._attempt, member, send)
                while not isinstance(move := self._race.next(self._now()), Stop):
                    if isinstance(move, Hedge):
                        self._running[move.name] += 1
                        self._tell(f"{move.name} is late: it is asked once more")
                        group.start_soon(self._attempt, self._member(move.name), send)
                    else:
                        await self._take(move, receive)
                group.cancel_scope.cancel()
        return [self._reports.get(member.name) or self._slow(member) for member in self._members]

    async def _attempt(self, member: Member, send: MemoryObjectSendStream[Report]) -> None:
        try:
            answers = await self._ask(member)
        except MootError as exc:
            report = Report(member, "failed", (), str(exc), self._now(), exc)
        else:
            report = Report(member, "answered", answers, "", self._now())
        send.send_nowait(report)

    async def _take(self, move: Wait, receive: MemoryObjectReceiveStream[Report]) -> None:
        """Wait for the next report and take it in; a failure counts when no second attempt is running."""
        with anyio.move_on_after(move.seconds):
            report = await receive.receive()
            name = report.member.name
            self._running[name] -= 1
            if name in self._reports or (report.status == "failed" and self._running[name]):
                return
            self._reports[name] = report
            if report.status == "answered":
                seconds = report.seconds + self._before.get(name, 0.0)
                self._race.answered(name, seconds, max(1, len(report.answers)))
            else:
                self._race.failed(name)
            self._tell(_sentence(report))

    def _slow(self, member: Member) -> Report:
        reason = "the others were enough, and it was no longer waited for"
        report = Report(member, "slow", (), reason, self._now())
        self._tell(_sentence(report))
        return report

    def _member(self, name: str) -> Member:
        return next(member for member in self._members if member.name == name)

    def _now(self) -> float:
        return time.monotonic() - self._started


def _sentence(report: Report) -> str:
    name, seconds = report.member.name, f"{report.seconds:.1f} s"
    if report.status != "answered":
        return f"{name} is dropped after {seconds}: {report.reason}"
    tokens = sum(answer.tokens for answer in report.answers)
    count = len(report.answers)
    return f"{name} gave {count} answer{'s' * (count > 1)} of {tokens} tokens in {seconds}"
