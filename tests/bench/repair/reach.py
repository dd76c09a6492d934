"""Share of real fixes that one mask reaches, with the fault's place known: a bound of what infilling can do.

    python tests/bench/repair/reach.py FOLDER [--most N] [--show N]

FOLDER holds clones, OWNER/NAME or OWNER+NAME/repo. A fix is a commit that says so and changes one source file
besides tests and documents, in one hunk within a function, of at most 12 changed lines that are not all
comments or documentation. A mask reaches it if the text before and after the mask is the same in both
versions and what stands between them is short enough for an infill.
"""

import argparse
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher, unified_diff
from pathlib import Path, PurePosixPath

from moot.agent.core.testfiles import is_test
from moot.agent.repair.grammar import is_string
from moot.agent.repair.infill import normalised
from moot.agent.repair.localise import Suspect
from moot.agent.repair.masks import Mask, masks
from moot.agent.repair.source import COMMENTS, Source, walk
from moot.agent.syntax import language_of

LANGUAGES = ("python", "javascript", "typescript", "tsx", "go", "rust")
FIX = re.compile(r"\b(?:fix|bug|regression|incorrect|wrong|crash)", re.IGNORECASE)
MOST_LINES = 12
MOST_INFILL = 320
"""Bytes that the bound on an infill's tokens leaves room for."""
HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
SKIPPED_SUFFIXES = (".md", ".rst", ".txt", ".json", ".toml", ".lock", ".yml", ".yaml", ".cfg", ".changelog")


@dataclass(frozen=True)
class Fix:
    """A file before and after a fix, and the lines (1-based) that it touches in the old one."""

    name: str
    path: str
    before: bytes
    after: bytes
    lines: range


@dataclass
class Tally:
    """What was counted of one language."""

    fixes: int = 0
    removed: int = 0
    ranks: list[int] = field(default_factory=list[int])
    kinds: Counter[str] = field(default_factory=Counter[str])
    offered: Counter[str] = field(default_factory=Counter[str])

    def add(self, fix: Fix, found: Sequence[Mask]) -> bool:
        """Count a fix; tell whether a mask reaches it."""
        hits = [(rank, mask) for rank, mask in enumerate(found, start=1) if reaches(mask, fix)]
        self.fixes += 1
        self.offered.update(mask.kind for mask in found)
        if hits:
            best = min((mask for _, mask in hits), key=size)
            self.kinds[best.kind] += 1
            self.ranks.append(hits[0][0])
            self.removed += len(fix.before) - size(best) == len(fix.after)
        return bool(hits)

    def __str__(self) -> str:
        within = ", ".join(
            f"{sum(rank <= k for rank in self.ranks)} in the first {k}" for k in (1, 6, 12, 28)
        )
        kinds = "; ".join(
            f"{kind} {count} ({100 * count / self.offered[kind]:.1f})"
            for kind, count in self.kinds.most_common()
        )
        share = len(self.ranks) / max(1, self.fixes)
        reached = f"{len(self.ranks)} of {self.fixes} ({share:.0%})"
        return f"{reached}; {within}; {self.removed} only remove\n    {kinds}"


