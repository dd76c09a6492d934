"""Learns how promising each kind of mask is, from small fixes in the histories of public libraries.

    PYTHONPATH=. python tests/bench/repair/learn_priors.py mine REPOSITORIES [--most N]
    PYTHONPATH=. python tests/bench/repair/learn_priors.py table

`mine` writes fixes.jsonl beside this file: for each fix the kinds whose masks on the changed lines reach it,
and how many bytes the right infill has. No repository of the report half is read. Comments are left out of
both texts, so that a fix counts as reached where only its comments are not. `table` learns: a mask on the
right line is worth the chance that it reaches the fix times the chance that a small model writes so long a
text, exp(-bytes / LENGTH).
"""

import argparse
import json
import math
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from moot.agent.repair.localise import Suspect
from moot.agent.repair.masks import PRIORS, Mask, masks
from moot.agent.repair.source import Source, walk
from tests.bench.repair.history import Fix, fixes
from tests.bench.repair.libraries import LIBRARIES

FIXES = Path(__file__).parent / "fixes.jsonl"
LENGTH = 40.0  # bytes of an infill that a small model gets right with chance 1/e: assumed, not fitted
LONGEST_OPERATOR = 6  # bytes: an operator is replaced by another, not filled in
WEIGHT = 50  # masks of the mean worth that every kind is given: rare kinds stay near it
OTHERS = {
    "pytest-dev/pytest": "python",
    "sphinx-doc/sphinx": "python",
    "psf/black": "python",
    "python-attrs/cattrs": "python",
    "nltk/nltk": "python",
    "gin-gonic/gin": "go",
    "prometheus/prometheus": "go",
    "cli/cli": "go",
    "go-playground/validator": "go",
    "spf13/cast": "go",
    "stretchr/testify": "go",
    "pelletier/go-toml": "go",
    "tidwall/gjson": "go",
    "goccy/go-yaml": "go",
    "fastify/fastify": "javascript",
    "vitejs/vite": "typescript",
    "vuejs/core": "typescript",
    "markedjs/marked": "typescript",
    "tokio-rs/tokio": "rust",
    "clap-rs/clap": "rust",
    "BurntSushi/ripgrep": "rust",
    "sharkdp/bat": "rust",
}
_UNLIKELY = 100_000  # bytes of a file whose tree takes too long


@dataclass(frozen=True)
class Reached:
    """A fix, and which masks reach it.

    Attributes:
        lines: changed before the fix; an insertion has its line before as the last.
        offered: kind -> masks of it on the changed lines.
        reaching: kind -> bytes that the smallest mask of it which reaches the fix has to be filled with.
        smallest: the kind of the smallest span of all that reach it; empty when none does.
    """

    repository: str
    commit: str
    path: str
    language: str
    lines: tuple[int, int]
    offered: Mapping[str, int]
    reaching: Mapping[str, int]
    smallest: str


def main() -> int:
    """Mine or print."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("what", choices=("mine", "table"))
    arguments.add_argument("repositories", type=Path, nargs="?")
    arguments.add_argument("--most", type=int, default=40)
    arguments.add_argument(
        "--length", type=float, default=LENGTH, help="bytes that a model gets right by 1/e"
    )
    given = arguments.parse_args()
    if given.what == "mine":
        with FIXES.open("w", encoding="utf-8") as file:
            for each in _mined(given.repositories, given.most):
                file.write(json.dumps(asdict(each)) + "\n")
    read = TypeAdapter(Reached)
    lines = FIXES.read_text(encoding="utf-8").splitlines()
    return _print([read.validate_json(line) for line in lines], given.length)


def _mined(repositories: Path, most: int) -> Iterator[Reached]:
    tune = {library.name: library.language for library in LIBRARIES if library.split == "tune"}
    for name, language in (tune | OTHERS).items():
        repository = repository_of(name, repositories)
        if repository is None:
            continue
        found = 0
        for fix in fixes(repository, language, newest=4000):
            reached = _reached(name, repository, fix) if found < most else None
            if found >= most:
                break
            if reached is not None:
                found += 1
                yield reached
        print(f"{name}: {found}", file=sys.stderr, flush=True)


def _reached(name: str, repository: Path, fix: Fix) -> Reached | None:
    """Return which kinds of masks reach a fix; None where only comments change, or too much."""
    try:
        old, new = (blob(repository, commit, fix.path) for commit in (fix.parent, fix.commit))
    except subprocess.CalledProcessError:  # a snapshot can lack files
        return None
    before, after = (plain(Source.parse(fix.path, data)) for data in (old, new))
    if before == after or len(before) > _UNLIKELY:
        return None
    source, (start, end) = Source.parse(fix.path, before), difference(before, after)
    lines = range(before.count(b"\n", 0, start) + 1, before.count(b"\n", 0, max(start, end - 1)) + 2)
    if len(lines) > 12:
        return None
    around = range(lines[0] - 1, lines[-1] + 1) if start >= end else lines
    found = masks([Suspect(fix.path, line, 1.0) for line in around], {fix.path: source})
    fills = [(mask, fill(mask, before, after)) for mask in found]
    reaching = sorted(
        ((mask.end_byte - mask.start_byte, size, mask.kind.value) for mask, size in fills if size is not None)
    )
    sizes: dict[str, int] = {}
    for _, size, kind in reaching:
        sizes.setdefault(kind, size)
    offered = Counter(mask.kind.value for mask in found)
    smallest = reaching[0][2] if reaching else ""
    return Reached(name, fix.commit, fix.path, fix.language, fix.hunk.span, dict(offered), sizes, smallest)


def repository_of(name: str, repositories: Path) -> Path | None:
    """Return where a library's git directory lies; None where it is not there."""
    places = (repositories / name, repositories / name.replace("/", "+") / "repo")
    return next((place for place in places if place.exists()), None)


