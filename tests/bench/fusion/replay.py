"""Replays selectors on frozen pools, through the product's own functions and without a model. Pure.

A selector returns the share of its choices by sample: all on one, or spread where it would have drawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.types import Candidate, FileDelta
from moot.agent.fusion.best_of import Contestant, choose
from moot.agent.fusion.claims import Tried
from moot.agent.fusion.decide import Choice, agreed, debiased, stands, with_prior
from moot.agent.fusion.judge import InOneOrder, PairRuling
from moot.agent.fusion.patches import Findings, covers, decide, undecided
from tests.bench.fusion.records import Record, Ruled, Sample, groups_of

__all__ = [
    "MOST_JUDGED",
    "SIZES",
    "Chosen",
    "Field",
    "Rules",
    "debate",
    "field",
    "judge_only",
    "merged",
    "merges",
    "pairs",
    "ruling",
    "simulated",
]

SIZES = (2, 3, 5)
"""Numbers of samples that selectors are tried with."""
MOST_JUDGED = 3

Chosen = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a debate goes by; the defaults are the product's.

    Attributes:
        trials: kinds by the first letter of their ids: `D` calls near the examples, `I` inputs that the
            model names, `C` claims.
        predictions: answers that endorse a value; 0 leaves what the task states.
        least: weight from which an endorsed value counts, then in full; None leaves that to the product.
        judge: whether its rulings count.
        informed: whether the judge saw the table of evidence.
        probabilities: whether its choice of tokens counts, or its verdict alone.
        orders: how many orders are looked at.
        votes: whether the mass of a cluster is the judge's prior.
        threshold: P(better) that a challenger has to pass.
        never_worse: whether the leader stays in doubt.
    """

    trials: str = "DC"
    predictions: int = 3
    least: float | None = None
    judge: bool = True
    informed: bool = True
    probabilities: bool = True
    orders: int = 2
    votes: bool = True
    threshold: float = 0.6
    never_worse: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """The leader and one of each other behaviour that survives, with the mass of each."""

    leader: Contestant
    others: tuple[Contestant, ...]
    votes: Mapping[str, int]


def contestant(record: Record, sample: Sample) -> Contestant:
    """Return a sample as the gate leaves it; nothing hidden is in it."""
    outcomes = zip(record.examples, sample.passed, strict=True)
    cases = tuple(TestCase(each.call, "passed" if passed else "failed") for each, passed in outcomes)
    report = TestReport("", "passed" if sample.verified else "failed", int(not sample.verified), 0.0, cases)
    delta = FileDelta("solution.py", len(sample.code.splitlines()), 0, False, True)
    candidate = Candidate(sample.id, "", "chat", "", sample.logprob, (delta,))
    return Contestant(candidate, report, sample.verified)


def field(record: Record, size: int) -> Field | None:
    """Return what the first samples leave after what can be seen; None where none survives."""
    samples = record.samples[:size]
    everyone = {each.id: contestant(record, each) for each in samples}
    groups = groups_of(each for each in samples if each.verified)
    groups.sort(key=len, reverse=True)
    votes = {each.id: len(group) for group in groups for each in group}
    leader = choose([*everyone.values()], mass=votes).chosen
    if leader is None:
        return None
    others = [group[0].id for group in groups if all(each.id != leader.id for each in group)]
    return Field(everyone[leader.id], tuple(everyone[one] for one in others), votes)


def pairs(record: Record) -> list[tuple[str, str]]:
    """Return every leader with a challenger that some number of samples leads to."""
    fields = [found for size in SIZES if (found := field(record, size))]
    found = [
        (each.leader.candidate.id, one.candidate.id) for each in fields for one in each.others[:MOST_JUDGED]
    ]
    return list(dict.fromkeys(found))


def debate(record: Record, size: int, rules: Rules) -> Chosen:
    """Choose as the product does after a debate; without a survivor the incumbent stays."""
    found = field(record, size)
    if found is None:
        return {record.samples[0].id: 1.0}
    rulings = {each.challenger: each for each in record.rulings if _meant(each, found, rules.informed)}
    said = {one: _ruling(each, found, rules) for one, each in rulings.items()} if rules.judge else {}
    return {_decided(found, _tried(record, rules), said, rules): 1.0}


def merges(record: Record) -> list[tuple[str, str]]:
    """Return every leader with what would be merged into it; others that overlap are left out, too."""
    fields = [found for size in SIZES if (found := field(record, size))]
    found = [(each.leader.candidate.id, each.others[0].candidate.id) for each in fields if each.others]
    return list(dict.fromkeys(found))


