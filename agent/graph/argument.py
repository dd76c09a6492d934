"""What an argument begins with: the candidates, what the gate says of them, and who leads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moot.agent.core.behaviour import Selection
from moot.agent.core.choices import FusionMode
from moot.agent.core.commands import TestReport
from moot.agent.core.types import Candidate
from moot.agent.fusion.best_of import Contestant, Verdict, choose
from moot.agent.fusion.evidence import Evidence, Fact
from moot.agent.fusion.ledger import Entry
from moot.agent.fusion.transcript import Entrant, Transcript
from moot.agent.graph.beside import Beside
from moot.agent.graph.debate import Argued, Field
from moot.agent.graph.deps import Deps
from moot.agent.graph.entrants import Entrants
from moot.agent.graph.gate import run_gate
from moot.agent.graph.intake import with_more
from moot.agent.graph.judging import gate_rows
from moot.agent.graph.select import select
from moot.agent.graph.state import FusionSummary, RunState
from moot.agent.graph.survivors import find_survivors

__all__ = ["Argument", "hear"]

_MOST = 5
"""Patches that are argued at most."""


@dataclass(frozen=True, slots=True)
class Argument:
    """The state of a round with all its candidates, and what was found of them.

    Attributes:
        incumbent: whose place the others have to win.
        contestants: those that the gate judged; `ranked` the survivors, the best first.
        mass: of each survivor's cluster, the answers that came to its behaviour by their authors' weights.
        verdict: what the tests choose.
    """

    state: RunState
    deps: Deps
    incumbent: Candidate
    contestants: tuple[Contestant, ...]
    ranked: tuple[Contestant, ...]
    selection: Selection | None
    mass: Mapping[str, float]
    verdict: Verdict

    @property
    def update(self) -> RunState:
        """What the round's state takes over; where the fault may be is found once in a run."""
        found = self.state.get("localisation")
        known: RunState = {} if found is None else {"localisation": found}
        return {
            **known,
            "seen": self.state["seen"],
            "drafts": self.state["drafts"],
            "votes": self.state.get("votes", {}),
            "weights": self.state.get("weights", {}),
            "infilled": self.state.get("infilled", 0),
            "selection": self.selection,
        }

    def field(self, *, clusters: bool) -> Field | None:
        """Return the leader and its rivals; None where there are none.

        Args:
            clusters: one of each behaviour; those that could not be compared count as different.
        """
        chosen = self.verdict.chosen
        leader = next((one for one in self.ranked if chosen and one.candidate.id == chosen.id), None)
        if leader is None:
            return None
        groups = _groups(self.selection)
        taken, others = {groups[leader.candidate.id]}, list[Contestant]()
        for one in self.ranked:
            if one is leader or (clusters and groups[one.candidate.id] in taken):
                continue
            taken.add(groups[one.candidate.id])
            others.append(one)
        if not others:
            return None
        survivors = self.selection.survivors if self.selection else ()
        return Field(
            leader,
            tuple(others[: _MOST - 1]),
            {one.id: one.weight for one in survivors},
            self.mass,
            self.selection,
            self.rows,
            {draft.id: draft for draft in self.state["drafts"]},
        )

    @property
    def rows(self) -> tuple[Evidence, ...]:
        """What the gate and the comparison of behaviour say, as rows that can be cited."""
        survivors = self.selection.survivors if self.selection else ()
        said = [Fact(one.id, text) for one in survivors for text in one.objections]
        rows = gate_rows(self.contestants)
        return (*rows, *(Evidence(f"O{n}", "run on inputs", (fact,)) for n, fact in enumerate(said, 1)))

    def transcript(
        self,
        summary: FusionSummary,
        argued: Argued | None,
        calls: Sequence[Entry],
        alone: int,
        left_out: Sequence[str],
    ) -> Transcript:
        """Return what is kept of the round; `alone` are the tokens that were used before it. Blocks."""
        leader = self.verdict.chosen
        new = argued.new(self.contestants) if argued else []
        pairs = argued.revised.items() if argued else ()
        revised = {each.candidate.id: old for old, each in pairs if each in new}
        return Transcript(
            round=self.state["round"],
            mode=summary.mode,
            incumbent=self.incumbent.id,
            leader=leader.id if leader else None,
            chosen=summary.chosen,
            reason=summary.reason,
            entrants=tuple(
                self._entrant(one, revised.get(one.candidate.id, "")) for one in (*self.contestants, *new)
            ),
            evidence=argued.evidence if argued else self.rows,
            trials=argued.tried if argued else (),
            rulings=argued.rulings if argued else (),
            calls=tuple(calls),
            alone_tokens=alone,
            notes=(*(argued.notes if argued else ()), *left_out),
        )

    def _entrant(self, one: Contestant, revises: str) -> Entrant:
        """Enter one; a revision is its author's, and what is merged the run's own model's."""
        candidate = one.candidate
        authors = {draft.id: draft.author for draft in self.state["drafts"]}
        revision = revises and self.deps.settings.fusion_mode is not FusionMode.MERGE
        return Entrant(
            candidate.id,
            authors.get(revises if revision else candidate.id, "") or self.deps.council.own.name,
            candidate.generator,
            self.deps.repository.diff(self.state["base"], candidate.commit),
            _groups(self.selection).get(candidate.id, 0),
            self.state.get("votes", {}).get(candidate.id, 1),
            one.verified,
            one.reason,
            revises,
        )


