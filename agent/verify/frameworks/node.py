"""Node's own test runner: a custom reporter that names files, beside the one a person reads."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from moot.agent.verify.frameworks.base import Evidence, Instrumented, Place, Reading
from moot.agent.verify.frameworks.records import read_records
from moot.agent.verify.shell import Call

__all__ = ["NodeTest", "node_files", "node_options"]

_REPORT = "node.jsonl"
_REPORTER = "node_report.mjs"
_OWN = re.compile(r"--test-reporter(-destination)?(=.*)?")
# fmt: off
_TAKES_VALUE = frozenset((
    "-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions",
    "--test-name-pattern", "--test-skip-pattern", "--test-timeout", "--test-concurrency", "--test-isolation",
    "--experimental-test-isolation", "--test-global-setup", "--test-coverage-include",
    "--test-coverage-exclude", "--test-coverage-branches", "--test-coverage-functions",
    "--test-coverage-lines", "--env-file", "--env-file-if-exists", "--tsconfig",
))
# fmt: on


def node_options(reports: str) -> tuple[str, ...]:
    """Return the options by which Node's test runner writes a report, and text as before."""
    return (
        f"--test-reporter={reports}/{_REPORTER}",
        f"--test-reporter-destination={reports}/{_REPORT}",
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
    )


def node_files() -> dict[str, str]:
    """Return the reporter's file by its name."""
    return {_REPORTER: Path(__file__).with_name(_REPORTER).read_text(encoding="utf-8")}


class NodeTest:
    """`node --test`."""

    name = "node"

    def claims(self, call: Call) -> bool:
        """Tell whether the call is `node --test …`, or a loader's of the same form (tsx)."""
        return call.program in ("node", "tsx") and "--test" in call.arguments

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Put the reporter first, and narrow by file.

        Not by name: what `--test-name-pattern` matches differs between Node 20 and 22.
        """
        words = _without_reporters(call.words[1:])
        files = dict.fromkeys(place.local(each.partition(" > ")[0]) for each in only)
        if files:
            words = [*_options(words), *map(shlex.quote, files)]
        return Instrumented(
            (*call.prefix, call.words[0], *map(shlex.quote, node_options(place.reports)), *words),
            files=node_files(),
        )

    def read(self, evidence: Evidence) -> Reading:
        """Read the reporter's lines."""
        return read_records(evidence, _REPORT)


def _without_reporters(words: Sequence[str]) -> list[str]:
    kept: list[str] = []
    value = False
    for word in words:
        if not value and not _OWN.fullmatch(word):
            kept.append(word)
        value = not value and _OWN.fullmatch(word) is not None and "=" not in word
    return kept


def _options(words: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for word in words:
        if word.startswith("-") or (kept and kept[-1] in _TAKES_VALUE):
            kept.append(word)
    return kept
