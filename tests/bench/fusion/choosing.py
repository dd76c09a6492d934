"""The ways to choose one sample of a pool. Pure."""

from collections.abc import Callable, Mapping

from tests.bench.fusion.records import Record, groups_of
from tests.bench.fusion.replay import Chosen, Rules, debate, field, judge_only, merged

__all__ = ["SELECTORS", "Select", "best_of"]

Select = Callable[[Record, int], Chosen]


def at_random(record: Record, size: int) -> Chosen:
    """Any, each as often."""
    return {each.id: 1 / size for each in record.samples[:size]}


def vote(record: Record, size: int) -> Chosen:
    """One of the largest cluster by behaviour; of equal ones the first."""
    return {max(groups_of(record.samples[:size]), key=len)[0].id: 1.0}


def best_single(record: Record, size: int) -> Chosen:
    """The incumbent: the greedy answer."""
    return {record.samples[0].id: 1.0}


def evidence_only(record: Record, size: int) -> Chosen:
    """One of the largest cluster of those that pass the examples, or of all where none does."""
    samples = record.samples[:size]
    alive = [each for each in samples if each.verified]
    return {max(groups_of(alive or samples), key=len)[0].id: 1.0}


def best_of(record: Record, size: int) -> Chosen:
    """What the product takes without a debate; without a survivor the incumbent stays."""
    found = field(record, size)
    return {found.leader.candidate.id if found else record.samples[0].id: 1.0}


def debated(record: Record, size: int) -> Chosen:
    """What the product takes after a debate."""
    return debate(record, size, Rules())


def best_survivor(record: Record, size: int) -> Chosen:
    """A right one of those that pass the examples, where there is one: a bound for all that comes after."""
    alive = [each for each in record.samples[:size] if each.verified]
    return {max(alive or record.samples[:1], key=lambda each: each.right).id: 1.0}


def oracle(record: Record, size: int) -> Chosen:
    """A right one where there is one."""
    return {max(record.samples[:size], key=lambda each: each.right).id: 1.0}


SELECTORS: Mapping[str, Select] = {
    "random": at_random,
    "vote": vote,
    "best single": best_single,
    "evidence-only": evidence_only,
    "judge-only": judge_only,
    "best-of": best_of,
    "merge": merged,
    "debate": debated,
    "oracle of those that pass": best_survivor,
    "oracle": oracle,
}
