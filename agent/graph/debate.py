"""Argues over patches that pass their tests: tell them apart, criticise, revise once, judge.

Opinions weigh nothing until something was run: inputs and claims are executed on the base and on every
patch, and a value counts for or against one only where the task states it or most of those predict it who
saw no patch.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from moot.agent.core.behaviour import Selection
from moot.agent.core.errors import MootError
from moot.agent.core.together import together
from moot.agent.core.trials import Observed, Trial
from moot.agent.fusion.best_of import Contestant
from moot.agent.fusion.claims import Claim, Tried, against, fits, separates
from moot.agent.fusion.critics import Case, find_defects, find_inputs
from moot.agent.fusion.debate import labelled
from moot.agent.fusion.decide import Decision
from moot.agent.fusion.evidence import Evidence, table
from moot.agent.fusion.judge import PairRuling
from moot.agent.fusion.member import Member
from moot.agent.fusion.patches import ENDORSED, Findings, decide, undecided
from moot.agent.fusion.seat import Seat, Table
from moot.agent.graph.deps import Deps
from moot.agent.graph.judging import answer, gate_rows, judge_patches, rubric
from moot.agent.graph.revise import revise
from moot.agent.graph.select import objections
from moot.agent.graph.state import Draft, RunState
from moot.agent.graph.trials import recorded, subjects, try_out, with_values

__all__ = ["Argued", "Debate", "Field"]

T = TypeVar("T")

_MOST_JUDGED = 3
"""Challengers that a judge compares with the leader; each takes two calls."""


@dataclass(frozen=True, slots=True)
class Field:
    """The patches that are left, one of each behaviour.

    Attributes:
        leader: the one that the tests prefer.
        objections: weight of what was found against the behaviour of each, by id.
        mass: of each one's cluster: the prior.
        rows: what is known of them so far.
        drafts: what was written, by candidate.
    """

    leader: Contestant
    others: tuple[Contestant, ...]
    objections: Mapping[str, int]
    mass: Mapping[str, float]
    selection: Selection | None
    rows: tuple[Evidence, ...]
    drafts: Mapping[str, Draft]

    @property
    def everyone(self) -> tuple[Contestant, ...]:
        """The leader and the others."""
        return (self.leader, *self.others)

    @property
    def ids(self) -> list[str]:
        """Of everyone."""
        return [one.candidate.id for one in self.everyone]


@dataclass(frozen=True, slots=True)
class Argued:
    """What an argument came to; `revised` are new candidates, by the one that they revise."""

    decision: Decision
    revised: Mapping[str, Contestant]
    evidence: tuple[Evidence, ...]
    tried: tuple[Tried, ...]
    rulings: tuple[PairRuling, ...]
    notes: tuple[str, ...]

    def new(self, known: Sequence[Contestant]) -> list[Contestant]:
        """Return those of the revised candidates that are none of these."""
        ids = {one.candidate.id for one in known}
        return [one for one in self.revised.values() if one.candidate.id not in ids]


class Debate:
    """One argument, while it is held."""

    def __init__(self, field: Field, state: RunState, deps: Deps, seats: Table) -> None:
        self._field, self._state, self._deps, self._seats = field, state, deps, seats
        self._paths = subjects(field.everyone)
        self._objections = field.objections
        self._revised: dict[str, Contestant] = {}
        self._tried: list[Tried] = []
        self._notes: list[str] = []

    async def hold(self) -> Argued:
        """Hold it; whatever fails on the way costs what it would have brought, and is noted."""
        rulings: tuple[PairRuling, ...] = ()
        if await self._tell_apart():
            await self._criticise()
            await self._revise()
            rulings = await self._judge()
        findings = replace(self._findings, rulings={one.challenger: one for one in rulings})
        threshold = self._deps.council.criteria.threshold
        decision = decide(self._field.leader, self._challengers, findings, threshold)
        told = (tuple(self._rows), tuple(self._tried), rulings, tuple(self._notes))
        return Argued(decision, self._revised, *told)

    async def _tell_apart(self) -> bool:
        """Find inputs on which the patches differ; False where some were tried and none does."""
        if not self._paths:
            self._notes.append("no source is changed that code could be run of")
            return True
        known = recorded(self._field.selection)
        if not known:
            case = await self._case("inputs")
            asked = await self._ask(self._deps.council.own, lambda seat: find_inputs(seat, case))
            shown = await self._run([(trial, None) for trial in asked])
            known = [each for each in shown if separates(each.observed, self._field.ids)]
            told = (seen.tells for each in shown for seen in each.observed.values())
            if not known and any(told):
                self._notes.append("no input that was tried tells the patches apart")
                return False
        await self._take_in(known)
        return True

    async def _criticise(self) -> None:
        """Let each participant name defects once; what a run does not show weighs nothing."""
        if not self._paths:
            return
        case = await self._case("defects")
        known = table(self._rows, {one: letter for letter, one in case.names.items()})
        said = await together(
            self._ask(each, lambda seat: find_defects(seat, case, known)) for each in self._critics()
        )
        claims = [pair for each in said for pair in each]
        known_codes = {each.trial.code.strip() for each in self._tried}
        fresh = {trial.code.strip(): (trial, claim) for trial, claim in claims}
        new = [pair for code, pair in fresh.items() if code not in known_codes]
        numbered = [(replace(trial, id=f"C{n}"), claim) for n, (trial, claim) in enumerate(new, 1)]
        shown = [each for each in await self._run(numbered) if _shows(each)]
        self._notes.append(f"{len(claims)} defects were claimed; runs show {len(shown)}")
        await self._take_in(shown)

    async def _revise(self) -> None:
        """Where every patch fails an endorsed value, let each author revise once; the trials run anew."""
        if any(against(self._tried, name) < ENDORSED for name in self._field.ids):
            return
        for one in self._field.everyone:
            name = one.candidate.id
            draft = self._field.drafts.get(name)
            new = await revise(one, draft, self._tried, self._state, self._deps, self._seats)
            if isinstance(new, str) or new.candidate.id in self._field.ids:
                self._notes.append(new if isinstance(new, str) else f"{name} is not revised: nothing is new")
                continue
            self._revised[name] = new
            trials = [each.trial for each in self._tried]
            seen = await try_out(trials, [new], self._state, self._deps)
            self._tried = [_with(each, new, seen.get(each.trial.id, {})) for each in self._tried]
        if passing := [one for one in self._revised.values() if one.verified]:
            everyone = [*self._field.everyone, *passing]
            self._objections = await objections(everyone, self._state, self._deps)

    async def _judge(self) -> tuple[PairRuling, ...]:
        """Have those compared with the leader of whom evidence does not tell."""
        open_ones = undecided(self._field.leader, self._challengers, self._findings)[:_MOST_JUDGED]
        if not open_ones:
            return ()
        field, pairs = self._field, (self._field.leader, *open_ones)
        where = (self._state, self._deps, self._seats)
        rulings, notes = await judge_patches(pairs, field.mass, self._rows, *where)
        self._notes += notes
        return rulings

    # --- what the steps share -----------------------------------------------------------------

    @property
    def _challengers(self) -> list[Contestant]:
        return [*self._field.others, *self._revised.values()]

    @property
    def _rows(self) -> list[Evidence]:
        """Everything that was run, as rows that can be cited."""
        revised = gate_rows(list(self._revised.values()), 2)
        return [*self._field.rows, *revised, *(each.evidence() for each in self._tried)]

    @property
    def _findings(self) -> Findings:
        return Findings(self._objections, tuple(self._tried))

    def _critics(self) -> list[Member]:
        """Return the authors of what is left; samples of one model are one participant."""
        drafts, council = self._field.drafts, self._deps.council
        authors = {drafts[one].author if one in drafts else "" for one in self._field.ids}
        return [each for each in council.members if ("" if each is council.own else each.name) in authors]

    async def _case(self, seed: str) -> Case:
        """Return the task and the diffs under letters, in an order that tells nothing."""
        answers = [await answer(one, 1.0, self._state, self._deps) for one in self._field.everyone]
        letters = labelled(answers, seed)
        return Case(
            self._state["task"].text,
            {letter: each.text for letter, each in letters.items()},
            {letter: each.id for letter, each in letters.items()},
            self._paths,
            rubric(self._deps),
        )

    async def _ask(self, member: Member, question: Callable[[Seat], Awaitable[list[T] | str]]) -> list[T]:
        """Put a question to a member; without an answer of use there is nothing, and a note."""
        try:
            said = await question(await self._seats.seat(member))
        except MootError as exc:
            said = str(exc)
        if isinstance(said, str):
            self._notes.append(said)
            return []
        return said

    async def _run(self, claims: Sequence[tuple[Trial, Claim | None]]) -> list[Tried]:
        trials = [trial for trial, _ in claims]
        seen = await try_out(trials, self._field.everyone, self._state, self._deps)
        return [Tried(trial, seen[trial.id], claim=claim) for trial, claim in claims if trial.id in seen]

    async def _take_in(self, tried: Sequence[Tried]) -> None:
        """Take in trials, with the values that are right."""
        if tried:
            seat = await self._seats.seat(self._deps.council.own)
            self._tried += await with_values(tried, seat, self._state, self._deps)


def _shows(each: Tried) -> bool:
    """Return whether a run shows what was claimed: the candidate gives something else than it should."""
    seen = each.observed.get(each.claim.about) if each.claim else None
    return seen is not None and each.claim is not None and seen.tells and not fits(seen, each.claim.expected)


def _with(each: Tried, new: Contestant, seen: Mapping[str, Observed]) -> Tried:
    name = new.candidate.id
    return replace(each, observed={**each.observed, name: seen[name]}) if name in seen else each
