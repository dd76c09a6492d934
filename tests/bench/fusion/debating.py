"""Holds the product's debate over one pool and writes down all that was said, for any selector to use."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from moot.agent.core.trials import Observed, Trial
from moot.agent.fusion.asking import Topic
from moot.agent.fusion.claims import Claim, endorse, separates
from moot.agent.fusion.critics import PREDICTIONS, Case, find_defects, find_inputs, predict
from moot.agent.fusion.evidence import Evidence, Fact, table
from moot.agent.fusion.judge import Criteria, judge_pair
from moot.agent.fusion.member import Answer
from moot.agent.fusion.seat import Seat
from moot.prompts import render
from tests.bench.fusion.asking import opening, program
from tests.bench.fusion.executed import Bench, Job
from tests.bench.fusion.problems import Problem
from tests.bench.fusion.records import ASKED, Record, Ruled, Said, groups_of
from tests.bench.fusion.replay import MOST_JUDGED, pairs

__all__ = ["Hall"]

T = TypeVar("T")

PATH = "solution.py"
RUNS = 3
MOST_CALLS, MOST_PREDICTED = 3, 3


@dataclass(frozen=True, slots=True)
class Hall:
    """Where the debate over one problem is held."""

    problem: Problem
    seat: Seat
    bench: Bench

    async def argue(self, record: Record) -> Record:
        """Return the record with what the product asks, in its order, and the rulings of a judge."""
        if not record.matters:
            return replace(record, stage="argued")
        failures: list[str] = []
        case, letters = self._case(record)
        said = await self._told_apart(record, self._differing(record))
        known = table(self._rows(record, said), letters)
        shown = await self._run(record, _taken(await find_defects(self.seat, case, known), failures))
        valued = {each.trial.id: each for each in await self._valued([one for one in shown if one.shows])}
        said += [valued.get(each.trial.id, each) for each in shown]
        rows = self._rows(record, said)
        rulings = await asyncio.gather(*(self._judged(record, rows, *pair) for pair in pairs(record)))
        return replace(
            record, stage="argued", said=tuple(said), rulings=tuple(rulings), failures=tuple(failures)
        )

    async def extend(self, record: Record) -> Record:
        """Return the record with what the product does not ask where calls tell patches apart.

        These are inputs that the model names, values where the choice of a survivor does not matter, and
        rulings of a judge who sees nothing that was run: between survivors, and between the incumbent and
        all that differ from it, failing ones among them.
        """
        failures, said = list(record.failures), list(record.said)
        if record.matters:
            case, _ = self._case(record)
            asked = _taken(await find_inputs(self.seat, case), failures)
            said += await self._told_apart(
                record, [replace(each, id=f"I{n}") for n, each in enumerate(asked, 1)]
            )
        elif record.contested:
            said += await self._told_apart(record, self._differing(record))
        known = [(each.leader, each.challenger) for each in record.rulings if not each.informed]
        blind = [pair for pair in self._open_pairs(record) if pair not in known]
        judged = await asyncio.gather(*(self._judged(record, (), *pair) for pair in blind))
        return replace(
            record,
            stage="extended",
            said=tuple(said),
            rulings=(*record.rulings, *judged),
            failures=tuple(failures),
        )

    def _open_pairs(self, record: Record) -> list[tuple[str, str]]:
        """Return the pairs of survivors, and those of the incumbent with what differs from it."""
        if len({each.right for each in record.samples}) == 1:
            return []
        first, *others = groups_of(record.samples)
        new = [each[0].id for each in sorted(others, key=len, reverse=True)[:MOST_JUDGED]]
        return list(dict.fromkeys([*pairs(record), *((first[0].id, one) for one in new)]))

    async def _told_apart(self, record: Record, trials: Sequence[Trial]) -> list[Said]:
        """Return those that tell survivors apart, with values."""
        alive = [each.id for each in record.samples if each.verified]
        shown = await self._run(record, [(trial, None) for trial in trials])
        return await self._valued([each for each in shown if separates(each.observed, alive)])

    def _case(self, record: Record) -> tuple[Case, dict[str, str]]:
        """Return one sample of each behaviour under letters, and the letters by sample."""
        found = [group[0] for group in groups_of(each for each in record.samples if each.verified)]
        random.Random(record.task).shuffle(found)
        names = dict(zip("ABCDE", (each.id for each in found), strict=False))
        diffs = dict(zip(names, (each.code for each in found), strict=True))
        case = Case(_task(record), diffs, names, (PATH,), _rubric())
        return case, {one: letter for letter, one in names.items()}

    def _differing(self, record: Record) -> list[Trial]:
        """Return calls on which survivors differ, each telling others apart than those before."""
        alive = [each for each in record.samples if each.verified]
        apart: dict[tuple[str, ...], str] = {}
        for at, call in enumerate(record.inputs):
            seen = tuple(each.outputs[at] for each in alive)
            if len(set(seen)) > 1:
                apart.setdefault(seen, call)
        return [Trial(f"D{n}", PATH, call) for n, call in enumerate([*apart.values()][:MOST_CALLS], 1)]

    async def _run(self, record: Record, trials: Sequence[tuple[Trial, Claim | None]]) -> list[Said]:
        """Run trials with every sample and with the canonical solution."""
        if not trials:
            return []
        names = [*(each.id for each in record.samples), ""]
        codes = [*(program(self.problem, each.code) for each in record.samples), self.problem.solution]
        lines = tuple(trial.code for trial, _ in trials)
        seen = await self.bench.run([Job(code, lines) for code in codes for _ in range(RUNS)])
        said: list[Said] = []
        for at, (trial, claim) in enumerate(trials):
            shown = [_steady([run[at] for run in seen[n : n + RUNS]]) for n in range(0, len(seen), RUNS)]
            observed = dict(zip(names, shown, strict=True))
            truth = observed.pop("")
            said.append(Said(trial, observed, truth, claim=claim))
        return said

    async def _valued(self, said: Sequence[Said]) -> list[Said]:
        """Ask what the first of them should give, where the task does not say so."""
        asked = [each for each in said if endorse(each.trial.code, self.problem.prompt, ()) is None]
        asked = asked[:MOST_PREDICTED]
        values = await self._predicted([each.trial for each in asked]) if asked else []
        known = {each.trial.id: value for each, value in zip(asked, values, strict=True)}
        return [replace(each, expected=known.get(each.trial.id, ())) for each in said]

    async def _predicted(self, trials: Sequence[Trial]) -> list[tuple[str, ...]]:
        """Ask once before the other times: answers of one request would each have the prompt read anew."""
        talk = opening(self.problem)
        first = await predict(self.seat, talk, trials, 1)
        more = await predict(self.seat, talk, trials, ASKED - 1)
        return [(*one, *others) for one, others in zip(first, more, strict=True)]

    async def _judged(self, record: Record, rows: Sequence[Evidence], leader: str, challenger: str) -> Ruled:
        """Have a pair judged over a table of evidence, which may be empty."""
        codes = {each.id: Answer(each.id, "", each.code) for each in record.samples}
        criteria, answers = Criteria(_rubric()), (codes[leader], codes[challenger])
        ruling = await judge_pair(self.seat, Topic(_task(record)), answers, criteria, partial(table, rows))
        orders = tuple(replace(each, reasons=()) for each in ruling.orders)
        return Ruled(leader, challenger, bool(rows), orders)

    def _rows(self, record: Record, said: Sequence[Said]) -> list[Evidence]:
        """Return the table of evidence as the product has it."""
        tests = tuple(Fact(each.id, "the tests pass") for each in record.samples if each.verified)
        tried = [each.tried(record.prompt, PREDICTIONS) for each in said if each.shows]
        return [Evidence("T1", "the tests, run with it", tests), *(each.evidence() for each in tried)]


def _rubric() -> str:
    return render("fusion_rubric_patch").strip()


def _task(record: Record) -> str:
    return f"Write this function in {PATH}:\n\n{record.prompt.strip()}"


def _steady(runs: Sequence[Observed]) -> Observed:
    first = runs[0]
    return first if all(each == first for each in runs) else Observed("unsteady", "")


def _taken(said: list[T] | str, failures: list[str]) -> list[T]:
    if isinstance(said, str):
        failures.append(said)
        return []
    return said
