"""Go: the events of `go test -json`."""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moot.agent.core.commands import TestCase
from moot.agent.verify.frameworks.base import MESSAGE, Evidence, Instrumented, Place, Reading
from moot.agent.verify.shell import Call

__all__ = ["GoTest", "folder_of", "module_of", "split_id"]

_REPORT = "go.jsonl"
_OUTCOMES = {"pass": "passed", "fail": "failed", "skip": "skipped"}
_BUILD_FAILED = re.compile(r"FAIL\s+(\S+) \[(?:build|setup) failed\]")
_MODULE = re.compile(rb"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_OWN = re.compile(r"--?(json|(test\.)?failfast)(=.*)?")
_FUNCTION = re.compile(r"^func (\w+)\(", re.MULTILINE)
# fmt: off
_TAKES_VALUE = frozenset((
    "run", "skip", "timeout", "count", "tags", "p", "parallel", "covermode", "coverpkg", "coverprofile",
    "mod", "ldflags", "gcflags", "bench", "benchtime", "cpu", "exec", "o", "shuffle", "vet", "list", "C",
    "modfile", "cpuprofile", "memprofile", "outputdir", "fuzz", "fuzztime", "asmflags", "overlay", "pkgdir",
))
# fmt: on


class _Event(BaseModel):
    """One line; https://pkg.go.dev/cmd/test2json names the fields."""

    model_config = ConfigDict(frozen=True)

    action: str = Field(alias="Action")
    package: str = Field("", alias="Package")
    test: str = Field("", alias="Test")
    output: str = Field("", alias="Output")
    elapsed: float = Field(0.0, alias="Elapsed", ge=0, le=1e6, allow_inf_nan=False)
    build: str = Field("", alias="ImportPath")


@dataclass(slots=True)
class _Test:
    outcome: str = ""
    seconds: float = 0.0
    output: list[str] = field(default_factory=list[str])


class GoTest:
    """`go test`."""

    name = "go"

    def claims(self, call: Call) -> bool:
        """Tell whether the call is `go test …`."""
        return call.program == "go" and call.arguments[:1] == ("test",) and "-c" not in call.arguments

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Write events to a file, go on after a failure, and narrow by packages and top-level tests.

        The flag is given to this call alone: in GOFLAGS it would also change what `go list` prints.
        """
        words = [word for word in call.words[2:] if not _OWN.fullmatch(word)]
        at = next((at for at, word in enumerate(words) if word in ("-args", "--args")), len(words))
        flags, rest = words[:at], words[at:]
        if only:
            flags = [*_flags(flags), *_selection(place, only)]
        return Instrumented((*call.prefix, *call.words[:2], "-json", *flags, *rest), stdout=_REPORT)

    def read(self, evidence: Evidence) -> Reading:
        """Read the events; a package without a last one broke off."""
        tests: dict[tuple[str, str], _Test] = {}
        stray: list[str] = []
        for line in evidence.reports.read(_REPORT).decode(errors="replace").splitlines():
            try:
                _add(_Event.model_validate_json(line), tests, stray)
            except ValidationError:
                stray.append(line + "\n")
        for failed in _BUILD_FAILED.finditer("".join(stray)):
            tests.setdefault((failed[1], ""), _Test("fail"))
        _blame_packages(tests, evidence.result.stderr)
        cases = tuple(_cases(tests, evidence.place))
        packages = [test for (_, name), test in tests.items() if not name]
        complete = bool(packages) and all(test.outcome for test in packages)
        return Reading(cases, complete, complete and not cases, _text(tests, stray))


def _add(event: _Event, tests: dict[tuple[str, str], _Test], stray: list[str]) -> None:
    if event.action == "build-output":
        stray.append(event.output)
        return
    if not event.package:
        return
    test = tests.setdefault((event.package, event.test), _Test())
    tests.setdefault((event.package, ""), _Test())
    if event.output:
        test.output.append(event.output)
    # With -count=2 a test comes twice: the worse outcome counts, and one that began again has none yet.
    if event.action == "run" and test.outcome != "fail":
        test.outcome = ""
    if event.action in _OUTCOMES and test.outcome != "fail":
        test.outcome, test.seconds = event.action, event.elapsed


def _blame_packages(tests: dict[tuple[str, str], _Test], stderr: str) -> None:
    """A test without an end in a package that failed was running when it died."""
    for (package, name), test in tests.items():
        if name and not test.outcome and tests[package, ""].outcome == "fail":
            test.outcome = "error"
        if not name and test.outcome == "fail" and not test.output:
            test.output.append(stderr)


def _cases(tests: dict[tuple[str, str], _Test], place: Place) -> Iterable[TestCase]:
    """Yield tests, and packages that failed by themselves: not built, a panic, a failure in TestMain."""
    failed = {
        package for (package, name), test in tests.items() if name and test.outcome in ("fail", "error")
    }
    files = _Files(place)
    for (package, name), test in tests.items():
        if not name and (test.outcome != "fail" or package in failed):
            continue
        if test.outcome:
            identity = f"{package}.{name}" if name else package
            outcome = _OUTCOMES.get(test.outcome, "error") if name else "error"
            message = "" if outcome == "passed" else "".join(test.output)[-MESSAGE:]
            yield TestCase(identity, outcome, message, files.of(package, name), test.seconds)


def _text(tests: dict[tuple[str, str], _Test], stray: Sequence[str]) -> str:
    """Return what `go test` prints without `-json`: failing tests and a line for each package."""
    shown = (test for (_, name), test in tests.items() if not name or test.outcome in ("fail", "error"))
    return "".join(stray) + "".join(text for test in shown for text in test.output)


class _Files:
    """Finds the file of a test by its function: events do not name it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._module = module_of(place)
        self._functions: dict[str, dict[str, str]] = {}

    def of(self, package: str, test: str) -> str:
        folder = folder_of(self._module, package)
        if folder is None or not test:
            return ""
        if folder not in self._functions:
            self._functions[folder] = self._read(folder)
        return self._functions[folder].get(test.partition("/")[0], "")

    def _read(self, folder: str) -> dict[str, str]:
        """Return the files of a folder's functions by their names: the first file of each."""
        top = self._place.path(folder)
        names = [name for name in self._place.tree.names(top or ".") if name.endswith("_test.go")]
        functions: dict[str, str] = {}
        for path in (f"{top}/{name}" if top else name for name in reversed(names)):
            text = self._place.tree.read(path).decode(errors="replace")
            functions |= dict.fromkeys(_FUNCTION.findall(text), path)
        return functions


def module_of(place: Place) -> str:
    """Return the path of the module at a place; empty when there is none."""
    found = _MODULE.search(place.tree.read(place.path("go.mod") or "go.mod"))
    return found[1].decode(errors="replace") if found else ""


def folder_of(module: str, package: str) -> str | None:
    """Return a package's folder, from that of its module; None for a package of another module."""
    if package == module:
        return "."
    return package.removeprefix(f"{module}/") if module and package.startswith(f"{module}/") else None


def _flags(words: Sequence[str]) -> list[str]:
    """Return the flags without packages and without a selection of their own."""
    kept: list[str] = []
    value = drop = False
    for word in words:
        name = word.lstrip("-").partition("=")[0]
        if value:
            value = False
        elif word.startswith("-"):
            drop = name == "run"
            value = "=" not in word and name in _TAKES_VALUE
        else:
            drop = True
        if not drop:
            kept.append(word)
    return kept


def _selection(place: Place, only: Sequence[str]) -> list[str]:
    """Return packages, and a pattern of top-level tests where each id names one."""
    module = module_of(place)
    packages: dict[str, None] = {}
    names: dict[str, None] = {}
    whole = False
    for each in only:
        if each.endswith(".go"):
            folder = place.local(each).rpartition("/")[0]
            packages[f"./{folder}" if folder else "."] = None
            whole = True
            continue
        package, name = split_id(each)
        folder = folder_of(module, package)
        packages[package if folder is None else f"./{folder}" if folder != "." else "."] = None
        whole = whole or not name
        names[re.escape(name.partition("/")[0])] = None
    pattern = [] if whole else ["-run", shlex.quote(f"^({'|'.join(names)})$")]
    return [*pattern, *map(shlex.quote, packages)]


def split_id(identity: str) -> tuple[str, str]:
    """Return an id's package and test; a package's own last name may hold dots, a test's never does."""
    at = re.search(r"\.((?:Test|Example|Fuzz|Benchmark)[^./]*(?:/.*)?)$", identity)
    return (identity[: at.start()], at[1]) if at else (identity, "")
