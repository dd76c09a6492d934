"""Reads the reports of linters and type checkers. Paths stay as the program wrote them."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, cast

from moot.agent.core.commands import CommandResult
from moot.agent.core.verification import Finding

__all__ = ["clippy", "eslint", "go_vet", "mypy", "pyright", "ruff", "tsc"]

_Read = Callable[[CommandResult], list[Finding] | None]

_TSC = re.compile(r"^(?P<path>[^\s(][^(]*)\((?P<line>\d+),\d+\): error (?P<rule>TS\d+): (?P<text>.*)$", re.M)
_GO_PLACE = re.compile(r"^(?:vet: )?(?P<path>\S[^:]*\.go):(?P<line>\d+):(?:\d+:)? (?P<text>.+)$", re.M)
_MYPY_BLOCKED, _RUST_ERROR = 2, 101


def _report(*exit_codes: int) -> Callable[[_Read], _Read]:
    """Make a reader that takes another exit code, or output of another form than documented, as no report."""

    def decorate(read: _Read) -> _Read:
        @wraps(read)
        def reader(result: CommandResult) -> list[Finding] | None:
            try:
                found = read(result) if result.exit_code in exit_codes else None
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                return None
            return found if all(map(_is_sound, found or ())) else None

        return reader

    return decorate


def _is_sound(finding: Finding) -> bool:
    words = (finding.path, finding.rule, finding.message)
    return isinstance(finding.line, int) and all(isinstance(word, str) for word in words)  # pyright: ignore[reportUnnecessaryIsInstance]


@_report(0, 1)
def ruff(result: CommandResult) -> list[Finding] | None:
    """Read `ruff check --output-format=json`; a file that does not parse has no rule."""
    return [
        Finding("ruff", item["filename"], item["location"]["row"], item["code"] or "syntax", item["message"])
        for item in json.loads(result.stdout)
    ]


@_report(0, 1, _MYPY_BLOCKED)
def mypy(result: CommandResult) -> list[Finding] | None:
    """Read `mypy --output=json` (mypy 1.11): a line for each error, and for notes, which are left out."""
    items = list(_json_lines(result.stdout))
    if result.exit_code == _MYPY_BLOCKED and not items:
        return None
    return [
        Finding("mypy", item["file"], item["line"], item["code"] or "error", item["message"])
        for item in items
        if item["severity"] == "error"
    ]


@_report(0, 1)
def pyright(result: CommandResult) -> list[Finding] | None:
    """Read `pyright --outputjson`; its lines count from 0. Warnings do not fail it and are left out."""
    return [
        Finding(
            "pyright",
            item["file"],
            item["range"]["start"]["line"] + 1,
            item.get("rule", "error"),
            item["message"],
        )
        for item in json.loads(result.stdout)["generalDiagnostics"]
        if item["severity"] == "error"
    ]


@_report(0, 1, 2)
def tsc(result: CommandResult) -> list[Finding] | None:
    """Read `tsc --pretty false`: the stable form of one line an error; there is no JSON form."""
    found = [
        Finding("tsc", match["path"], int(match["line"]), match["rule"], match["text"])
        for match in _TSC.finditer(result.stdout)
    ]
    return found if found or result.exit_code == 0 else None


@_report(0, 1)
def eslint(result: CommandResult) -> list[Finding] | None:
    """Read `eslint --format=json`; warnings (severity 1) do not fail it and are left out."""
    return [
        Finding("eslint", file["filePath"], item.get("line", 1), item["ruleId"] or "syntax", item["message"])
        for file in json.loads(result.stdout)
        for item in file["messages"]
        if item["severity"] > 1
    ]


@_report(0, 1, 2)
def go_vet(result: CommandResult) -> list[Finding] | None:
    """Read `go vet -json`: an object a package between comments, on standard error before Go 1.25.

    Where a package does not compile there is no JSON for it but the compiler's lines.
    """
    text = f"{result.stdout}\n{result.stderr}"
    found = [
        Finding("go vet", *_go_place(item["posn"]), analyzer, item["message"])
        for packages in _json_objects(text)
        for analyzers in packages.values()
        for analyzer, items in analyzers.items()
        for item in _list(items)
    ]
    if result.exit_code:
        found += [
            Finding("go vet", match["path"], int(match["line"]), "compile", match["text"])
            for match in _GO_PLACE.finditer(text)
        ]
    return found if found or result.exit_code == 0 else None


def _list(value: Any) -> list[Any]:
    """Return an analyzer's findings; one that failed has an object with the error in their place."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def _go_place(position: str) -> tuple[str, int]:
    path, line, *_ = position.rsplit(":", 2)
    return path, int(line)


@_report(0, _RUST_ERROR)
def clippy(result: CommandResult) -> list[Finding] | None:
    """Read `cargo clippy --message-format=json`: warnings and errors that have a place."""
    messages = [
        item["message"] for item in _json_lines(result.stdout) if item["reason"] == "compiler-message"
    ]
    found = [
        Finding("clippy", span["file_name"], span["line_start"], _rust_rule(message), message["message"])
        for message in messages
        if message["level"] in ("warning", "error")
        for span in message["spans"]
        if span["is_primary"]
    ]
    # With --all-targets a file is checked as part of the library and again with its tests.
    return list(dict.fromkeys(found)) if found or result.exit_code == 0 else None


def _rust_rule(message: dict[str, Any]) -> str:
    return message["code"]["code"] if message["code"] else message["level"]


def _json_lines(text: str) -> Iterator[Any]:
    return (json.loads(line) for line in text.splitlines() if line.startswith("{"))


def _json_objects(text: str) -> Iterable[Any]:
    """Yield objects that begin at the start of a line, whatever stands between them."""
    decoder, position = json.JSONDecoder(), 0
    while (start := _next_object(text, position)) is not None:
        value, position = decoder.raw_decode(text, start)
        yield value


def _next_object(text: str, position: int) -> int | None:
    if text.startswith("{", position):
        return position
    start = text.find("\n{", position)
    return start + 1 if start >= 0 else None
