"""`agent blame-test`: which lines a failing test points at, on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moot.agent.options import Form, Output, Repo, top_of
from moot.agent.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moot.agent.blame import Blame, BlamedLine
    from moot.agent.repair.localise import Suspect

__all__ = ["add_to"]

_MOST_NAMED = 4  # words that are shown


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("blame-test")(_blame_test)


def _blame_test(
    test: Annotated[
        str, typer.Argument(metavar="TESTID", help="A test's id, as the result of a run has it.")
    ],
    repo: Repo = Path(),
    command: Annotated[
        str | None, typer.Option("--test", help="Command that runs the tests; default: detected.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Lines at most.")] = 10,
    output: Output = Form.TEXT,
) -> None:
    """Rank the lines that may make a test fail; exits with 1 when it passes."""
    import asyncio

    from moot.agent.blame import blame
    from moot.agent.core.config import load_settings

    found = asyncio.run(blame(load_settings(top_of(repo), test=command), repo, test, _say))
    if output is Form.JSON:
        print(json.dumps(_as_json(found, found.lines[:top]), indent=2))
    else:
        _print_table(found, found.lines[:top])
    if found.edited:
        _say(f"warning: your edits of {', '.join(found.edited)} did not run: the files of HEAD did")


def _say(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)


def _print_table(found: Blame, lines: Sequence[BlamedLine]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("place", no_wrap=True)
    table.add_column("line", ratio=1)  # it and the reasons give way in a narrow terminal
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("why", style="dim", ratio=1, overflow="fold")
    definition = ""
    for rank, line in enumerate(lines, start=1):
        if line.definition and line.definition != definition:
            table.add_row("", Text(printable(line.definition), "bold"))
        definition = line.definition
        place = Text(printable(f"{line.suspect.path}:{line.suspect.line}"))
        why = Text("; ".join(_reasons(line.suspect)))
        text = Text(printable(line.text), overflow="ellipsis", no_wrap=True)
        table.add_row(str(rank), place, text, f"{line.suspect.score:.2f}", why)
    console = Console(highlight=False, emoji=False)
    console.print(table)
    rest = len(found.lines) - len(lines)
    more = f"; {rest} more lines: --top {len(found.lines)}" if rest else ""
    console.print(Text(printable(f"{found.found.note}{more}")))


def _reasons(suspect: Suspect) -> Iterator[str]:
    if suspect.failed:
        yield f"run by {suspect.failed} failing, {suspect.passed} passing"
    if suspect.traced:
        yield "in the trace" + (f" (frame {suspect.traced})" if suspect.traced > 1 else "")
    if suspect.named:
        yield f"named: {', '.join(suspect.named[:_MOST_NAMED])}"
    if suspect.days is not None:
        yield "changed today" if not suspect.days else f"changed {suspect.days} days ago"


def _as_json(found: Blame, lines: Sequence[BlamedLine]) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "test": found.test,
        "command": found.command,
        "commit": found.commit,
        "failing": list(found.failing),
        "measured": found.found.measured,
        "method": found.found.note,
        "edited": list(found.edited),
        "total": len(found.lines),
        "suspects": [
            {"rank": rank, **asdict(line.suspect), "text": line.text, "definition": line.definition or None}
            for rank, line in enumerate(lines, start=1)
        ],
    }
