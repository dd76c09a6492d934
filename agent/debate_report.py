"""What was argued in a run, as JSON and for people."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import TypeAdapter

from moot.agent.core.messages import Usage
from moot.agent.fusion.claims import Tried
from moot.agent.fusion.judge import InOneOrder, PairRuling
from moot.agent.fusion.transcript import Entrant, Transcript

__all__ = ["as_json", "lines"]

_ROUNDS = TypeAdapter(list[Transcript])
_MARKS = {True: "passes", False: "fails"}


def as_json(rounds: Sequence[Transcript]) -> list[dict[str, Any]]:
    """Return everything; nothing is shortened."""
    return _ROUNDS.dump_python(list(rounds), mode="json")


def lines(rounds: Sequence[Transcript]) -> Iterator[str]:
    """Yield the transcript in the order in which it was argued."""
    for each in rounds:
        yield f"round {each.round}, {each.mode}: {len(each.entrants)} patches, the first is {each.incumbent}"
        for one in each.entrants:
            yield from _entrant(one)
        yield from _section("evidence", (f"[{row.id}] {row.told(_names(each))}" for row in each.evidence))
        yield from _section("claims", (_claim(tried) for tried in each.trials if tried.claim is not None))
        yield from _section("judge", (text for ruling in each.rulings for text in _ruling(ruling, each)))
        yield from _section("notes", each.notes)
        yield f"chosen: {each.chosen or 'none'}: {each.reason}"
        yield from _section("bill", _bill(each))


def _names(each: Transcript) -> dict[str, str]:
    return {one.id: one.id for one in each.entrants}


def _section(title: str, texts: Sequence[str] | Iterator[str]) -> Iterator[str]:
    found = list(texts)
    if found:
        yield f"{title}:"
        yield from (f"  {text}" for text in found)


def _entrant(one: Entrant) -> Iterator[str]:
    votes = f", {one.votes} answers" if one.votes > 1 else ""
    cluster = f", behaviour {one.cluster}" if one.cluster else ""
    revises = f", revises {one.revises}" if one.revises else ""
    what = f"{one.generator}{votes}{cluster}{revises}"
    yield f"{one.id} by {one.author} ({what}): {_MARKS[one.verified]}: {one.reason}"
    yield from (f"  {line}" for line in one.diff.splitlines())


def _claim(tried: Tried) -> str:
    claim = tried.claim
    assert claim is not None
    where = f"{tried.trial.path}:{claim.line}" if claim.line else tried.trial.path
    holds = "holds" if tried.holds() else "weighs nothing: nobody else says what is right there"
    breaks = f", against “{claim.sentence}”" if claim.sentence else ""
    says = f"{claim.critic} of {claim.about}, {where}: should give {claim.expected}{breaks}"
    return f"[{tried.trial.id}] {says}: {holds}"


def _ruling(ruling: PairRuling, each: Transcript) -> Iterator[str]:
    pair = f"{each.leader} or {ruling.challenger}"
    yield f"{pair}: {ruling.verdict}, P({ruling.challenger} is better) {ruling.better:.2f}"
    for order in ruling.orders:
        yield f"  {order.first} first: {order.error or _verdict(order)}"
        for reason in order.reasons:
            yield f"    {reason.text} [{', '.join(reason.cites)}]"


def _verdict(order: InOneOrder) -> str:
    sure = f", {order.better:.2f}" if order.better is not None else ""
    missing = f"; {order.invalid_reasons} reasons cite what does not exist" if order.invalid_reasons else ""
    return f"{order.choice}{sure}{missing}"


def _bill(each: Transcript) -> Iterator[str]:
    """Yield what each member used for each purpose, and what it comes to against one model alone."""
    for member, purpose in dict.fromkeys((entry.member, entry.purpose) for entry in each.calls):
        mine = [entry for entry in each.calls if (entry.member, entry.purpose) == (member, purpose)]
        usage = sum((entry.usage for entry in mine), Usage())
        cost = sum(entry.cost for entry in mine)
        calls = f"{len(mine)} call{'s' * (len(mine) != 1)}"
        price = f", ${cost:.4f}" if cost else ""
        seconds = sum(entry.seconds for entry in mine)
        yield (
            f"{member}, {purpose}: {calls}, {usage.prompt} read ({usage.cached} cached), "
            f"{usage.completion} written, {seconds:.1f} s{price}"
        )
    used = sum((entry.usage for entry in each.calls), Usage())
    if each.alone_tokens:
        fresh = used.total - used.cached
        yield (
            f"{used.total} tokens, {fresh} of them not cached, beside the {each.alone_tokens} "
            "that the run had used before"
        )
