"""Frozen pools of patches of real bugs, and the ways to choose one of them. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from tests.bench.fusion.replay import Chosen

__all__ = ["POOLS", "SELECTORS", "Patch", "Pool", "pools_in"]

POOLS = Path(__file__).with_name("repair.jsonl")
_THRESHOLD = 0.6  # the product's, of P(better)


@dataclass(frozen=True, slots=True)
class Patch:
    """One candidate of an argument.

    Attributes:
        cluster: those of one number behave alike; 0 for those that fail the gate.
        votes: answers that came to the same edit.
        ahead: by how much endorsed values speak for it against the leader.
        better: the judge's P(better than the leader); None where it was not asked.
        preferred: whether it was in both orders.
        right: what is hidden from whoever chooses; `compared` says whether its behaviour was compared too.
    """

    id: str
    generator: str
    diff: str = ""
    cluster: int = 0
    votes: int = 1
    verified: bool = False
    ahead: float = 0.0
    better: float | None = None
    preferred: bool = False
    right: bool = False
    compared: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """The last argument of one run; no patches where the run found none that passes a failing test.

    Attributes:
        incumbent: the first candidate, which may have failed at once; `leader` what the tests prefer.
        chosen: what the debate chose, and `reason` why.
        tokens: that the argument took; `alone` before it.
    """

    bug: str
    known_place: bool
    incumbent: str = ""
    leader: str | None = None
    chosen: str | None = None
    reason: str = ""
    tokens: int = 0
    alone: int = 0
    patches: tuple[Patch, ...] = ()

    @property
    def samples(self) -> Sequence[Patch]:
        """The incumbent, then the others; one that passed no failing test is wrong, and has no diff."""
        first = [each for each in self.patches if each.id == self.incumbent]
        others = [each for each in self.patches if each.id != self.incumbent]
        return [*(first or [Patch(self.incumbent, "chat")]), *others]

    @property
    def answers(self) -> Sequence[Patch]:
        """All that may be chosen."""
        return self.samples

    @property
    def alive(self) -> Sequence[Patch]:
        """Those that pass the gate, the incumbent first: where nothing tells them apart it stands."""
        return [each for each in self.samples if each.verified]

    @property
    def settled(self) -> bool:
        """Whether nothing is left to choose: those that pass behave alike, or there are none."""
        return len({each.cluster for each in self.alive}) < 2


_POOL = TypeAdapter(Pool)


def pools_in(path: Path = POOLS) -> list[Pool]:
    """Return the pools of a file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [_POOL.validate_json(line) for line in lines]


def at_random(pool: Pool) -> Chosen:
    """Any that passes a failing test, each as often."""
    return {each.id: 1 / len(pool.patches) for each in pool.patches}


def survivor(pool: Pool) -> Chosen:
    """Any that passes the gate, each as often; without one any."""
    return {each.id: 1 / len(pool.alive) for each in pool.alive} or at_random(pool)


def best_single(pool: Pool) -> Chosen:
    """The incumbent."""
    return {pool.incumbent: 1.0}


def vote(pool: Pool) -> Chosen:
    """The behaviour to which most answers came; of equal ones the first."""
    mass = Counter[int]()
    for each in pool.alive:
        mass[each.cluster] += each.votes
    most = max(mass.values(), default=0)
    return _only(next((each for each in pool.alive if mass[each.cluster] == most), None), pool)


def evidence_only(pool: Pool) -> Chosen:
    """The one for which endorsed values speak most, of those that pass."""
    return _only(max(pool.alive, key=lambda each: each.ahead, default=None), pool)


def judge_only(pool: Pool) -> Chosen:
    """The one that the judge likes most in place of the leader, whatever the values say."""
    liked = [each for each in pool.alive if each.preferred and (each.better or 0) > _THRESHOLD]
    best = max(liked, key=lambda each: each.better or 0, default=None)
    return {best.id: 1.0} if best else best_of(pool)


def best_of(pool: Pool) -> Chosen:
    """What the product takes without a debate."""
    return {pool.leader or pool.incumbent: 1.0}


def debated(pool: Pool) -> Chosen:
    """What the product took."""
    return {pool.chosen or pool.incumbent: 1.0}


def oracle(pool: Pool) -> Chosen:
    """A right one where there is one."""
    return {max(pool.samples, key=lambda each: each.right).id: 1.0}


SELECTORS: Mapping[str, Callable[[Pool], Chosen]] = {
    "random": at_random,
    "random of those that pass": survivor,
    "vote": vote,
    "best single": best_single,
    "evidence-only": evidence_only,
    "judge-only": judge_only,
    "best-of": best_of,
    "debate": debated,
    "oracle": oracle,
}


def _only(one: Patch | None, pool: Pool) -> Chosen:
    return {one.id if one else pool.incumbent: 1.0}
