"""`agent fusion`: what arguing was worth, and learning when it pays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moot.agent.options import Form, Output
from moot.agent.terminal import print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moot.agent.outcomes.stats import Share, Stats
    from moot.agent.risk.calibrate import Calibration

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="What arguing risky edits was worth.")

Repo = Annotated[Path | None, typer.Option("--repo", help="Only edits in this repository; default: all.")]

_FEW = 30
"""Edits below which figures say little, and that is said."""


@app.command("stats")
def show_stats(
    repo: Repo = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="Draw the reliability diagram here.")] = None,
    output: Output = Form.TEXT,
) -> None:
    """Show how good the predicted probabilities were, and what arguing mended, spoiled and cost."""
    from dataclasses import asdict

    from moot.agent.core.config import load_settings
    from moot.agent.learning import outcomes
    from moot.agent.outcomes.diagram import as_svg
    from moot.agent.outcomes.stats import stats

    found = stats(outcomes(load_settings(), repo))
    if svg is not None:
        _write(svg, as_svg(found.bins))
    if output is Form.JSON:
        print_json(asdict(found), indent=2)
        return
    for line in _lines(found):
        typer.echo(line)


@app.command()
def calibrate(repo: Repo = None, output: Output = Form.TEXT) -> None:
    """Learn from logged outcomes how probable mistakes are, and when arguing pays."""
    from moot.agent.core.config import load_settings
    from moot.agent.learning import learn

    found, file = learn(load_settings(), repo)
    if output is Form.JSON:
        answer = {**found.as_json(), "file": str(file) if file else None}
        print_json(answer, indent=2)
        return
    for line in _learned(found, file):
        typer.echo(line)


def _write(path: Path, text: str) -> None:
    from moot.agent.core.errors import UsageError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}") from exc


def _lines(found: Stats) -> Iterator[str]:
    from moot.agent.outcomes.diagram import as_text

    if not found.edits:
        yield "nothing is logged yet: every edit that `agent run` publishes is, on this machine alone"
        return
    yield f"edits      {found.edits}: {', '.join(f'{count} {fate}' for fate, count in found.fates)}"
    yield f"known      {found.known} of them as right or wrong"
    if found.known < _FEW:
        yield f"           that is few: below {_FEW} the intervals are all that the figures say"
    yield f"argued     {_share(found.argued)}"
    yield f"fixes      {_share(found.fixes)} of wrong first candidates"
    yield f"breaks     {_share(found.breaks)} of right first candidates"
    if found.headroom is not None:
        yield f"headroom   {found.headroom:.0%} closed in {found.headroom_of}, by the tests that chose"
    else:
        yield "headroom   not known: no argument had candidates that pass and others that fail"
    yield from _costs(found)
    if found.bins:
        yield ""
        yield from as_text(found.bins)


def _costs(found: Stats) -> Iterator[str]:
    if found.argued_tokens is None or found.ratio is None or found.ratio_all is None:
        return
    yield (
        f"cost       {found.argued_tokens:.0f} tokens, {found.argued_seconds or 0:.1f} s and "
        f"${found.argued_cost or 0:.4f} for an argument"
    )
    yield f"tokens     {found.ratio:.2f} times one model's in argued runs, {found.ratio_all:.2f} in all"


def _share(share: Share) -> str:
    if share.low is None or share.high is None:
        return f"{share.count} of {share.of}"
    return f"{share.count} of {share.of}, {share.count / share.of:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _learned(found: Calibration, file: Path | None) -> Iterator[str]:
    yield f"learned from {found.trained} edits, tested on the {found.tested} after them"
    yield f"{'':<22}{'Brier':>8}{'ECE':>8}{'log loss':>10}"
    for name, scores in (("as the model says", found.before), ("calibrated", found.after)):
        yield f"{name:<22}{scores.brier:>8.4f}{scores.ece:>8.4f}{scores.log_loss:>10.4f}"
    learned = found.learned
    yield f"P(fixed | wrong) {learned.fixed:.3f}"
    yield f"P(broken | right) {learned.broken:.3f}; both of {found.argued} arguments"
    yield f"an argument has to gain {learned.cost:.4f}"
    if file is None:
        yield "later edits are predicted worse with it than without, so nothing was changed"
    else:
        yield f"runs use it from now on; delete {file} to go back to the defaults"