def main() -> None:
    """Print shares by language, and the kinds of the smallest masks that reach, also for 100 of that kind."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--most", type=int, default=20, help="fixes of a repository")
    arguments.add_argument("--show", type=int, default=0, help="fixes that no mask reaches, as diffs")
    given = arguments.parse_args()
    tallies, whole, missed = defaultdict[str, Tally](Tally), Tally(), 0
    for repository in repositories(given.folder):
        for fix in fixes(repository, given.most):
            found = masks_of(fix)
            whole.add(fix, found)
            if not tallies[language_of(fix.path) or ""].add(fix, found) and missed < given.show:
                missed += 1
                print(f"--- {fix.name} {fix.path}\n{shown(fix)}")
    for language, tally in (*sorted(tallies.items()), ("all", whole)):
        print(f"{language}: {tally}")


def repositories(folder: Path) -> Iterator[Path]:
    for head in sorted((*folder.glob("*/*/HEAD"), *folder.glob("*/*/.git/HEAD"))):
        if head.parent.name != ".git" or head.is_file():
            yield head.parent


def fixes(repository: Path, most: int) -> Iterator[Fix]:
    """Yield the newest fixes of a repository."""
    log = git(repository, "log", "--no-merges", "--name-only", "--format=%x00%H%x01%s%x01", "-n", "6000")
    found = 0
    for entry in log.decode("utf-8", "replace").split("\0")[1:]:
        commit, subject, names = entry.split("\x01", 2)
        sources = [name for name in names.split("\n") if name.strip() and is_source(name)]
        if FIX.search(subject) and len(sources) == 1 and language_of(sources[0]) in LANGUAGES:
            fix = read(repository, commit, sources[0])
            if fix is not None:
                yield fix
                found += 1
        if found >= most:
            return


def is_source(path: str) -> bool:
    name = PurePosixPath(path).name.lower()
    return not (is_test(path) or name.endswith(SKIPPED_SUFFIXES) or name.startswith("change"))


def read(repository: Path, commit: str, path: str) -> Fix | None:
    diff = git(repository, "diff", "-U0", f"{commit}^", commit, "--", path).decode("utf-8", "replace")
    hunks = HUNK.findall(diff)
    if len(hunks) != 1:
        return None
    _start, removed, _, added = (int(text) if text else 1 for text in hunks[0])
    if removed + added > MOST_LINES:
        return None
    old, new = (bare(path, git(repository, "show", f"{rev}:{path}")) for rev in (f"{commit}^", commit))
    if old.defects or new.defects or normalised(old) == normalised(new):
        return None
    lines = changed(old.lines, new.lines)
    if not lines or not all(old.function_at_line(line) or not old.line(line).strip() for line in lines):
        return None
    return Fix(f"{repository.parent.name} {commit[:10]}", path, old.data, new.data, lines)


def bare(path: str, data: bytes) -> Source:
    """Return a file without comments and documentation: no fix needs to give them."""
    source = Source.parse(path, data)
    if source.tree is None:
        return source
    nodes = [node for node in walk(source.tree.root_node) if node.type in COMMENTS or is_string(node)]
    for node in reversed(nodes):
        start, end = node.start_byte, node.end_byte
        alone = not data[data.rfind(b"\n", 0, start) + 1 : start].strip() and data[end : end + 1] in b"\n"
        if alone and not is_string(node):
            start, end = data.rfind(b"\n", 0, start) + 1, end + 1
        data = data[:start] + (b'""' if is_string(node) else b"") + data[end:]
    return Source.parse(path, data)


def changed(old: list[bytes], new: list[bytes]) -> range:
    """Return the old lines (1-based) that differ; of an insertion those around it."""
    blocks = [op for op in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if op[0] != "equal"]
    if not blocks:
        return range(0)
    first, last = blocks[0][1], blocks[-1][2]
    return range(first + 1, last + 1) if last > first else range(max(1, first), first + 2)


def masks_of(fix: Fix) -> list[Mask]:
    """Return the masks of the lines that a fix touches, best first."""
    source = Source.parse(fix.path, fix.before)
    return masks([Suspect(fix.path, line, 1.0) for line in fix.lines], {fix.path: source})


def reaches(mask: Mask, fix: Fix) -> bool:
    """Compare without the layout around the mask, which an infill does not decide."""
    before, after = fix.before[: mask.start_byte].rstrip(), fix.before[mask.end_byte :].lstrip()
    new = fix.after
    length = len(new) - len(before) - len(after)
    return 0 <= length <= MOST_INFILL and new.startswith(before) and new.endswith(after)


def size(mask: Mask) -> int:
    return mask.end_byte - mask.start_byte


def shown(fix: Fix) -> str:
    old, new = (text.decode("utf-8", "replace").splitlines() for text in (fix.before, fix.after))
    return "\n".join(list(unified_diff(old, new, lineterm="", n=2))[2:])


def git(repository: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=False)
    return done.stdout


if __name__ == "__main__":
    main()
