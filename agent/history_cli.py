"""`agent log`, `agent show` and `agent undo`: earlier runs on the command line."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moot.agent.options import Form, Output, Repo
from moot.agent.terminal import LAYOUT, print_as_is, print_json, printable

if TYPE_CHECKING:
    from moot.agent.history import History, PastRun

__all__ = ["add_to"]

_TASK_WIDTH = 20
"""Columns that a task gets on a narrow terminal."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (_log, _show, _undo):
        app.command(command.__name__.removeprefix("_"))(command)


def _log(
    repo: Repo = Path(),
    every: Annotated[bool, typer.Option("--all", help="Runs of every repository.")] = False,
    limit: Annotated[int, typer.Option("-n", "--limit", min=0, help="At most so many; 0: all.")] = 20,
    output: Output = Form.TEXT,
) -> None:
    """List runs, newest first."""
    runs = _history(None if every else repo).runs(limit or None)
    if output is Form.JSON:
        from dataclasses import asdict

        print_json([asdict(run) for run in runs], indent=2)
    elif not runs:
        print("there are no runs here yet", file=sys.stderr)
    for run in runs if output is Form.TEXT else ():
        print(_line(run, with_repository=every))


def _show(
    run: Annotated[
        str | None, typer.Argument(help="Id of a run, as `agent log` prints it; default: the latest here.")
    ] = None,
    repo: Repo = Path(),
    debate: Annotated[
        bool, typer.Option("--debate", help="What was argued: patches, evidence, claims, verdicts, the bill.")
    ] = False,
    output: Output = Form.TEXT,
) -> None:
    """Show one run: what was asked, what became of it, and its diff."""
    from dataclasses import asdict

    from moot.agent.result import selection_rows

    history = _history(repo if run is None else None)
    past = history.latest() if run is None else history.run(run)
    if debate:
        _show_debate(history, past, output)
        return
    result = history.result(past.run_id)
    if output is Form.JSON:
        print_json({**asdict(past), "result": result or None}, indent=2)
        return
    for name, value in asdict(past).items():
        if value not in (None, ""):
            print(f"{name:<11} {printable(str(value))}")
    for name, value in selection_rows(result["selection"]) if result.get("selection") else ():
        print(f"{name:<11} {printable(value)}")
    if result.get("diff"):
        print()
        if sys.stdout.isatty():
            print(printable(result["diff"], keep=LAYOUT), end="")
        else:
            print_as_is(result["diff"])


def _show_debate(history: History, past: PastRun, output: Form) -> None:
    from moot.agent.debate_report import as_json, lines

    rounds = history.debate(past.run_id)
    if output is Form.JSON:
        print_json(as_json(rounds), indent=2)
        return
    if not rounds:
        print(f"nothing was argued in run {past.run_id}", file=sys.stderr)
    for line in lines(rounds):
        print(printable(line))


def _undo(
    run: Annotated[str | None, typer.Argument(help="Id of a run; default: the latest published.")] = None,
    repo: Repo = Path(),
    output: Output = Form.TEXT,
) -> None:
    """Take one run back, also after later commits: by a revert when it must be."""
    undone = _history(repo).undo(run)
    if output is Form.JSON:
        fields = {"run_id": undone.run_id, "how": undone.how, "apply": undone.mode}
        more = {"branch": undone.branch, "commit": undone.published, "left": list(undone.left)}
        print_json({**fields, **more}, indent=2)
        return
    print(f"undid run {undone.run_id}: {undone.how}")
    if undone.left:
        left = printable(", ".join(undone.left))
        print(f"warning: you were editing {left}: left as it is", file=sys.stderr)


def _history(repo: Path | None) -> History:
    """Open what is known of a repository; what was cut off there is finished, and said."""
    from moot.agent.core.config import load_settings
    from moot.agent.history import History
    from moot.agent.opening import open_repository

    settings = load_settings()
    return History(settings.data_dir, open_repository(settings, repo) if repo is not None else None)


def _line(run: PastRun, *, with_repository: bool) -> str:
    place = f"{run.branch or run.apply or '-'} {(run.commit or '')[:10]}".rstrip()
    start = f"{run.run_id}  {run.started[:16].replace('T', ' ')}  {run.status:<11}  {place:<22}"
    start += f"  {printable(run.model)[:24]:<24}" if run.model else ""
    start += f"  {run.repository}" if with_repository else ""
    room = max(_TASK_WIDTH, shutil.get_terminal_size().columns - len(start) - 2)
    return f"{start}  {_shortened(printable(run.task), room)}".rstrip()


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
