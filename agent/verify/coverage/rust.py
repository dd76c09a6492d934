"""Rust: LLVM's source-based coverage, of a run of each test program for each test.

https://doc.rust-lang.org/rustc/instrument-coverage.html. It takes llvm-profdata and llvm-cov of the
compiler's own LLVM: the rustup component `llvm-tools`, or programs of the same major version on the path.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from anyio import to_thread
from pydantic import BaseModel, ValidationError

from moot.agent.core.commands import TestCase
from moot.agent.core.spectrum import Spectrum
from moot.agent.verify.coverage.base import MOST_FAILING, Session, spectrum
from moot.agent.verify.shell import Call

__all__ = ["lcov_lines", "trace_cargo"]

_MOST_PEERS = 30
_FLAGS = "-C instrument-coverage -C llvm-args=-enable-name-compression=false"
"""Names are not compressed, so that LLVM's tools read them where they were built without zlib, too."""

_TOOLS = """\
host=$(rustc -vV | sed -n 's/^host: //p')
major=$(rustc -vV | sed -n 's/^LLVM version: \\([0-9]*\\).*/\\1/p')
tools=$(rustc --print sysroot)/lib/rustlib/$host/bin
if [ ! -x "$tools/llvm-cov" ]; then
    tools=$(dirname "$(command -v llvm-cov || echo /nowhere/llvm-cov)")
    "$tools/llvm-cov" --version 2>/dev/null | grep -q "version $major\\." || tools=
fi
printf '%s' "$tools" > "$out/tools.txt"
[ -n "$tools" ] || exit 1
"""
_NO_TOOLS = "llvm-cov of the Rust compiler's own LLVM is not installed: `rustup component add llvm-tools`"
_HASH = re.compile(r"-[0-9a-f]{16}$")
_RECORD = re.compile(r"^(?:SF:(?P<path>.+)|DA:(?P<line>\d{1,9}),(?P<count>\d{1,20})(?:,.*)?)$", re.MULTILINE)


class _Message(BaseModel):
    executable: str | None = None


async def trace_cargo(session: Session) -> Spectrum:
    """Build with coverage, then run the failing tests and their nearest peers one by one."""
    if session.segment is None:
        return Spectrum(reason="the test command cannot be taken apart")
    folder = shlex.quote(session.segment.folder or ".")
    start = f"out={shlex.quote(f'{session.inside}/out')}\ncd {folder}\n{_TOOLS}"
    report = await session.run(f"{start}{_build(session, Call.of(session.segment.words))}")
    if not session.source(f"{session.name}/out/tools.txt"):
        return Spectrum(reason=_NO_TOOLS)
    programs = await to_thread.run_sync(_programs, session)
    if not programs or not session.left:
        last = report.output.strip().rpartition("\n")[2]
        return Spectrum(reason=f"cargo built no test program with coverage: {last or report.status}")
    await session.run("\n".join([start, *_runs(session, programs)]))
    return await to_thread.run_sync(_collect, session)


def lcov_lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield file and line (from 1) of each line that LCOV's tracefile counts; `man geninfo` describes it."""
    path = ""
    for match in _RECORD.finditer(text):
        path = match["path"] or path
        if match["line"] and int(match["count"]):
            yield path, int(match["line"])


def _build(session: Session, call: Call) -> str:
    at = call.words.index("test") + 1 if "test" in call.words else len(call.words)
    options = " ".join(
        word for word in call.words[at:] if not word.startswith(("--no-fail-fast", "--message-format"))
    )
    flags = f'RUSTFLAGS="$RUSTFLAGS {_FLAGS}" LLVM_PROFILE_FILE=/dev/null'
    target = f"CARGO_TARGET_DIR={shlex.quote(f'{session.inside}/target')}"
    options = options.partition(" -- ")[0]
    return f'{flags} {target} cargo test --no-run --message-format=json {options} > "$out/build.jsonl"'


def _programs(session: Session) -> dict[str, str]:
    """Return the test programs by their crates."""
    programs: dict[str, str] = {}
    for line in session.source(f"{session.name}/out/build.jsonl").decode(errors="replace").splitlines():
        try:
            program = _Message.model_validate_json(line).executable
        except ValidationError:
            continue
        if program:
            programs.setdefault(_HASH.sub("", PurePosixPath(program).name), program)
    return programs


def _chosen(session: Session) -> Sequence[TestCase]:
    return (*session.request.failing[:MOST_FAILING], *session.request.peers[:_MOST_PEERS])


def _runs(session: Session, programs: dict[str, str]) -> Iterator[str]:
    for number, case in enumerate(_chosen(session)):
        crate, _, name = case.id.partition("::")
        if crate in programs and name:
            file, program = shlex.quote(f"{session.inside}/out/{number}"), shlex.quote(programs[crate])
            yield f"LLVM_PROFILE_FILE={file}.profraw {program} --exact {shlex.quote(name)} >/dev/null 2>&1"
            yield f'echo "$?" > {file}.test'
            yield f'"$tools/llvm-profdata" merge -sparse {file}.profraw -o {file}.profdata'
            shown = f"export -format=lcov -instr-profile={file}.profdata {program}"
            yield f'"$tools/llvm-cov" {shown} > {file}.lcov'


def _collect(session: Session) -> Spectrum:
    codes = dict(session.written(".test"))
    root = PurePosixPath(session.root)
    outcomes: dict[str, str] = {}
    lines: dict[tuple[str, int], set[str]] = {}
    for number, case in enumerate(_chosen(session)):
        if f"{number}.test" not in codes:
            continue
        outcomes[case.id] = "passed" if codes[f"{number}.test"].strip() == b"0" else "failed"
        text = session.source(f"{session.name}/out/{number}.lcov").decode(errors="replace")
        for path, line in lcov_lines(text):
            if PurePosixPath(path).is_relative_to(root):
                lines.setdefault((str(PurePosixPath(path).relative_to(root)), line), set()).add(case.id)
    return spectrum("llvm-cov", outcomes, lines)
