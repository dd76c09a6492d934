"""How events reach a terminal: as text, as one JSON object, or as a stream of JSON lines.

Progress goes to stderr; stdout carries the result and nothing else.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text

from moot.agent.core import events as e
from moot.agent.core.commands import TestReport
from moot.agent.core.types import RunResult, RunStatus
from moot.agent.core.verification import LintDelta
from moot.agent.result import as_json, selection_rows
from moot.agent.terminal import LAYOUT, print_as_is, print_json, printable

__all__ = ["Pipe", "Renderer", "coloured", "renderer_for"]

_MOST_FINDINGS = 5
_MOST_NAMED = 3
"""Tests named in one line of the result; the JSON form has all of them."""


class Renderer(Protocol):
    """Shows events."""

    def show(self, event: e.Event) -> None:
        """Show one event."""
        ...


def renderer_for(output: str) -> Renderer:
    """Return the renderer of `--output`: `text`, `json` or `stream-json`."""
    match output:
        case "json":
            return JsonRenderer()
        case "stream-json":
            return StreamRenderer()
        case _:
            return TextRenderer()


class Pipe(Console):
    """A console that says so when nobody reads it any more; Rich's own ends the program with exit code 1."""

    def on_broken_pipe(self) -> None:
        """Let whoever prints decide."""
        raise BrokenPipeError


class StreamRenderer:
    """One JSON object a line; the last one is the result."""

    def show(self, event: e.Event) -> None:
        """Write the event at once."""
        body = as_json(event.result) if isinstance(event, e.RunFinished) else asdict(event)
        line = {"event": type(event).__name__, **body}
        print_json(line, default=_plain)


class JsonRenderer:
    """The result object, and the reason of a failure on stderr."""

    def show(self, event: e.Event) -> None:
        """Write the result; warnings go to stderr."""
        match event:
            case e.Notice(level="warning", text=text):
                print(f"warning: {printable(text, keep=LAYOUT)}", file=sys.stderr)
            case e.RunFinished(result=result):
                try:
                    print_json(as_json(result), default=_plain, indent=2)
                finally:  # also where nobody reads the result
                    if result.exit_code:
                        print(f"error: {printable(result.reason, keep=LAYOUT)}", file=sys.stderr)
            case _:
                pass


