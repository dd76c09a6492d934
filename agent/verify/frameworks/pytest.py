"""pytest: JUnit XML of the family that names files, read back into pytest's node ids."""

import re
import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

from moot.agent.verify.frameworks.base import Evidence, Instrumented, Place, Reading
from moot.agent.verify.junit import parse
from moot.agent.verify.shell import Call, unquote

__all__ = ["Pytest", "pytest_options"]

_REPORT = "pytest.xml"
_NO_TESTS = 5
"""pytest's exit code when it collected nothing."""

_GROUPED = re.compile(r"([\w.]+(?:::[\w.]+)*(?:\[.*\])?)@[^\]]*", re.DOTALL)
"""A test's name, in its file, and the group that xdist puts behind it with `--dist loadgroup`."""

# fmt: off
_TAKES_VALUE = frozenset((
    "-c", "--config-file", "--rootdir", "--confcutdir", "--ignore", "--ignore-glob", "--deselect", "-p", "-o",
    "--override-ini", "-k", "-m", "-n", "--numprocesses", "--cov-config", "--cov-report", "--basetemp", "-W",
    "--junitxml", "--junit-xml", "--maxfail", "--tb", "--import-mode", "--timeout", "--log-file",
    "--durations", "-r", "--dist", "--color",
))
# fmt: on


def pytest_options(reports: str) -> tuple[str, ...]:
    """Return the options, as shell words, by which any call of pytest writes a report of all tests.

    It goes on after the first failure, and runs what it can where a module cannot be imported.
    """
    report = shlex.quote(f"--junitxml={reports}/{_REPORT}")
    return (report, "-o", "junit_family=xunit1", "--maxfail=0", "--continue-on-collection-errors")


class Pytest:
    """Python's pytest."""

    name = "pytest"

    def claims(self, call: Call) -> bool:
        """Tell whether the call is `pytest …` or `python -m pytest …`."""
        return call.program in ("pytest", "py.test")

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Add the report, and put node ids in place of the paths.

        pytest names tests from its root folder on, which is where its settings lie: with those in `tests`
        its ids would be no arguments for the next call. So that folder is the one where the call starts.
        """
        words = call.words[1:]
        at = words.index("--") if "--" in words else len(words)
        options, paths = words[:at], words[at:]
        if only:
            options, paths = _options(options, place), ("--", *map(shlex.quote, map(_argument, only)))
        report = pytest_options(place.reports)
        if not any(word.partition("=")[0] == "--rootdir" for word in options):
            report = (*report, shlex.quote(f"--rootdir={PurePosixPath(place.root) / place.folder}"))
        return Instrumented((*call.prefix, call.words[0], *options, *report, *paths))

    def read(self, evidence: Evidence) -> Reading:
        """Read what pytest writes when it ends: a run that broke off leaves nothing."""
        cases = parse(evidence.reports.read(_REPORT), evidence.place)
        nothing = not cases and evidence.result.exit_code == _NO_TESTS
        return Reading(cases or (), cases is not None, nothing)


def _argument(identity: str) -> str:
    """Return an id as pytest takes it. Names of Python hold no `@`, so what begins with one is a group."""
    file, suffix, name = identity.partition(".py::")
    grouped = _GROUPED.fullmatch(name)
    return f"{file}{suffix}{grouped[1]}" if grouped else identity


def _options(words: Sequence[str], place: Place) -> tuple[str, ...]:
    """Leave out the paths. Plugins add options, so a word of no known option that is no path is a value."""
    kept: list[str] = []
    for word in words:
        value = bool(kept) and kept[-1] in _TAKES_VALUE
        if value or word.startswith("-") or not _is_path(word, place):
            kept.append(word)
    return tuple(kept)


def _is_path(word: str, place: Place) -> bool:
    plain = unquote(word)
    name = PurePosixPath(plain.partition("::")[0])
    pattern = "*" in word and word == plain  # the shell puts paths in place of it
    return pattern or not name.parts or place.tree.holds(place.path(str(name)))
