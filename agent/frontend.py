"""The headless front end: drives a run, renders its events, answers its questions."""

import asyncio
import errno
import logging
import os
import select
import signal
import sys
import termios
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from moot.agent import app
from moot.agent.core.config import Settings
from moot.agent.core.errors import MootError, TaskFailed
from moot.agent.core.events import ApprovalRequested, Event, RunFinished
from moot.agent.core.types import ContextPack, PackLevel, Task
from moot.agent.doctor import Finding, examine
from moot.agent.render import Renderer, coloured, renderer_for
from moot.agent.result import ended
from moot.agent.run import Run
from moot.agent.terminal import LAYOUT, print_json, printable

__all__ = ["refuse", "run_task", "show_context", "show_findings"]

_BAR = 24
_BUDGET_BAR = 60
_ROWS = 40
_NAMED = 8  # files left out for one reason that are named; `--output json` has all
_STYLES = {
    PackLevel.WHOLE: "green",
    PackLevel.FOCUS: "cyan",
    PackLevel.SKELETON: "blue",
    PackLevel.NAME: "magenta",
}


def run_task(settings: Settings, repo: Path, task: Task, resume: str | None, output: str) -> int:
    """Run a task to its end and return the exit code. Ctrl-C stops it, and it can be resumed."""
    return asyncio.run(_run_task(settings, repo, task, resume, output))


def refuse(error: MootError, output: str) -> int:
    """Give the result of a run that could not begin; return its exit code."""
    _show(RunFinished(ended(error, run_id="")), renderer_for(output))
    return error.exit_code


async def _run_task(settings: Settings, repo: Path, task: Task, resume: str | None, output: str) -> int:
    logging.getLogger("stamina").setLevel(logging.ERROR)  # a failure that lasts is told in the result
    renderer = renderer_for(output)
    shown = asyncio.Event()  # a question waits until everything before it is on the screen

    async def ask(request: ApprovalRequested) -> bool:
        await shown.wait()
        return await _ask(request)

    run = app.start(settings, repo, task, ask, resume)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, run.interrupt)
    try:
        return await _watch(run, renderer, shown)
    except Exception as exc:
        if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT):
            error = TaskFailed(f"{exc.strerror}: free some, then {run.how_to_go_on}")
        else:
            logging.getLogger(__name__).exception("unexpected error in run %s", run.id)
            error = TaskFailed(f"unexpected {type(exc).__name__}: please report it with the traceback above")
        _show(RunFinished(ended(error, run.id)), renderer)
        return error.exit_code


async def _watch(run: Run, renderer: Renderer, shown: asyncio.Event) -> int:
    """Render every event of a run to its end; return its exit code."""
    exit_code = 1
    async for event in run.events():
        if isinstance(event, RunFinished):
            exit_code = event.result.exit_code
        if not _show(event, renderer):
            run.interrupt()
        if isinstance(event, ApprovalRequested):
            shown.set()
    return exit_code


def _show(event: Event, renderer: Renderer) -> bool:
    """Show an event; False where a stream is no longer read, which is silent from then on."""
    try:
        renderer.show(event)
    except BrokenPipeError:
        for stream in (sys.stdout, sys.stderr):
            if not _is_read(stream):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
        return False
    return True


def _is_read(stream: TextIO) -> bool:
    """Tell whether what is written to a stream can arrive: a pipe that nobody reads reports an error."""
    errors = select.poll()
    errors.register(stream, 0)
    return not errors.poll(0)


