"""Go: a test binary of each package, built once with coverage of the whole module, run for each test.

https://go.dev/blog/cover describes the profile: `FILE:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT`. A test that
panics ends its binary before the profile is written; its stack trace says then where it was.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from anyio import to_thread

from moot.agent.core.commands import TestCase
from moot.agent.core.spectrum import Spectrum
from moot.agent.verify.coverage.base import MOST_FAILING, Session, spectrum
from moot.agent.verify.frameworks.base import Place
from moot.agent.verify.frameworks.go import folder_of, module_of, split_id
from moot.agent.verify.shell import Call
from moot.agent.verify.tree import Tree

__all__ = ["profile_lines", "trace_go"]

_MOST_PACKAGES = 3
_MOST_PEERS = 60
_TEST_SECONDS = 20
_FLAGS = frozenset(("tags", "mod", "modfile", "ldflags", "gcflags", "race", "overlay"))
"""Flags of the test command that say what is built."""

_BLOCK = re.compile(
    r"^(?P<path>[^\s:]+):(?P<first>\d{1,9})\.\d+,(?P<last>\d{1,9})\.\d+ \d+ (?P<count>\d{1,20})$",
    re.MULTILINE,
)
_LONGEST_BLOCK = 100_000  # lines
_SETUP = """\
trace() {  # name of its files, test, pattern
    "$binary" -test.run "$3" -test.timeout %ss -test.coverprofile "$out/$1.cov" >/dev/null 2>&1
    echo "$? $2" > "$out/$1.test"
}
others() {  # start of the names of their files, package, pattern of tests to leave out
    "$binary" -test.list '^(Test|Example|Fuzz)' | grep -E '^(Test|Example|Fuzz)' | grep -vxE -e "$3" |
        head -n %s | while read -r name; do trace "$1$name" "$2.$name" "^$name\\$"; done
}
"""
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


async def trace_go(session: Session) -> Spectrum:
    """Run the failing tests one by one, then others of their packages."""
    if session.segment is None:
        return Spectrum(reason="the test command cannot be taken apart")
    call, folder = Call.of(session.segment.words), session.segment.folder
    with ExitStack() as stack:
        tree = Tree.open(session.request.workspace, stack)
        module = await to_thread.run_sync(module_of, Place(session.root, folder, "", tree))
    report = await session.run(_script(session, call, folder, module))
    return await to_thread.run_sync(_collect, session, module, folder, report.output)


def profile_lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield file (as an import path) and line (from 1) of each block that was executed."""
    for match in _BLOCK.finditer(text):
        first, last = int(match["first"]), int(match["last"])
        if int(match["count"]) and last - first < _LONGEST_BLOCK:
            yield from ((match["path"], line) for line in range(first, last + 1))


def _script(session: Session, call: Call, folder: str, module: str) -> str:
    """Return what builds the binaries and runs their tests, in the folder of the test command."""
    lines = [
        f"out={shlex.quote(f'{session.inside}/out')}",
        _SETUP % (_TEST_SECONDS, _MOST_PEERS),
        f"cd {shlex.quote(folder or '.')}",
        *(f"export {word}" for word in call.prefix if _ASSIGNMENT.match(word)),
    ]
    flags = _flags(call.arguments)
    packages = dict.fromkeys(split_id(case.id)[0] for case in _innermost(session.request.failing))
    for place, package in enumerate(list(packages)[:_MOST_PACKAGES]):
        inner = folder_of(module, package)
        if inner is None:
            continue
        target = shlex.quote(f"./{inner}" if inner != "." else ".")
        lines += [
            f'binary="$out/{place}.binary"',
            f'go test -c {" ".join(flags)} -covermode=set -coverpkg=./... -o "$binary" {target} || exit 1',
            f"(cd {target}",
            *_runs(session, package, place),
            ")",
        ]
    return "\n".join(lines)


def _runs(session: Session, package: str, place: int) -> Iterator[str]:
    failing = [case for case in _innermost(session.request.failing) if split_id(case.id)[0] == package]
    near = [case for case in session.request.peers if split_id(case.id)[0] == package and "/" in case.id]
    for number, case in enumerate((*failing[:MOST_FAILING], *near[:_MOST_PEERS])):
        pattern = "/".join(f"^{re.escape(part)}$" for part in split_id(case.id)[1].split("/"))
        yield f"trace {place}-{number} {shlex.quote(case.id)} {shlex.quote(pattern)}"
    tops = dict.fromkeys(split_id(case.id)[1].partition("/")[0] for case in (*failing, *near))
    yield f"others {place}- {shlex.quote(package)} {shlex.quote('|'.join(map(re.escape, tops)))}"


def _innermost(cases: Sequence[TestCase]) -> list[TestCase]:
    """Leave out tests of which a subtest fails, and packages that fail as a whole."""
    above = {case.id[: at.start()] for case in cases for at in re.finditer("/", case.id)}
    return [case for case in cases if case.id not in above and split_id(case.id)[1]]


def _flags(arguments: Sequence[str]) -> list[str]:
    kept: list[str] = []
    taking = False
    for word in arguments[1:]:
        name = word.lstrip("-").partition("=")[0]
        if taking or (word.startswith("-") and name in _FLAGS):
            kept.append(shlex.quote(word))
        taking = not taking and word.startswith("-") and name in _FLAGS - {"race"} and "=" not in word
    return kept


def _collect(session: Session, module: str, folder: str, output: str) -> Spectrum:
    profiles = {
        name.removesuffix(".cov"): data.decode(errors="replace") for name, data in session.written(".cov")
    }
    outcomes: dict[str, str] = {}
    lines: dict[tuple[str, int], set[str]] = {}
    silent: list[str] = []
    for name, data in session.written(".test"):
        code, _, test = data.decode(errors="replace").strip().partition(" ")
        outcomes[test] = "passed" if code == "0" else "failed"
        profile = profiles.get(name.removesuffix(".test"), "")
        silent += [] if profile else [test]
        for path, line in profile_lines(profile):
            inner = folder_of(module, path)
            if inner is not None:
                lines.setdefault((f"{folder}/{inner}".lstrip("/"), line), set()).add(test)
    reason = f"{silent[0]} died before Go wrote what it executed" if silent else ""
    if not outcomes:
        last = output.strip().rpartition("\n")[2]
        reason = f"Go built no test binary with coverage: {last or 'it printed nothing'}"
    return spectrum("go tool cover", outcomes, lines, reason)