def merged(record: Record, size: int, threshold: float = 0.6) -> Chosen:
    """Take what was merged of the leader and another, unless it fails or the judge prefers the leader."""
    found = field(record, size)
    if found is None:
        return {record.samples[0].id: 1.0}
    leader = found.leader.candidate.id
    others = [each.candidate.id for each in found.others[:1]]
    known = next((each for each in record.merged if (each.leader, [each.other]) == (leader, others)), None)
    if known is None or known.sample is None or not known.orders:
        return {leader: 1.0}
    new = contestant(record, known.sample)
    said = Ruled(leader, known.sample.id, informed=True, orders=known.orders)
    stays = not covers(new, found.leader, Findings()) or not stands(
        ruling(said, Rules(votes=False)).challenge, threshold
    )
    return {leader if stays else known.sample.id: 1.0}


def simulated(record: Record, size: int, rules: Rules, accuracy: float) -> Chosen:
    """Choose as `debate` does, with a judge that is right so often and knows it; of equals it prefers any."""
    found = field(record, size)
    if found is None:
        return {record.samples[0].id: 1.0}
    tried, shares = _tried(record, rules), dict[str, float]()
    open_ones = undecided(found.leader, found.others, Findings(tried=tried))[:MOST_JUDGED]
    for verdicts in product((True, False), repeat=len(open_ones)):
        share, said = 1.0, dict[str, PairRuling]()
        for one, preferred in zip(open_ones, verdicts, strict=True):
            share *= _likely(record, found.leader, one, preferred, accuracy)
            odds = _odds(found, one.candidate.id) if rules.votes else 1.0
            said[one.candidate.id] = _sure(one, preferred, accuracy, odds)
        chosen = _decided(found, tried, said, rules)
        shares[chosen] = shares.get(chosen, 0.0) + share
    return shares


def judge_only(record: Record, size: int, threshold: float = 0.6) -> Chosen:
    """Let the judge alone replace the incumbent: without examples, runs, or a prior."""
    ids = {each.id for each in record.samples[:size]}
    rulings = [each for each in record.rulings if not each.informed and each.leader == record.samples[0].id]
    said = [ruling(each, Rules(votes=False)) for each in rulings if each.challenger in ids]
    winners = [each for each in said if each.verdict == "challenger" and each.better > threshold]
    best = max(winners, key=lambda each: each.better, default=None)
    return {best.challenger if best else record.samples[0].id: 1.0}


def ruling(said: Ruled, rules: Rules, odds: float = 1.0) -> PairRuling:
    """Return what the recorded orders come to."""
    orders = said.orders[: rules.orders]
    choices: list[Choice] = [each.choice for each in orders]
    known = [each.better if rules.probabilities else None for each in orders]
    better = with_prior(debiased(known, choices), odds if rules.votes else 1.0)
    return PairRuling(said.challenger, orders, agreed(choices), better, 0)


def _meant(said: Ruled, found: Field, informed: bool) -> bool:
    return (
        said.informed == informed
        and said.leader == found.leader.candidate.id
        and _has(found, said.challenger)
    )


def _has(found: Field, challenger: str) -> bool:
    return any(one.candidate.id == challenger for one in found.others)


def _odds(found: Field, challenger: str) -> float:
    return found.votes[challenger] / found.votes[found.leader.candidate.id]


def _ruling(said: Ruled, found: Field, rules: Rules) -> PairRuling:
    return ruling(said, rules, _odds(found, said.challenger))


def _tried(record: Record, rules: Rules) -> list[Tried]:
    """Return the trials that count, with what their values weigh."""
    chosen = [each for each in record.said if each.shows and each.trial.id[0] in rules.trials]
    tried = [each.tried(record.prompt, rules.predictions) for each in chosen]
    return tried if rules.least is None else list(_in_full(tried, rules.least))


def _in_full(tried: Sequence[Tried], least: float) -> Iterator[Tried]:
    for each in tried:
        if each.endorsed is not None and each.endorsed.weight >= least:
            yield replace(each, endorsed=replace(each.endorsed, weight=1.0))


def _decided(found: Field, tried: Sequence[Tried], rulings: Mapping[str, PairRuling], rules: Rules) -> str:
    findings = Findings(tried=tried, rulings=rulings)
    if rules.never_worse:
        return decide(found.leader, found.others, findings, rules.threshold).chosen
    leader = found.leader.candidate.id
    standing = {leader: (0.0, 0.5)}
    for one in (each.candidate.id for each in found.others):
        standing[one] = findings.ahead(one, leader), rulings[one].better if one in rulings else 0.5
    return max(standing, key=lambda one: standing[one])


def _likely(record: Record, leader: Contestant, one: Contestant, preferred: bool, accuracy: float) -> float:
    right = {each.id: each.right for each in record.samples}
    mine, other = right[one.candidate.id], right[leader.candidate.id]
    if mine == other:
        return 0.5
    return accuracy if mine == preferred else 1 - accuracy


def _sure(one: Contestant, preferred: bool, accuracy: float, odds: float) -> PairRuling:
    choice: Choice = "challenger" if preferred else "incumbent"
    better = accuracy if preferred else 1 - accuracy
    orders = (InOneOrder("incumbent", choice, better), InOneOrder("challenger", choice, better))
    return PairRuling(one.candidate.id, orders, choice, with_prior(better, odds), 0)
