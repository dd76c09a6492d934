"""Has the model merge survivors of a pool, as the product does patches that overlap, and a judge object."""

from dataclasses import dataclass, replace
from difflib import unified_diff
from functools import partial

from moot.agent.core.messages import ChatMessage, ChatRequest
from moot.agent.core.ports import ModelClient
from moot.agent.fusion.asking import Topic
from moot.agent.fusion.evidence import Evidence, Fact, table
from moot.agent.fusion.judge import Criteria, judge_pair
from moot.agent.fusion.member import CUT, Answer
from moot.agent.fusion.seat import Seat
from moot.prompts import render
from tests.bench.fusion.asking import function_in, opening
from tests.bench.fusion.executed import Bench
from tests.bench.fusion.problems import Problem
from tests.bench.fusion.records import Merged, Record, Sample
from tests.bench.fusion.replay import merges
from tests.bench.fusion.running import graded

__all__ = ["merge"]

_TOKENS = 320


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where the merges of one problem are written."""

    problem: Problem
    client: ModelClient
    seat: Seat
    bench: Bench
    record: Record

    async def merged(self, name: str, leader: Sample, other: Sample) -> Merged:
        """Ask for one function of two, run it, and have the leader compared with it."""
        said = (
            ChatMessage("assistant", f"```python\n{leader.code}\n```"),
            ChatMessage("user", render("fusion_merge_patch", other=_diff(other.code))),
        )
        request = ChatRequest((*opening(self.problem), *said), _TOKENS)
        [answer] = await self.client.chat(request)
        if answer.finish in CUT:
            return Merged(leader.id, other.id)
        code = function_in(self.problem, answer.text)
        known = next((each for each in self.record.samples if each.code == code), None)
        if known is not None:
            return Merged(leader.id, other.id, known)
        [sample] = await graded(self.bench, self.problem, self.record, [(name, code, answer.logprob)])
        if not sample.verified:
            return Merged(leader.id, other.id, sample)
        rows = [Evidence("T1", "the tests, run with it", (_passes(leader), _passes(sample)))]
        pair = (Answer(leader.id, "", leader.code), Answer(sample.id, "", sample.code))
        task = f"Write this function in solution.py:\n\n{self.record.prompt.strip()}"
        criteria = Criteria(render("fusion_rubric_patch").strip())
        ruling = await judge_pair(self.seat, Topic(task), pair, criteria, partial(table, rows))
        return Merged(leader.id, other.id, sample, tuple(replace(each, reasons=()) for each in ruling.orders))


async def merge(client: ModelClient, seat: Seat, bench: Bench, problem: Problem, record: Record) -> Record:
    """Return the record with what the model makes of each leader and the first that differs from it."""
    desk, samples = _Desk(problem, client, seat, bench, record), {each.id: each for each in record.samples}
    done = [
        await desk.merged(f"m{number}", samples[leader], samples[other])
        for number, (leader, other) in enumerate(merges(record))
    ]
    return replace(record, merged=tuple(done))


def _passes(sample: Sample) -> Fact:
    return Fact(sample.id, "the tests pass")


def _diff(code: str) -> str:
    return "".join(
        unified_diff([], [f"{line}\n" for line in code.splitlines()], "/dev/null", "b/solution.py")
    )
