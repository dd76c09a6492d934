"""How often a completion is what was written: holes cut into installed packages, filled by the served model.

Usage: python tests/bench/bench_complete.py [--base-url URL] [--cases N] [--at-once N] [--prompt-tokens N]
                                            [--seed N] [--packages a,b,c]
Three kinds of holes, N of each: the rest of a line, a statement, the body of a function. Each is filled three
times: with what other files say (`context`), without (`alone`), and with the answer as the model wrote it, to
its own end or to the limit (`untrimmed`). Prompts differ in a word at their start, so that the server finds
none of them cached. `exact` is the text, `line` its first line; `similar` is difflib's ratio. Times are for
one completion from the request to its end; they say something only with --at-once 1 and an idle server.
"""

import argparse
import ast
import asyncio
import math
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from moot.agent.connection import connect, infilling
from moot.agent.core.config import load_settings
from moot.agent.core.errors import MootError
from moot.agent.core.messages import Completion, CompletionRequest
from moot.agent.core.ports import FimPrompt, ModelClient
from moot.agent.fim.engine import Filled, Limits, fill
from moot.agent.fim.neighbours import neighbours
from moot.agent.fim.trim import Hole
from moot.agent.working_index import WorkingIndex

PACKAGES = "starlette,uvicorn,filelock,stamina,watchfiles,pathspec,tenacity,pluggy"
KINDS = ("line", "statement", "body")
WAYS = ("context", "alone", "untrimmed")
LONGEST = 8  # lines of a hole
MAX_TOKENS = 96


@dataclass(frozen=True)
class Case:
    """A hole and what stood there."""

    kind: str
    hole: Hole
    written: str


@dataclass(frozen=True)
class Score:
    """How one completion compares with what stood there."""

    kind: str
    way: str
    exact: bool
    line: bool
    similar: float
    tokens: int
    milliseconds: float


@dataclass(frozen=True)
class Fresh:
    """A form whose prompts start with a number of their own."""

    form: FimPrompt
    number: int

    @property
    def stop(self) -> tuple[str, ...]:
        return self.form.stop

    def prompt(self, prefix: str, suffix: str, files: Sequence[tuple[str, str]] = (), path: str = "") -> str:
        if files:
            return self.form.prompt(prefix, suffix, [("number.txt", str(self.number)), *files], path)
        return self.form.prompt(f"# {self.number}\n{prefix}", suffix)


class ToTheEnd:
    """A client whose answers are not ended while they are written."""

    def __init__(self, client: ModelClient) -> None:
        self._client = client

    async def complete(self, request: CompletionRequest, _: object = None) -> list[list[Completion]]:
        return await self._client.complete(request)


