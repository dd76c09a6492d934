"""`agent index`, `agent search` and `agent symbols`: the index on the command line."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moot.agent.options import Form, Output, Repo, top_of
from moot.agent.terminal import UNDECODED, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from moot.agent.core.types import IndexStats, RankedFile, Symbol
    from moot.agent.index.lookup import SymbolReport, Use
    from moot.agent.working_index import WorkingIndex

__all__ = ["add_to"]

_WIDTH = 160
"""Characters of a source line that are shown."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (_index, _search, _symbols):
        app.command(command.__name__.removeprefix("_"))(command)


def _index(
    repo: Repo = Path(),
    watch: Annotated[bool, typer.Option("--watch", help="Go on with every change, until Ctrl-C.")] = False,
    output: Output = Form.TEXT,
) -> None:
    """Build or update the index of a working tree."""
    say = _say_json if output is Form.JSON else _say
    with _progress() as progress, _open(repo, progress, warm=watch) as opened:
        say(opened.update())
        if watch:
            for stats in opened.watch():
                say(stats)


def _search(
    query: Annotated[str, typer.Argument(help="Words, names, paths, a stack trace; `-` reads stdin.")],
    repo: Repo = Path(),
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="Files at most.")] = 10,
    output: Output = Form.TEXT,
) -> None:
    """Rank files and their symbols for a query; exits with 1 when nothing was found."""
    query = sys.stdin.buffer.read().decode("utf-8", "replace") if query == "-" else query
    with _progress() as progress, _open(repo, progress) as opened:
        opened.update()
        files = opened.index.search(query, limit)
        found = [(file, _best(file, opened.index.symbols(file.path))) for file in files]
    if output is Form.JSON:
        _print(json.dumps({"query": query, "files": [_file_json(*pair) for pair in found]}, indent=2))
    for file, symbols in found if output is Form.TEXT else ():
        _print(f"{file.path}  {'; '.join(file.reasons)}")
        for symbol in symbols:
            _print(_symbol_line(symbol))
    if not found:
        print("nothing was found: try other words, a name or a path", file=sys.stderr)
        raise typer.Exit(1)


def _symbols(
    name: Annotated[str, typer.Argument(help="A name, or a qualified one: Store.get, Store::get.")],
    repo: Repo = Path(),
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="Entries of each list.")] = 50,
    output: Output = Form.TEXT,
) -> None:
    """Show a name's definitions, references, callers and implementations; exits with 1 without any."""
    with _progress() as progress, _open(repo, progress) as opened:
        opened.update()
        report = opened.index.look_up(name)
        shown = report.references[:limit]
        texts = opened.lines({(use.path, use.line) for use in shown})
    if output is Form.JSON:
        _print(json.dumps(_report_json(report, texts, limit), indent=2))
    else:
        _print_report(report, texts, limit)
    if not report.found:
        near = f": did you mean {', '.join(report.close)}?" if report.close else ""
        print(printable(f"nothing is called {name}{near}"), file=sys.stderr)
        raise typer.Exit(1)


def _open(repo: Path, progress: Callable[[int, int], None], *, warm: bool = False) -> WorkingIndex:
    from moot.agent.core.config import load_settings
    from moot.agent.working_index import WorkingIndex

    return WorkingIndex(load_settings(top_of(repo)), repo, progress, warm=warm)


@contextmanager
def _progress() -> Generator[Callable[[int, int], None]]:
    """Draw a bar on a terminal's standard error while files are parsed; elsewhere say nothing."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as drawing:
        bar = drawing.add_task("index", total=None, visible=False)
        yield lambda done, total: drawing.update(bar, completed=done, total=total, visible=done < total)


# --- text -----------------------------------------------------------------------------------


def _say(stats: IndexStats) -> None:
    _print(
        f"{stats.files} files, {stats.symbols} symbols: "
        f"{stats.parsed} parsed, {stats.reused} reused, {stats.seconds:.2f} s"
    )


def _symbol_line(symbol: Symbol) -> str:
    line = f"{symbol.path}:{symbol.start_line}: {symbol.kind} {symbol.qualified_name}  {symbol.signature}"
    return f"{line}  -- {symbol.doc}" if symbol.doc else line


def _print_report(report: SymbolReport, texts: dict[tuple[str, int], str], limit: int) -> None:
    lists = (
        ("definitions", [_symbol_line(symbol) for symbol in report.definitions]),
        ("implementations", [_symbol_line(symbol) for symbol in report.implementations]),
        ("callers", [_symbol_line(symbol) for symbol in report.callers]),
        ("references", [_use_line(use, texts) for use in report.references]),
    )
    for title, lines in lists:
        if lines:
            _print(f"{title} ({len(lines)})")
            for line in lines[:limit]:
                _print(line)
            if len(lines) > limit:
                _print(f"… {len(lines) - limit} more: --limit {len(lines)}")


def _use_line(use: Use, texts: dict[tuple[str, int], str]) -> str:
    text = texts.get((use.path, use.line), "").strip()[:_WIDTH]
    return f"{use.path}:{use.line}: {use.kind} in {use.within or 'the file itself'}  {text}".rstrip()


def _print(text: str) -> None:
    """Print a line with the bytes of odd paths as they are; nobody listening ends the command."""
    sys.stdout.buffer.write(printable(text, keep="\n" + UNDECODED).encode("utf-8", "surrogateescape") + b"\n")
    sys.stdout.buffer.flush()


# --- JSON -----------------------------------------------------------------------------------


def _say_json(stats: IndexStats) -> None:
    from dataclasses import asdict

    _print(json.dumps(asdict(stats)))


def _best(file: RankedFile, symbols: Iterable[Symbol]) -> list[Symbol]:
    """Return a ranked file's best symbols, best first."""
    by_name: dict[str, Symbol] = {}
    for symbol in symbols:
        by_name.setdefault(symbol.qualified_name, symbol)
    return [by_name[name] for name in file.symbols]


def _file_json(file: RankedFile, symbols: list[Symbol]) -> dict[str, object]:
    return {
        "path": file.path,
        "score": file.score,
        "reasons": list(file.reasons),
        "symbols": [_symbol_json(symbol) for symbol in symbols],
    }


def _symbol_json(symbol: Symbol) -> dict[str, object]:
    return {
        "name": symbol.name,
        "qualified_name": symbol.qualified_name,
        "kind": symbol.kind,
        "path": symbol.path,
        "start_line": symbol.start_line,
        "end_line": symbol.end_line,
        "signature": symbol.signature,
        "doc": symbol.doc,
    }


def _report_json(report: SymbolReport, texts: dict[tuple[str, int], str], limit: int) -> dict[str, object]:
    lists = ("definitions", "implementations", "callers")
    return {
        "name": report.name,
        **{name: [_symbol_json(symbol) for symbol in getattr(report, name)[:limit]] for name in lists},
        "references": [
            {
                "path": use.path,
                "line": use.line,
                "kind": use.kind,
                "within": use.within or None,
                "text": texts.get((use.path, use.line), ""),
            }
            for use in report.references[:limit]
        ],
        "totals": {name: len(getattr(report, name)) for name in (*lists, "references")},
        "close": list(report.close),
    }
