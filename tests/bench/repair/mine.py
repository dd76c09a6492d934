"""Mines libraries' histories for bugs that a small fix of one place ends, each seen by running its tests.

    PYTHONPATH=. python tests/bench/repair/mine.py REPOSITORIES WORK [--only NAME ...] [--most N]

REPOSITORIES holds git directories, WORK takes working trees with their environments. A bug is a commit that
mends (by its message), changes one hunk of one source by at most twelve lines, and tests beside it. Its
tests, put over the parent, fail there and pass at the fix, in the sandbox without a network. Lines of JSON
are added to bugs.jsonl beside this file; no code is kept.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

from moot.agent.core.commands import TestReport
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.bench.repair.bugs import BUGS, Bug, Tree, freeze, load, runnable
from tests.bench.repair.history import Fix, fixes
from tests.bench.repair.libraries import LIBRARIES, Library

SLOWEST = 100.0  # seconds of one run; of a whole suite less, and the fix's files grade in its place
SLOWEST_SUITE = 60.0
MOST_FAILING = 25
_TRAILER = re.compile(
    r"^(?:(?:[A-Z][A-Za-z-]+-[Bb]y|Change-Id|Cc|PR-URL)\b.*"
    r"|\W*(?:close[sd]?|fix(?:es|ed)?|refs?|resolve[sd]?|see)\b:?[\s,]*(?:[\w./-]*#\d+[\s,.]*)+)$",
    re.MULTILINE | re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\(?:?\b(?:pr|issue|GH-|PR ?)?[:`]*#\d+`*\)?|:(?:issue|pr|user):`[^`]*`|https?://\S+", re.I
)
_TOKEN = re.compile(
    r"[\w.]*[^\W\d]\w*\(|[\w.\[\]'\"]+ ?(?:==|!=|<=|>=|\+=|->|=>)|[A-Za-z]\w*_\w+|[A-Za-z]*[a-z][A-Z]\w*"
)
_MERGE = re.compile(r"^Merge (?:branch|pull request|remote).*$", re.MULTILINE)


def main() -> int:
    """Mine the libraries one after another."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("repositories", type=Path)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("--only", nargs="*", default=[])
    arguments.add_argument("--most", type=int, default=4)
    arguments.add_argument("--tries", type=int, default=14)
    arguments.add_argument("--minutes", type=float, default=3.0)
    given = arguments.parse_args()
    known = {(bug.repository, bug.commit) for bug in load()}
    for library in LIBRARIES:
        if given.only and library.name not in given.only and library.language not in given.only:
            continue
        if any(repository == library.name for repository, _ in known):
            continue
        try:
            _mine(library, given)
        except (subprocess.SubprocessError, OSError, StopIteration) as exc:
            print(f"{library.name}: {exc} {getattr(exc, 'stderr', '')}", file=sys.stderr, flush=True)
    return 0


def _mine(library: Library, given: argparse.Namespace) -> None:
    tree = Tree.open(library, given.repositories, given.work)
    runner = TestRunner(choose("auto"), tree.root, SLOWEST)
    until, found, tried = time.monotonic() + 60 * given.minutes, 0, 0
    for fix in fixes(tree.root / ".git", library.language, newest=4000):
        if found >= given.most or tried >= given.tries or time.monotonic() > until:
            break
        task = report_of(fix)
        if not task:
            continue
        tried += 1
        bug = _verified(tree, runner, fix, task)
        found += bug is not None
        if bug is not None:
            with BUGS.open("a", encoding="utf-8") as file:
                file.write(bug.dump() + "\n")
    if found:
        freeze(tree)
    print(f"{library.name}: {found} of {tried}", flush=True)


def report_of(fix: Fix) -> str:
    """Return a fix's message as the report of a user: what its notes or message say, without its code."""
    notes = re.sub(r"^[\s*\-.#>]+", "", "\n".join(fix.notes), flags=re.MULTILINE)
    said = fix.body.partition("\n\n")[0]  # what follows tells how it was mended
    for text in (f"{fix.subject}\n\n{notes or said}", f"{fix.subject}\n\n{said}", fix.subject, notes):
        cleaned = _clean(text)
        if len(cleaned.split()) >= 5 and not _leaks(cleaned, fix):
            return cleaned
    return ""


def _clean(message: str) -> str:
    text = _NUMBER.sub(" ", _TRAILER.sub("", _MERGE.sub("", message)))
    return re.sub(r"[ \t]+", " ", re.sub(r"\s*\n\s*", "\n", text)).strip()[:800].strip()


def _leaks(text: str, fix: Fix) -> bool:
    """Tell whether a text holds a line of the fix, or a piece of code that only the fix has."""
    old = "\n".join(line[1:] for line in fix.hunk.lines if not line.startswith("+"))
    new = "\n".join(fix.hunk.added)
    lines = [line.strip() for line in fix.hunk.added if len(line.strip()) >= 10]
    tokens = {token for token in _TOKEN.findall(new) if token not in old}
    return any(line in text for line in lines) or any(token in text for token in tokens) or "```" in text


def _verified(tree: Tree, runner: TestRunner, fix: Fix, task: str) -> Bug | None:
    """Return the bug, if its tests fail without the fix and pass with it."""
    started = time.monotonic()
    library, only = tree.library, runnable(fix.tests, tree.library.language)

    def run(files: list[str]) -> TestReport:
        seconds = SLOWEST if files else SLOWEST_SUITE
        return asyncio.run(runner.run(library.command, tree.root, files, seconds))

    tree.checkout(fix.parent)
    tree.install()
    tree.take(fix.commit, fix.tests)
    before = run(only)
    if before.status != "failed" or not before.passed or not before.failed:
        return None
    tree.take(fix.commit, [fix.path])
    after = run(only)
    failing = before.failed & after.passed
    if not 0 < len(failing) <= MOST_FAILING or not before.passed <= after.passed:
        return None
    wider, files = (run([]), list[str]()) if library.wide and only else (after, only)
    if not wider.passed >= failing:
        wider, files = after, only
    return Bug(
        repository=library.name,
        split=library.split,
        language=library.language,
        parent=fix.parent,
        commit=fix.commit,
        path=fix.path,
        lines=fix.hunk.span,
        changed_lines=len(fix.hunk.removed) + len(fix.hunk.added),
        task=task,
        command=library.command,
        tests=fix.tests,
        failing=tuple(sorted(failing)),
        wider=tuple(files),
        wider_passed=len(wider.passed),
        wider_failed=tuple(sorted(wider.failed)),
        seconds=round(time.monotonic() - started, 1),
    )


if __name__ == "__main__":
    sys.exit(main())
