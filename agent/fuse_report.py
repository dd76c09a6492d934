"""What a fusion brought, as JSON and for people."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from moot.agent.core.messages import Usage
from moot.agent.core.urls import shown_url
from moot.agent.fusion.comparison import Comparison
from moot.agent.fusion.judge import InOneOrder, PairRuling
from moot.agent.fusion.ledger import Account, Entry
from moot.agent.fusion.member import Answer
from moot.agent.fusion.pool import Report
from moot.agent.fusion.request import FusionOutcome

__all__ = ["as_json", "summary"]

_TITLES = {
    "consensus": "agreed",
    "contradictions": "contradictory",
    "partial": "in some only",
    "unique": "in one only",
    "blind_spots": "in none",
}


def as_json(outcome: FusionOutcome) -> dict[str, Any]:
    """Return everything; nothing is shortened."""
    return {
        "answer": outcome.answer.text,
        "chosen": outcome.answer.id,
        "reason": outcome.reason,
        "mode": outcome.mode.value,
        "members": [_member(report, outcome.account) for report in outcome.reports],
        "comparison": _comparison(outcome.comparison),
        "debate": _debate(outcome),
        "judge": {"model": outcome.judge, "verdicts": [_ruling(each) for each in outcome.rulings]},
        "ledger": _ledger(outcome.account),
        "limit": outcome.limit or None,
        "notes": list(outcome.notes),
    }


def summary(outcome: FusionOutcome) -> Iterator[str]:
    """Yield lines for people: the comparison, what went wrong, and the bill."""
    for name, items in outcome.comparison.lists.items() if outcome.comparison else ():
        for item in items:
            about = f" ({', '.join(item.answers)})" if item.answers else ""
            yield f"{_TITLES[name]}: {item.text}{about}"
    for note in outcome.notes:
        yield f"note: {note}"
    if outcome.limit:
        yield f"note: the limit on {outcome.limit} ended it early"
    yield f"chosen: {outcome.answer.id}: {outcome.reason}"
    yield _bill(outcome.account)


def _bill(account: Account) -> str:
    usage = account.usage
    text = f"used: {usage.prompt} read ({usage.cached} cached), {usage.completion} written"
    text += f", {account.seconds:.1f} s"
    text += f", ${account.cost:.4f}" if account.cost else ""
    ratios = {name: value for name, value in account.ratios.items() if value is not None}
    if account.alone is None or not ratios:
        return text
    times = ", ".join(f"{value:.1f} times its {name}" for name, value in ratios.items())
    return f"{text}: against {account.alone.member} alone {times}"


def _member(report: Report, account: Account) -> dict[str, Any]:
    mine = [entry for entry in account.entries if entry.member == report.member.name]
    asked = [entry for entry in mine if entry.purpose == "answer"]
    return {
        "name": report.member.name,
        "model": report.member.model,
        "base_url": report.member.base_url and shown_url(report.member.base_url),
        "status": report.status,
        "reason": report.reason or None,
        "answers": [_answer(answer) for answer in report.answers],
        "tokens": _tokens(sum((entry.usage for entry in asked), Usage())),
        "seconds": round(report.seconds, 3),
        "cost": sum(entry.cost for entry in asked),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {"id": answer.id, "text": answer.text, "tokens": answer.tokens, "cut": answer.cut}


def _comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {name: [asdict(item) for item in items] for name, items in comparison.lists.items()}


def _debate(outcome: FusionOutcome) -> dict[str, Any] | None:
    if not (outcome.debate.defects or outcome.debate.revised):
        return None
    return {
        "defects": [asdict(defect) for defect in outcome.debate.defects],
        "revised": {own: answer.text for own, answer in outcome.debate.revised.items()},
    }


def _ruling(ruling: PairRuling) -> dict[str, Any]:
    return {
        "challenger": ruling.challenger,
        "verdict": ruling.verdict,
        "p_better": ruling.better,
        "orders": [_order(each) for each in ruling.orders],
    }


def _order(order: InOneOrder) -> dict[str, Any]:
    return {
        "first": order.first,
        "verdict": order.choice,
        "p_better": order.better,
        "reasons": [asdict(reason) for reason in order.reasons],
        "invalid_reasons": order.invalid_reasons,
        "error": order.error or None,
    }


def _ledger(account: Account) -> dict[str, Any]:
    return {
        "calls": [_call(entry) for entry in account.entries],
        "tokens": _tokens(account.usage),
        "seconds": round(account.seconds, 3),
        "cost": account.cost,
        "alone": asdict(account.alone) if account.alone else None,
        "ratios": account.ratios,
    }


def _call(entry: Entry) -> dict[str, Any]:
    return {
        "member": entry.member,
        "purpose": entry.purpose,
        "tokens": _tokens(entry.usage),
        "seconds": round(entry.seconds, 3),
        "cost": entry.cost,
        "done": entry.done,
    }


def _tokens(usage: Usage) -> dict[str, int]:
    return {"read": usage.prompt, "cached": usage.cached, "written": usage.completion}