def blob(repository: Path, commit: str, path: str) -> bytes:
    command = ["git", f"--git-dir={repository}", "cat-file", "blob", f"{commit}:{path}"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def plain(source: Source) -> bytes:
    """Return a file without comments, blanks at the ends of lines, and lines without text."""
    spans = [
        (node.start_byte, node.end_byte)
        for node in (walk(source.tree.root_node) if source.tree else ())
        if "comment" in node.type and node.is_named
    ]
    kept, at = bytearray(), 0
    for start, end in spans:
        kept += source.data[at:start]
        at = max(at, end)
    kept += source.data[at:]
    return b"\n".join(line.rstrip() for line in bytes(kept).split(b"\n") if line.strip()) + b"\n"


def difference(before: bytes, after: bytes) -> tuple[int, int]:
    """Return the span of `before` without the beginning and the end that both have."""
    most = min(len(before), len(after))
    start = next((at for at in range(most) if before[at] != after[at]), most)
    rest = most - start
    same = next((at for at in range(rest) if before[-1 - at] != after[-1 - at]), rest)
    return start, len(before) - same


def fill(mask: Mask, before: bytes, after: bytes) -> int | None:
    """Return how many bytes a mask has to be filled with to give the fix; None where it cannot."""
    head, tail = before[: mask.start_byte], before[mask.end_byte :]
    if not (after.startswith(head) and after.endswith(tail)) or len(head) + len(tail) > len(after):
        return None
    text = after[len(head) : len(after) - len(tail)].decode("utf-8", "replace")
    lead, end = getattr(mask, "lead", ""), getattr(mask, "tail", "")
    if not (text.startswith(lead) and text.endswith(end)):
        return None
    size = max(0, len(text.strip()) - len(lead.strip()))
    return None if str(mask.kind) == "operator" and size > LONGEST_OPERATOR else size


def _print(found: Sequence[Reached], length: float) -> int:
    """Print what each kind reaches, and the prior that follows."""
    offered, smallest, alone = Counter[str](), Counter[str](), Counter[str]()
    hits, chance = Counter[str](), defaultdict[str, float](float)
    for fix in found:
        offered.update(fix.offered)
        smallest[fix.smallest] += 1
        if len(fix.reaching) == 1:
            alone.update(fix.reaching.keys())
        for kind, size in fix.reaching.items():
            hits[kind] += 1
            chance[kind] += math.exp(-size / length)
    mean = sum(chance.values()) / offered.total()
    worth = {kind: (chance[kind] + WEIGHT * mean) / (count + WEIGHT) for kind, count in offered.items()}
    best = max(worth.values())
    reached = sum(bool(fix.smallest) for fix in found)
    repositories = len({fix.repository for fix in found})
    print(
        f"{len(found)} fixes of {repositories} repositories; {reached} ({reached / len(found):.0%}) reached\n"
    )
    print("| kind | offered a fix | reaches | smallest | no other | P(reaches given offered) | prior | now |")
    print("|---|---|---|---|---|---|---|---|")
    known = {kind.value: prior for kind, prior in PRIORS.items()}
    for kind in sorted(worth, key=lambda kind: -worth[kind]):
        shares = (hits[kind] / len(found), smallest[kind] / len(found), alone[kind] / len(found))
        print(
            f"| {kind} | {offered[kind] / len(found):.1f} | "
            + " | ".join(f"{share:.1%}" for share in shares)
            + f" | {hits[kind] / offered[kind]:.3f} | {worth[kind] / best:.2f} | {known.get(kind, 0.0):.2f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
