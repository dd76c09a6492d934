"""Rust: cargo's JSON for what was built, libtest's JSON for each test.

libtest's JSON is unstable: outside of nightly it wants RUSTC_BOOTSTRAP. Set for cargo, that variable would
change what is compiled, so it is set for the test programs alone, by a runner (`target.….runner`) through
which cargo starts them. Programs without libtest (`harness = false`) run as they would and count as one
test. Doctests print libtest's plain lines, which have had the same form since Rust 1.0.
"""

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import PurePosixPath

from pydantic import BaseModel, Field, ValidationError

from moot.agent.core.commands import TestCase
from moot.agent.verify.frameworks.base import MESSAGE, Evidence, Instrumented, Place, Reading, failures, merge
from moot.agent.verify.shell import Call

__all__ = ["CargoTest"]

_BUILD = "cargo.jsonl"
_TESTS = "libtest.jsonl"
_RUNNER = "libtest_runner.sh"
_SCRIPT = """\
# Started by cargo for each test program: $1 is where reports go, $2 the program.
reports=$1 program=$2
shift 2
case "$program" in */rust_out) exec "$program" "$@" ;; esac
printf '{"type":"program","name":"%s"}\\n' "$program" >> "$reports/libtest.jsonl"
if grep -qF 'pretty|terse|json' "$program"; then
    RUSTC_BOOTSTRAP=1 "$program" "$@" -Z unstable-options --format json --report-time \\
        >> "$reports/libtest.jsonl"
    code=$?
else
    "$program" "$@"
    code=$?
fi
printf '\\n{"type":"ended","code":%s}\\n' "$code" >> "$reports/libtest.jsonl"
exit "$code"
"""
_DOCTEST = re.compile(
    r".*\btest (?P<item>\S+(?: -(?: .*)?)?) \(line (?P<line>\d+)\)"
    r"(?P<kind> - (?:compile(?: fail)?|should panic))? \.\.\. "
    r"(?:.*\b)?(?P<outcome>ok|FAILED|ignored)(?:,.*| <.*>)?"
)
_DOCTESTS = "doctest::"
_LONGEST = 1_000
"""Characters of a line that may tell of a doctest: the search takes the square of them."""

_EVENT = re.compile(r'\{ ?"type": ?"')
_STARTS = 20
"""Of a line that are tried as an event's: each try may read the rest of the line."""

_HASH = re.compile(r"-[0-9a-f]{16}$")
_OUTCOMES = {"ok": "passed", "failed": "failed", "ignored": "skipped", "timeout": "error"}


class _Target(BaseModel):
    name: str
    kind: list[str] = []
    src_path: str = ""


class _Diagnostic(BaseModel):
    level: str = ""
    rendered: str | None = None


class _Message(BaseModel):
    reason: str
    target: _Target | None = None
    executable: str | None = None
    message: _Diagnostic | None = None


class _Event(BaseModel):
    type: str
    event: str = ""
    name: str = ""
    stdout: str = ""
    message: str = ""
    code: int = 0
    seconds: float = Field(0.0, alias="exec_time", ge=0, le=1e6, allow_inf_nan=False)


