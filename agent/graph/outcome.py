"""Logs what is known of an edit when it is published, so that what becomes of it can teach the risk model."""

import time
from dataclasses import replace

from anyio import to_thread

from moot.agent.core.choices import ApplyMode
from moot.agent.core.errors import UsageError
from moot.agent.core.outcomes import Fate, Outcome
from moot.agent.core.types import Candidate, Publication
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import FusionSummary, RunState

__all__ = ["has_passed", "log_failure", "log_published"]


async def log_published(state: RunState, publication: Publication, deps: Deps) -> None:
    """Log a published edit; that a log cannot be written is no reason to fail, and is said."""
    outcome = _outcome(state, publication.commit or "", deps)
    if outcome is not None and publication.mode is ApplyMode.NONE:
        outcome = replace(outcome, fate=Fate.UNPUBLISHED)
    if outcome is not None:
        await to_thread.run_sync(_add, outcome, deps)


def log_failure(state: RunState, deps: Deps) -> None:
    """Log a run whose argument found nothing that passes: else arguments would seem never to fail. Blocks."""
    fusion = state.get("fusion")
    if state.get("publication") is None and fusion is not None and fusion.chosen is None:
        outcome = _outcome(state, "", deps)
        if outcome is not None:
            _add(outcome, deps)


def _add(outcome: Outcome, deps: Deps) -> None:
    if deps.outcomes is None:
        return
    try:
        deps.outcomes.add(outcome)
    except UsageError as exc:
        deps.warn_once(str(exc))


def _outcome(state: RunState, commit: str, deps: Deps) -> Outcome | None:
    selected, fusion = state.get("selected"), state.get("fusion")
    chosen = selected.id if selected is not None else ""
    argued = fusion is not None and deps.runner is not None and (fusion.chosen or "") == chosen
    first = state.get("argued") if argued else state.get("incumbent")
    if first is None or first.risk.features is None:
        return None
    used = deps.limits.used()
    return Outcome(
        run_id=deps.folder.name,
        root=str(deps.repository.root),
        commit=commit,
        at=int(time.time()),
        features=first.risk.features,
        probability=first.risk.probability,
        impact=first.risk.impact,
        argued=argued,
        mode=deps.settings.fusion_mode.value,
        incumbent=first.candidate.id,
        chosen=chosen,
        incumbent_passed=first.passed if argued else has_passed(first.candidate, deps),
        chosen_passed=True if state.get("verified") and selected is not None else None,
        candidates=fusion.candidates if fusion is not None and argued else 0,
        survivors=fusion.survivors if fusion is not None and argued else 0,
        tokens=used.total,
        argued_tokens=fusion.tokens if fusion is not None else 0,
        argued_cost=fusion.cost if fusion is not None else 0.0,
        cost=deps.limits.cost,
        seconds=round(deps.limits.seconds, 2),
        argued_seconds=fusion.seconds if fusion is not None else 0.0,
        futile=_futile(fusion, argued=argued) if fusion is not None else 0,
        fate=Fate.OPEN if selected is not None else Fate.UNPUBLISHED,
    )


def _futile(fusion: FusionSummary, *, argued: bool) -> int:
    """Return the arguments in which nothing passed, beside the one that the outcome itself tells of."""
    return fusion.futile + (not argued and fusion.chosen is None)


def has_passed(candidate: Candidate, deps: Deps) -> bool | None:
    """Return whether a candidate passed; None where that is not known, as after a resumption."""
    if deps.runner is None:
        return None
    if (judged := deps.judged.get(candidate.commit)) is not None:
        return judged.verified
    reports = [report for (commit, _), report in deps.reports.items() if commit == candidate.commit]
    reports += [deps.filtered[candidate.commit].report] if candidate.commit in deps.filtered else []
    return False if any(report.status == "failed" for report in reports) else None