def main() -> int:
    """Print one row for each kind of hole and way of filling it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--base-url")
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--packages", default=PACKAGES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        repo = _repository(Path(folder) / "repo", arguments.packages.split(","))
        cases = list(_cases(repo, arguments.cases, random.Random(arguments.seed)))
        try:
            scores = asyncio.run(_run(arguments, repo, cases))
        except MootError as exc:
            sys.exit(f"error: {exc}")
    _print(scores)
    return 0


def _repository(folder: Path, packages: Sequence[str]) -> Path:
    """Copy packages into a repository with one commit."""
    installed = Path(ast.__file__).parent, Path(next(p for p in sys.path if p.endswith("site-packages")))
    for package in packages:
        source = next(root / package for root in installed if (root / package).is_dir())
        shutil.copytree(source, folder / package, ignore=shutil.ignore_patterns("*.pyc", "*.so"))
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-q", "-m", "Packages")):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def _cases(repo: Path, count: int, rng: random.Random) -> Iterator[Case]:
    files = [path for path in sorted(repo.rglob("*.py")) if path.stat().st_size > 2000]
    for kind in KINDS:
        found = 0
        while found < count:
            path = rng.choice(files)
            case = _case(kind, path.relative_to(repo).as_posix(), path.read_text(), rng)
            if case is not None:
                found += 1
                yield case


def _case(kind: str, path: str, text: str, rng: random.Random) -> Case | None:
    """Cut a hole of a kind into a random function; None where it has none."""
    functions = [
        n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    if not functions:
        return None
    function = rng.choice(functions)
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body or body[0].lineno == function.lineno:
        return None
    first = last = rng.choice(body)
    if kind == "body":
        first, last = body[0], body[-1]
    lines = text.splitlines(keepends=True)
    starts = [0, *(sum(map(len, lines[:n])) for n in range(1, len(lines) + 1))]
    start = starts[first.lineno - 1] + first.col_offset
    end = starts[last.end_lineno - 1] + len(lines[last.end_lineno - 1].rstrip())
    if kind == "line":
        end = starts[first.lineno - 1] + len(lines[first.lineno - 1].rstrip())
        start += rng.randrange(1, max(2, (end - start) * 2 // 3))
    written = text[start:end]
    if not text.isascii() or written.count("\n") >= LONGEST or len(written.strip()) < 8:
        return None
    return Case(kind, Hole(path, text[:start], text[end:]), written)


async def _run(arguments: argparse.Namespace, repo: Path, cases: Sequence[Case]) -> list[Score]:
    settings = load_settings(None, base_url=arguments.base_url)
    client, profile = await connect(settings, probe=False)
    form = infilling(settings, profile, client.info.id)
    limits = Limits(arguments.prompt_tokens, MAX_TOKENS)
    slots = asyncio.Semaphore(arguments.at_once)

    async def score(number: int, case: Case, way: str) -> Score:
        async with slots:
            print(f"{case.kind} {number} {way} {case.hole.path}", file=sys.stderr)
            helpers = None if way == "alone" else partial(neighbours, case.hole, opened.index)
            asked = ToTheEnd(client) if way == "untrimmed" else client
            return _score(case, way, await fill(asked, Fresh(form, number), case.hole, limits, helpers))

    with WorkingIndex(settings, repo, lambda done, total: None) as opened:
        opened.update()
        numbered = enumerate((case, way) for case in cases for way in WAYS)
        scores = await asyncio.gather(*(score(number, *pair) for number, pair in numbered))
    await client.close()
    return list(scores)


def _score(case: Case, way: str, filled: Filled) -> Score:
    text = filled.raw[0].text if way == "untrimmed" else filled.tried[0].text
    ours, theirs = text.strip(), case.written.strip()
    line = ours.split("\n")[0].rstrip() == theirs.split("\n")[0].rstrip()
    similar = SequenceMatcher(None, ours, theirs, autojunk=False).ratio()
    seconds = filled.model_seconds
    return Score(case.kind, way, ours == theirs, line, similar, filled.raw[0].tokens, seconds * 1000)


def _print(scores: Sequence[Score]) -> None:
    print(
        f"{'hole':<10} {'way':<10} {'n':>3} {'exact':>14} {'line':>14} {'similar':>8} "
        f"{'tokens':>7} {'median ms':>10}"
    )
    for kind in (*KINDS, "all"):
        for way in WAYS:
            some = [score for score in scores if score.way == way and kind in (score.kind, "all")]
            exact, line = (_share([getattr(score, name) for score in some]) for name in ("exact", "line"))
            similar = statistics.mean(score.similar for score in some)
            tokens = statistics.mean(score.tokens for score in some)
            median = statistics.median(score.milliseconds for score in some)
            print(
                f"{kind:<10} {way:<10} {len(some):>3} {exact:>14} {line:>14} "
                f"{similar:>8.2f} {tokens:>7.1f} {median:>10.0f}"
            )


def _share(hits: Sequence[bool]) -> str:
    """Return a share in per cent with its 95% score interval (Wilson 1927)."""
    n, z = len(hits), 1.96
    share = sum(hits) / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{100 * share:.0f}% ({100 * max(0.0, middle - half):.0f}-{100 * (middle + half):.0f})"


if __name__ == "__main__":
    sys.exit(main())