async def hear(state: RunState, deps: Deps, entrants: Entrants, beside: Beside) -> Argument:
    """Gather the candidates of the round, put them through the gate, and say what the tests choose."""
    state = await with_more(state, deps, entrants, beside)
    candidates = state["candidates"]
    if deps.runner is None:
        reason = "the first candidate stays: nothing is verified, so nothing can beat it"
        return Argument(state, deps, candidates[0], (), (), None, {}, Verdict(candidates[0], reason, 0))
    distinct = await beside.test(find_survivors(state, deps), "those that are not tested yet are")
    if distinct is None:
        distinct = [(one,) for one in candidates if one.commit in deps.judged]
    own = deps.judged.get(candidates[0].commit)
    passes = own is not None and own.verified
    if passes:
        distinct = [_led(same, candidates[0]) for same in distinct]
    state = {**state, **_joined(distinct, state, deps)}
    found = _foremost([first for first, *_ in distinct], deps)
    if passes and candidates[0] not in found:
        found = [candidates[0], *found]  # others are likelier: its place they have to win
    judged = [await beside.test(run_gate(one, state, deps), f"{one.id} is") for one in found]
    contestants = [one for one in judged if one is not None]
    alive = [one for one in contestants if one.verified]
    ranked, selection = await select(alive, state, deps) if alive else ([], None)
    weights = {one.id: one.weight for one in selection.survivors} if selection else {}
    mass = _mass(selection, state, deps)
    first = _incumbent(ranked, candidates[0])
    verdict = choose(_led_by(first, ranked), weights, mass)
    return Argument(state, deps, first, tuple(contestants), tuple(ranked), selection, mass, verdict)


def _led(same: Sequence[Candidate], first: Candidate) -> tuple[Candidate, ...]:
    """Let the incumbent stand for those that are the same edit."""
    return tuple(sorted(same, key=lambda one: one.id != first.id))


def _joined(distinct: Sequence[Sequence[Candidate]], state: RunState, deps: Deps) -> RunState:
    """Give the votes of candidates that are the same edit to the one that stands for them."""
    votes, weights = state.get("votes", {}), state.get("weights", {})
    single = deps.council.own.weight
    counts = {same[0].id: sum(votes.get(one.id, 1) for one in same) for same in distinct}
    sums = {same[0].id: sum(weights.get(one.id, single) for one in same) for same in distinct}
    return {"votes": {**votes, **counts}, "weights": {**weights, **sums}}


def _groups(selection: Selection | None) -> Mapping[str, int]:
    """Return the number of each survivor's behaviour; what was not compared has one of its own."""
    if selection is None:
        return {}
    known = selection.calls > 0 or selection.groups > 1
    return {one.id: one.group if known else n for n, one in enumerate(selection.survivors, 1)}


def _mass(selection: Selection | None, state: RunState, deps: Deps) -> Mapping[str, float]:
    """Return the mass of each survivor's cluster."""
    weights, groups = state.get("weights", {}), _groups(selection)
    own = {one: weights.get(one, deps.council.own.weight) for one in groups}
    return {
        one: sum(own[other] for other, group in groups.items() if group == mine)
        for one, mine in groups.items()
    }


def _foremost(found: Sequence[Candidate], deps: Deps) -> list[Candidate]:
    """Return those that go through the gate: of infills, which come by the dozen, those that are compared."""
    infills = [one for one in found if one.generator == "fim"]
    left_out = infills[max(deps.settings.samples, deps.settings.survivors) :]
    return [one for one in found if one not in left_out]


def _incumbent(ranked: Sequence[Contestant], first: Candidate) -> Candidate:
    """Return whose place the others have to win: the first answer of a chat, or the best infill."""
    return first if first.generator == "chat" or not ranked else ranked[0].candidate


def _led_by(first: Candidate, ranked: Sequence[Contestant]) -> list[Contestant]:
    """Return the survivors with the incumbent before all, which may have failed."""
    failed = Contestant(first, TestReport("", "failed", 1, 0.0), False, "it fails the tests")
    own = next((one for one in ranked if one.candidate.id == first.id), failed)
    return [own, *(one for one in ranked if one.candidate.id != first.id)]
