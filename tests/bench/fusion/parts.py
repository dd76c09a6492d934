"""How well each part of a debate does: the judge, the values that are endorsed, the claims. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from moot.agent.core.trials import Observed
from moot.agent.fusion.claims import Tried, fits
from tests.bench.fusion.records import Record, Ruled, Said
from tests.bench.fusion.replay import Rules, ruling

__all__ = ["Claims", "Judged", "Share", "claims", "decisive", "endorsed", "judged"]


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: float
    of: int

    def __str__(self) -> str:
        return f"{self.hits:g} of {self.of} ({self.hits / self.of:.0%})" if self.of else "none"


@dataclass(frozen=True, slots=True)
class Judged:
    """How a judge does on pairs of which exactly one is right; a tie is half a hit.

    Attributes:
        likely: by its probabilities in both orders.
        verdicts: by verdicts on which both orders agree.
        one_order: by its probability with the leader in the first place.
        consistent: pairs of any kind on which both orders give the same verdict.
        first: orders in which it prefers the answer that it sees first, of those with a winner.
    """

    likely: Share
    verdicts: Share
    one_order: Share
    consistent: Share
    first: Share


@dataclass(frozen=True, slots=True)
class Claims:
    """What becomes of claims.

    Attributes:
        runs: those that can be run with the sample that they are about.
        shown: and it gives something else than the claim expects.
        wrong: of those shown the ones about a wrong sample.
        holds: and an endorsed value says so.
        holds_wrong: of those the ones about a wrong sample.
        true: claims whose expected value is what the canonical solution gives, of those that run.
    """

    runs: Share
    shown: Share
    wrong: Share
    holds: Share
    holds_wrong: Share
    true: Share


def judged(records: Sequence[Record], informed: bool) -> Judged:
    """Look at every recorded pair of survivors."""
    pairs = [(record, each) for record in records for each in record.rulings if each.informed == informed]
    pairs = [(record, each) for record, each in pairs if _both_pass(record, each)]
    sure = [(each, right) for record, each in pairs if (right := _right(record, each)) is not None]
    plain = Rules(votes=False)
    likely = [_hit(ruling(each, plain).better, right) for each, right in sure]
    single = [_hit(ruling(each, replace(plain, orders=1)).better, right) for each, right in sure]
    worth = {"challenger": 1.0, "incumbent": 0.0}
    verdicts = [_hit(worth.get(ruling(each, plain).verdict, 0.5), right) for each, right in sure]
    usable = [[order.choice for order in each.orders] for _, each in pairs]
    orders = [order for _, each in pairs for order in each.orders if order.choice in worth]
    return Judged(
        Share(sum(likely), len(sure)),
        Share(sum(verdicts), len(sure)),
        Share(sum(single), len(sure)),
        Share(sum(len(set(each)) == 1 for each in usable), len(usable)),
        Share(sum(order.choice == order.first for order in orders), len(orders)),
    )


def endorsed(records: Sequence[Record], predictions: int) -> dict[str, Share]:
    """Return by who endorses them how many values are what the canonical solution gives.

    Under `no majority` stands how many trials have no value.
    """
    found: dict[str, list[bool]] = {}
    without = 0
    for record, said in _said(records):
        one = said.tried(record.prompt, predictions).endorsed
        if one is not None:
            found.setdefault(one.by, []).append(fits(said.truth, one.value))
        without += one is None and bool(said.expected)
    shares = {by: Share(sum(hits), len(hits)) for by, hits in sorted(found.items(), reverse=True)}
    return {**shares, "no majority": Share(without, without + sum(map(len, found.values())))}


def decisive(records: Sequence[Record], predictions: int, least: float) -> Share:
    """Return how often a value is for the right one of two samples that it tells apart."""
    hits: list[bool] = []
    for record, said in _said(records):
        tried = said.tried(record.prompt, predictions)
        if tried.endorsed is None or tried.endorsed.weight < least:
            continue
        alive = [each for each in record.samples if each.verified]
        apart = {each.outputs: each for each in alive}.values()
        kept = [each.right for each in apart if _speaks_for(tried, each.id)]
        lost = [each.right for each in apart if tried.lost(each.id) > 0]
        hits += [one for one in kept for other in lost if one != other]
    return Share(sum(hits), len(hits))


def claims(records: Sequence[Record], predictions: int = 3) -> Claims:
    """Follow claims to what they come to."""
    found = [(record, said) for record, said in _said(records) if said.claim is not None]
    runs = [(record, said) for record, said in found if _about(said).tells]
    shown = [(record, said) for record, said in runs if said.shows]
    holds = [(record, said) for record, said in shown if said.tried(record.prompt, predictions).holds()]
    true = [said for _, said in runs if said.claim and fits(said.truth, said.claim.expected)]
    return Claims(
        Share(len(runs), len(found)),
        Share(len(shown), len(found)),
        Share(sum(_about_wrong(*each) for each in shown), len(shown)),
        Share(len(holds), len(found)),
        Share(sum(_about_wrong(*each) for each in holds), len(holds)),
        Share(len(true), len(runs)),
    )


def _said(records: Sequence[Record]) -> Iterator[tuple[Record, Said]]:
    return ((record, said) for record in records for said in record.said)


def _both_pass(record: Record, said: Ruled) -> bool:
    alive = {each.id for each in record.samples if each.verified}
    return {said.leader, said.challenger} <= alive


def _right(record: Record, said: Ruled) -> bool | None:
    """Return whether the challenger is the right one; None where both are right, or none is."""
    right = {each.id: each.right for each in record.samples}
    return right[said.challenger] if right[said.challenger] != right[said.leader] else None


def _hit(better: float, right: bool) -> float:
    return 0.5 if better == 0.5 else float((better > 0.5) == right)


def _speaks_for(tried: Tried, sample: str) -> bool:
    seen = tried.observed[sample]
    return tried.endorsed is not None and seen.tells and fits(seen, tried.endorsed.value)


def _about(said: Said) -> Observed:
    return said.observed[said.claim.about] if said.claim else Observed("unusable", "")


def _about_wrong(record: Record, said: Said) -> bool:
    return said.claim is not None and any(
        each.id == said.claim.about and not each.right for each in record.samples
    )