class CargoTest:
    """`cargo test`."""

    name = "cargo"

    def claims(self, call: Call) -> bool:
        """Tell whether the call is `cargo test …`."""
        return call.program == "cargo" and _subcommand(call) in ("test", "t") and "--no-run" not in call.words

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Build as JSON, start the programs through the runner, and go on after one that fails."""
        at = call.words.index(_subcommand(call)) + 1
        rest = call.words[at:]
        dashes = rest.index("--") if "--" in rest else len(rest)
        options, arguments = rest[:dashes], rest[dashes + 1 :]
        names = [each.partition("::")[2] for each in only]
        if names and all(names) and not any(each.startswith(_DOCTESTS) for each in only):
            arguments = (*arguments, "--exact", *map(shlex.quote, names))
        program = json.dumps(["/bin/sh", f"{place.reports}/{_RUNNER}", place.reports])
        runner = f"target.'cfg(all())'.runner={program}"
        added = ("--no-fail-fast", "--message-format=json", "--config", shlex.quote(runner))
        kept = [
            word for word in options if word != "--no-fail-fast" and not word.startswith("--message-format")
        ]
        tail = ("--", *arguments) if arguments else ()
        words = (*call.prefix, *call.words[:at], *added, *kept, *tail)
        return Instrumented(words, stdout=_BUILD, files={_RUNNER: _SCRIPT})

    def read(self, evidence: Evidence) -> Reading:
        """Read what was built, what ran, and the lines of doctests."""
        lines = evidence.reports.read(_BUILD).decode(errors="replace").split("\n")
        messages = [message for line in lines if (message := _message(line))]
        sources = {
            each.executable: each.target.src_path for each in messages if each.executable and each.target
        }
        events = evidence.reports.read(_TESTS).decode(errors="replace").split("\n")
        programs = list(_programs(_event(line) for line in events))
        found = [case for program in programs for case in program.cases(evidence.place, sources)]
        short = [line for line in lines if len(line) <= _LONGEST]
        found += _doctests([match for line in short if (match := _DOCTEST.fullmatch(line))], evidence.place)
        cases = merge([*_broken(messages, evidence.place), *found])
        complete = any(each.reason == "build-finished" for each in messages) and all(
            program.code is not None for program in programs
        )
        plain = [line for line in lines if not line.startswith("{")]
        rendered = [each.message.rendered or "" for each in messages if each.message]
        return Reading(
            cases, complete, complete and not cases, "\n".join([*rendered, *plain, failures(found)])
        )


class _Program:
    """One test program's run."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.crate = _HASH.sub("", PurePosixPath(path).name)
        self.tests: dict[str, _Event | None] = {}
        self.libtest = False
        self.code: int | None = None

    def cases(self, place: Place, sources: dict[str, str]) -> Iterable[TestCase]:
        source = sources.get(self.path, "")
        path = place.path(source) if source else ""
        ended = [event for event in self.tests.values() if event]
        for name, event in self.tests.items():
            if event is None:
                yield TestCase(f"{self.crate}::{name}", "error", "it was running when its program died", path)
            else:
                outcome = _OUTCOMES.get(event.event, "error")
                message = (event.stdout or event.message).strip()[-MESSAGE:] if outcome != "passed" else ""
                yield TestCase(f"{self.crate}::{name}", outcome, message, path, event.seconds)
        if not self.libtest or (self.code and not any(each.event == "failed" for each in ended)):
            yield TestCase(self.crate, "error" if self.code else "passed", f"exit code {self.code}", path)


def _programs(events: Iterable[_Event | None]) -> Iterable[_Program]:
    program: _Program | None = None
    for event in events:
        if event is None:
            continue
        if event.type == "program":
            if program:
                yield program
            program = _Program(event.name)
        elif program and event.type == "ended":
            program.code = event.code
        elif program and event.type == "suite":
            program.libtest = True
        elif program and event.type == "test":
            program.tests[event.name] = None if event.event in ("started", "timeout") else event
    if program:
        yield program


def _broken(messages: Iterable[_Message], place: Place) -> Iterable[TestCase]:
    """Yield a case for each target that was not compiled."""
    for each in messages:
        if each.target and each.message and each.message.level.startswith("error"):
            text = (each.message.rendered or "")[-MESSAGE:]
            name = each.target.name.replace("-", "_")
            yield TestCase(
                name, "error", text, place.path(each.target.src_path) if each.target.src_path else ""
            )


def _doctests(matches: Sequence[re.Match[str]], place: Place) -> Iterable[TestCase]:
    """Yield the examples, those of one item numbered: an edit anywhere above them changes their lines."""
    lines: dict[str, set[int]] = {}
    for match in matches:
        lines.setdefault(_example(match), set()).add(int(match["line"]))
    numbers = {name: {line: n for n, line in enumerate(sorted(found), 1)} for name, found in lines.items()}
    for match in matches:
        name = _example(match)
        number = numbers[name][int(match["line"])]
        later = f" #{number}" if number > 1 else ""
        outcome = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}[match["outcome"]]
        file = match["item"].partition(" -")[0]
        yield TestCase(f"{_DOCTESTS}{name}{later}", outcome, "", place.path(file))


def _example(match: re.Match[str]) -> str:
    """Return what names an example beside its line: file, item and, where it is not simply run, its kind."""
    return match["item"].removesuffix(" -") + (match["kind"] or "")


def _message(line: str) -> _Message | None:
    try:
        return _Message.model_validate_json(line) if line.startswith("{") else None
    except ValidationError:
        return None


def _event(line: str) -> _Event | None:
    """Read an event; what a test's own processes print without a newline stands before it."""
    for found in islice(_EVENT.finditer(line), _STARTS):
        try:
            return _Event.model_validate_json(line[found.start() :])
        except ValidationError:
            continue
    return None


def _subcommand(call: Call) -> str:
    return next((word for word in call.words[1:] if not word.startswith(("-", "+"))), "")