async def _ask(request: ApprovalRequested) -> bool:
    """Show the diff and wait for a yes or no; without a terminal a question is a refusal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    console = Console(stderr=True, emoji=False)
    console.print(coloured(request.diff))
    for reason in request.reasons:
        console.print(f"  {printable(reason)}", markup=False)
    return await _confirmed(console)


async def _confirmed(console: Console) -> bool:
    """Wait for a yes or no, which what was typed before the question is not; the end of the input is a no.

    Without a thread that reads, as neither a signal nor the time limit could end one.
    """
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    loop, typed = asyncio.get_running_loop(), asyncio.Queue[bytes]()
    loop.add_reader(sys.stdin, lambda: typed.put_nowait(os.read(sys.stdin.fileno(), 1024)))
    try:
        while True:
            console.print("Publish this edit? [y/n] (n): ", end="", markup=False)
            said = (await typed.get()).strip().lower()
            if said in (b"y", b"yes"):
                return True
            if said in (b"", b"n", b"no"):
                return False
    finally:
        loop.remove_reader(sys.stdin)


def show_context(settings: Settings, repo: Path, task: str, show: bool, output: str) -> None:
    """Print the account of what would be packed for a task."""
    pack, exact = asyncio.run(app.context(settings, repo, task))
    if output != "text":
        print_json({**asdict(pack), "exact": exact})
    elif show:
        print(printable(pack.text, keep=LAYOUT) if sys.stdout.isatty() else pack.text)
    else:
        _print_account(pack, exact)


def show_findings(settings: Settings, repo: Path, output: str) -> int:
    """Print what a run needs and what of it works; return 0 when a run can work, else 1."""
    logging.getLogger("stamina").setLevel(logging.ERROR)  # a failure that lasts is told as a finding
    console = Console(highlight=False, emoji=False)
    findings: list[Finding] = []
    for finding in examine(settings, repo):
        findings.append(finding)
        if output == "text":
            mark = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "problem": "[red]problem[/]"}
            grid = Table.grid(padding=(0, 2))
            grid.add_column(min_width=8)
            grid.add_column(min_width=10)
            grid.add_column(overflow="fold")
            grid.add_row(mark[finding.status], finding.area, escape(printable(finding.text)))
            console.print(grid)
    works = all(finding.status != "problem" for finding in findings)
    if output != "text":
        print_json({"works": works, "findings": [asdict(each) for each in findings]})
    return 0 if works else 1


def _print_account(pack: ContextPack, exact: bool) -> None:
    console = Console(highlight=False, emoji=False)
    table = Table(box=None, pad_edge=False)
    for name, justify in (("tokens", "right"), ("share", "left"), ("level", "left"), ("file", "left")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("why", style="dim")  # the only one that gives way in a narrow terminal
    files = sorted(pack.files, key=lambda file: -file.tokens)
    largest = max(1, files[0].tokens) if files else 1
    for file in files[:_ROWS]:
        bar = "█" * max(1, round(_BAR * file.tokens / largest))
        why = Text(printable("; ".join(file.reasons)), overflow="ellipsis", no_wrap=True)
        table.add_row(str(file.tokens), bar, file.level.value, escape(printable(file.path)), why)
    console.print(table)
    if len(files) > _ROWS:
        console.print(f"[dim]… {len(files) - _ROWS} smaller ones: --output json lists all[/]")
    console.print(_budget_bar(pack))
    label = "" if exact else " (estimated: no tokenizer at hand)"
    console.print(f"{pack.tokens} of {pack.budget} tokens{label}, {len(files)} files")
    for reason, paths in _by_reason(pack.left_out).items():
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        console.print(f"[dim]left out, {reason}:[/] {escape(printable(', '.join(paths[:_NAMED])))}{more}")


def _by_reason(left_out: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for path, reason in left_out:
        grouped.setdefault(reason, []).append(path)
    return grouped


def _budget_bar(pack: ContextPack) -> str:
    """Draw the budget as a line: what each level takes of it, and what is free."""
    drawn, legend = "", list[str]()
    for level, style in _STYLES.items():
        tokens = sum(file.tokens for file in pack.files if file.level is level)
        drawn += f"[{style}]{'█' * round(_BUDGET_BAR * tokens / max(1, pack.budget))}[/]"
        if tokens:
            legend.append(f"[{style}]█[/] {level.value} {tokens}")
    free = max(0, pack.budget - pack.tokens)
    drawn += f"[dim]{'░' * round(_BUDGET_BAR * free / max(1, pack.budget))}[/]"
    return f"{drawn}  {', '.join([*legend, f'free {free}'])}"