def _plain(value: object) -> Any:
    match value:
        case Enum():
            return value.value
        case Path():
            return str(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case frozenset() | set():
            return sorted(str(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return asdict(value)
        case _:
            return str(value)


class TextRenderer:
    """Lines for a person: steps on stderr, the result on stdout."""

    def __init__(self) -> None:
        self._log = Pipe(stderr=True, highlight=False, emoji=False)
        self._out = Pipe(highlight=False, emoji=False)
        self._busy = self._log.status("starting")

    def show(self, event: e.Event) -> None:
        """Print what matters to somebody who watches."""
        self._show_step(event)
        if isinstance(event, e.RunFinished):
            self._finish(event.result)
        elif line := self._line(event):
            self._log.print(printable(line, keep=LAYOUT), soft_wrap=True)

    def _show_step(self, event: e.Event) -> None:
        """Keep the step that is running in view, on a terminal; a question has the terminal to itself."""
        match event:
            case e.StepStarted(step=step) if self._log.is_terminal:
                self._busy.update(f"{step} …")
                self._busy.start()
            case e.TestsStarted(candidate=candidate):
                self._busy.update(f"testing {candidate or 'the base'} …")
            case e.ApprovalRequested() | e.RunFinished():
                self._busy.stop()
            case _:
                pass

    def _line(self, event: e.Event) -> str | None:
        match event:
            case e.RunStarted():
                verb = "resuming" if event.resumed else "run"
                return f"[bold]{verb} {event.run_id}[/] · {escape(event.model)} · {event.base[:10]}"
            case e.Notice(level=level, text=text):
                return f"[yellow]{escape(text)}[/]" if level == "warning" else f"[dim]{escape(text)}[/]"
            case e.IndexUpdated(stats=stats):
                return (
                    f"[cyan]index[/]    {stats.files} files, {stats.symbols} symbols, "
                    f"{stats.parsed} parsed in {stats.seconds:.1f} s"
                )
            case e.TestsFinished(report=report, candidate=None):
                return f"[cyan]tests[/]    before: {_tests(report)}  [dim]{escape(report.command)}[/]"
            case e.FilesConsidered(files=files):
                names = ", ".join(file.path for file in files[:4])
                return f"[cyan]files[/]    {escape(names)}{' …' if len(files) > 4 else ''}"
            case e.ContextPacked(tokens=tokens, budget=budget, files=files):
                return f"[cyan]context[/]  {tokens} of {budget} tokens, {len(files)} files"
            case e.SuspectsFound(lines=lines):
                places = ", ".join(f"{path}:{line} ({score:.2f})" for path, line, score in lines[:4])
                return f"[cyan]suspects[/] {escape(places)}{' …' if len(lines) > 4 else ''}"
            case e.CandidatesGenerated():
                return f"[cyan]repair[/]   {escape(_generated(event))}"
            case e.ToolCalled(name=name, arguments=arguments):
                return f"[cyan]look up[/]  {escape(f'{name} {arguments[:100]}')}"
            case e.ModelCalled(purpose=purpose, usage=usage, seconds=seconds):
                return (
                    f"[cyan]model[/]    {purpose}: {usage.prompt} read ({usage.cached} cached), "
                    f"{usage.completion} written in {seconds:.1f} s"
                )
            case e.RiskAssessed(risk=risk):
                level = "[yellow]high[/]" if risk.high else "low"
                rated = f"{risk.probability:.0%} likely wrong, impact {risk.impact:.1f}"
                return f"[cyan]risk[/]     {level}, {rated}: {escape('; '.join(risk.reasons))}"
            case e.TestsFinished(report=report, candidate=candidate):
                return f"[cyan]tests[/]    {candidate}: {_tests(report)}"
            case e.CandidateRejected(candidate=candidate, reason=reason):
                if candidate.startswith(("correct", "fim", "rewrite")):
                    return None
                return f"[dim]rejected {candidate}: {escape(reason.splitlines()[0])}[/]"
            case e.EvidenceFound(id=name, text=text) if "/" not in name:
                return f"[cyan]evidence[/] {name}: {escape(text)}"
            case e.CandidateSelected(candidate=candidate, reason=reason):
                return f"[green]selected[/] {candidate.id}: {escape(candidate.summary)}; {escape(reason)}"
            case _:
                return None

    def _finish(self, result: RunResult) -> None:
        try:
            self._print(result)
        finally:  # also where nobody reads the result
            if result.exit_code:
                reason = escape(printable(result.reason, keep=LAYOUT))
                self._log.print(f"[red]error:[/] {reason}", soft_wrap=True)

    def _print(self, result: RunResult) -> None:
        if result.diff and self._out.is_terminal:
            self._out.print(coloured(result.diff))
        elif result.diff:
            print_as_is(result.diff)
        rows = list(_rows(result))
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            shown = printable(value, keep=LAYOUT)
            line = Text(f"{name:<{width}}  ", style="bold").append(shown, style="not bold")
            self._out.print(line, soft_wrap=True)


def coloured(diff: str) -> Syntax:
    """Return a diff for a person: all of it, with nothing in it that a terminal would obey."""
    text = printable(diff, keep=LAYOUT)
    return Syntax(text, "diff", theme="ansi_dark", background_color="default", word_wrap=True)


def _generated(event: e.CandidatesGenerated) -> str:
    """Say what a batch tried and what came of it."""
    if event.generator == "rewrite":
        tried = f"{event.place} written anew"
    elif event.generator == "correct":
        tried = f"{event.place}: {_count(event.masks, 'line')} corrected"
    else:
        exchanged = f", {_count(event.operators, 'operator')} exchanged" if event.operators else ""
        tried = f"{event.place}: {_count(event.masks, 'mask')} filled{exchanged}"
    return f"{tried}: {_count(event.candidates, 'candidate')} of {_count(event.answers, 'answer')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _rows(result: RunResult) -> list[tuple[str, str]]:
    rows = [("status", f"{result.status.value} (exit code {result.exit_code})")]
    optional = (
        ("commit", result.commit),
        ("branch", result.branch),
        ("patch", result.patch_file),
        ("before", _before(result)),
        ("after", _tests(result.after) if result.after else None),
    )
    rows += [(name, value) for name, value in optional if value]
    rows += _changes(result)
    rows += selection_rows(asdict(result.selection)) if result.selection else []
    rows += _argued(result)
    if result.status is RunStatus.DONE and not result.verified:
        rows.append(("verified", "no: --no-verify was given"))
    tokens = f"{result.usage.prompt} read ({result.usage.cached} cached), {result.usage.completion} written"
    price = f", ${result.cost:.4f}" if result.cost else ""
    rows += [("tokens", tokens + price), ("seconds", f"{result.seconds:.1f}"), ("run", result.run_id)]
    if follows := result.follows:
        afresh = f", afresh: {follows.restarted}" if follows.restarted else ""
        rows.append(("follows", follows.run_id + afresh))
    if result.reason and not result.exit_code:
        rows.append(("why", result.reason))
    return rows


def _changes(result: RunResult) -> list[tuple[str, str]]:
    """Say what happened to which tests, a line each, and what the edit does to the tests themselves."""
    rows: list[tuple[str, str]] = []
    if delta := result.delta:
        named = (("fixed", delta.fixed), ("broke", delta.broke), ("failing", delta.still_failing))
        rows += [(name, _named(tests)) for name, tests in (*named, ("flaky", delta.flaky)) if tests]
        skipped = sum(len(group.tests) for group in delta.not_run if group.reason.startswith("skipped"))
        rows += [("skipped", str(skipped))] if skipped else []
        others = [group for group in delta.not_run if not group.reason.startswith("skipped")]
        rows += [("not run", f"{len(group.tests)} ({group.reason})") for group in others]
    for flag in result.flags:
        rows.append(("asked" if flag.asked else "flagged", str(flag)))
    if result.evidence:
        rows.append(("evidence", result.evidence))
    return rows + _lint(result.lint)


def _argued(result: RunResult) -> list[tuple[str, str]]:
    fusion = result.fusion
    if not fusion:
        return []
    tried = f"{fusion['mode']}: {fusion['candidates']} patches, {fusion['survivors']} pass"
    bill = f"{fusion['tokens']} tokens beside {fusion['alone']} of the run itself"
    return [("argued", f"{tried}; {fusion['reason']}; {bill}; agent show {result.run_id} --debate")]


def _lint(delta: LintDelta | None) -> list[tuple[str, str]]:
    if delta is None:
        return []
    clean = (
        [("lint", f"nothing new ({', '.join(delta.checkers)})")] if delta.checkers and not delta.new else []
    )
    new = [("new", str(finding)) for finding in delta.new[:_MOST_FINDINGS]]
    more = len(delta.new) - len(new)
    rest = [("new", f"and {more} more findings")] if more else []
    return [*clean, *new, *rest, *(("not linted", note) for note in delta.notes)]


def _named(tests: Sequence[str]) -> str:
    more = f" and {len(tests) - _MOST_NAMED} more" if len(tests) > _MOST_NAMED else ""
    return ", ".join(tests[:_MOST_NAMED]) + more


def _before(result: RunResult) -> str | None:
    taken = f" (run earlier, at {result.baseline_from})" if result.baseline_from else ""
    return _tests(result.before) + taken if result.before else None


def _tests(report: TestReport) -> str:
    counts = f", {len(report.passed)} passed, {len(report.failed)} failed" if report.cases else ""
    return f"{report.status}{counts} in {report.seconds:.1f} s"
