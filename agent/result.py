"""The result of a run: how it is built from the final state, and its JSON form."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from moot.agent.core.commands import TestReport
from moot.agent.core.errors import MootError
from moot.agent.core.types import RunResult, RunStatus
from moot.agent.core.verification import Reproduction, TestDelta

__all__ = ["as_json", "ended", "selection_rows"]


_DELTA = ("complete", "failed_before", "fixed", "broke", "still_failing", "flaky")

_MOST_NAMED = 200
"""Tests that did not run which are named for each reason; `count` has all of them."""

_STATUS = {
    1: RunStatus.FAILED,
    2: RunStatus.USAGE,
    3: RunStatus.MODEL,
    4: RunStatus.LIMIT,
    5: RunStatus.REFUSED,
    130: RunStatus.INTERRUPTED,
}


def ended(error: MootError | None, run_id: str) -> RunResult:
    """Return a result that says how a run ended and nothing else; None means that it is done."""
    if error is None:
        return RunResult(RunStatus.DONE, 0, run_id)
    return RunResult(_STATUS[error.exit_code], error.exit_code, run_id, reason=str(error))


def as_json(result: RunResult) -> dict[str, Any]:
    """Return the object that `docs/result.schema.json` describes."""
    return {
        "status": result.status.value,
        "exit_code": result.exit_code,
        "run_id": result.run_id,
        "base": result.base,
        "commit": result.commit,
        "branch": result.branch,
        "patch_file": result.patch_file,
        "files": list(result.files),
        "diffstat": result.diffstat,
        "diff": result.diff,
        "tests": {
            "command": result.test_command,
            "before": _tests(result.before),
            "after": _tests(result.after),
            "baseline_from": result.baseline_from or None,
            "reproduction": _reproduction(result.reproduction),
            "verified": result.verified,
            **_delta(result.delta),
        },
        "integrity": {"flags": [asdict(flag) for flag in result.flags], "base_tests": result.evidence},
        "lint": asdict(result.lint) if result.lint else None,
        "selection": asdict(result.selection) if result.selection else None,
        "risk": asdict(result.risk) if result.risk else None,
        "fusion": dict(result.fusion) if result.fusion else None,
        "follows": asdict(result.follows) if result.follows else None,
        "tokens": asdict(result.usage),
        "cost": result.cost,
        "seconds": round(result.seconds, 2),
        "reason": result.reason,
    }


def selection_rows(selection: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return lines for a person, each with its title: the survivors, and the calls on which they differ."""
    survivors = selection["survivors"]
    count = len(survivors)
    groups = f", {selection['groups']} of them different in behaviour" if selection["groups"] > 1 else ""
    title = f"{count} distinct of {selection['tested']} candidates{groups}; {selection['compared']}"
    rows = [("survivors", title)]
    told = survivors if count > 1 or any(one["objections"] for one in survivors) else ()
    for number, one in enumerate(told):
        against = f"; against it: {'; '.join(one['objections'])}" if one["objections"] else ""
        rows.append(("other" if number else "selected", f"{one['id']}: {one['change']}{against}"))
    for difference in selection["differences"]:
        outputs = ", ".join(f"{each['candidate']}: {each['text']}" for each in difference["outputs"])
        rows.append(("differ on", f"{difference['call']} gives {outputs}"))
    return rows


def _delta(delta: TestDelta | None) -> dict[str, Any]:
    """Return what an edit did to the tests; null where no edit was tested."""
    if delta is None:
        return dict.fromkeys((*_DELTA, "not_run"))
    fields = asdict(delta)
    groups = [
        {"reason": group.reason, "count": len(group.tests), "tests": list(group.tests[:_MOST_NAMED])}
        for group in delta.not_run
    ]
    return {name: fields[name] for name in _DELTA} | {"not_run": groups}


def _reproduction(found: Reproduction | None) -> dict[str, Any] | None:
    return {"tests": list(found.tests), "written_to": found.path or None} if found is not None else None


def _tests(report: TestReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "status": report.status,
        "exit_code": report.exit_code,
        "passed": len(report.passed),
        "failed": sorted(report.failed),
        "seconds": round(report.seconds, 2),
    }
