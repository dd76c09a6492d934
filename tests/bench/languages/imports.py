"""Imports of real repositories, and how many of them lead to files.

    python tests/bench/languages/imports.py REPOSITORY...

Each REPOSITORY is a clone, bare or not; its newest commit is read. For each language: files, the imports
that they write, those that look as if they meant something of the repository (by how they start), the share
of those that lead to files, the other imports that do, and the seconds that resolving all of them takes,
files of configuration included. `--show N` prints N examples of each language, drawn at random: of what was
resolved, and of what was not although it looks internal.
"""

import argparse
import random
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from moot.agent.index.extract import MAX_BYTES, extract
from moot.agent.index.facts import Facts
from moot.agent.index.imports.resolve import RULES, Resolver
from moot.agent.index.imports.tree import Tree
from moot.agent.index.languages import language_of
from moot.agent.index.paths import Paths

DOTTED = ("java", "kotlin", "scala", "c_sharp", "php")  # whose packages say what is internal
RELATIVE = re.compile(r"[./#]|(?:crate|super)(?:::|$)")
PLATFORM = re.compile(r"(?:System|Microsoft)\b|$")
PART = re.compile(r"::|[./\\]")


@dataclass
class Row:
    """What was counted of one language."""

    files: int = 0
    written: int = 0
    internal: int = 0
    resolved: int = 0
    others: int = 0
    seconds: float = 0.0
    led: list[str] = field(default_factory=list[str])
    missing: list[str] = field(default_factory=list[str])


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description="Count the imports that lead to files.")
    arguments.add_argument("repositories", type=Path, nargs="+")
    arguments.add_argument("--show", type=int, default=0)
    given = arguments.parse_args()
    rows: defaultdict[str, Row] = defaultdict(Row)
    for repository in given.repositories:
        count(dict(contents(repository)), rows)
    print(
        f"{'language':12} {'files':>6} {'written':>8} {'internal':>9} {'resolved':>9} {'others':>7} {'s':>6}"
    )
    for language, row in sorted(rows.items()):
        share = f"{100 * row.resolved / row.internal:7.1f} %" if row.internal else "        –"
        print(f"{language:12} {row.files:6} {row.written:8} {row.internal:9} {share}", end="")
        print(f" {row.others:7} {row.seconds:6.2f}")
    for language, row in sorted(rows.items()):
        for title, lines in (("resolved", row.led), ("not resolved", row.missing)):
            for line in random.Random(0).sample(lines, min(given.show, len(lines))):
                print(f"{language} {title}: {line}")


def count(files: dict[str, bytes], rows: defaultdict[str, Row]) -> None:
    """Resolve all imports of a tree and add them up."""
    paths = Paths(sorted(files))
    facts = {
        p: extract(files[p], language_of(p), references=False) for p in paths.all if language_of(p) in RULES
    }
    resolver = Resolver(tree(paths, files, facts))
    own = own_starts(files, facts)
    for path, said in facts.items():
        row = rows[language_of(path)]
        began = time.perf_counter()
        found = {module: resolver.files(module, path) for module in said.links.imports}
        row.seconds += time.perf_counter() - began
        row.files += 1
        row.written += len(found)
        for module, numbers in found.items():
            inside = is_internal(module, path, own)
            row.internal += inside
            row.resolved += inside and bool(numbers)
            row.others += not inside and bool(numbers)
            if numbers:
                targets = [paths.all[number] for number in numbers]
                row.led.append(f"{module} in {path} -> {', '.join(targets[:3])}{' …' * (len(targets) > 3)}")
            elif inside:
                row.missing.append(f"{module} in {path}")


def tree(paths: Paths, files: dict[str, bytes], facts: dict[str, Facts]) -> Tree:
    """Return a tree that reads and declares what the index would."""
    defined: defaultdict[str, list[int]] = defaultdict(list)
    for path, said in facts.items():
        for name in {each.name for each in said.outline}:
            defined[name].append(paths.numbers[path])

    def read(numbers: Collection[int]) -> Iterator[tuple[int, bytes]]:
        yield from ((number, files[paths.all[number]]) for number in numbers)

    def packages(numbers: Sequence[int]) -> Sequence[str]:
        return [facts[paths.all[number]].links.package for number in numbers]

    return Tree(paths, read, lambda name: defined.get(name, ()), packages)


def own_starts(files: dict[str, bytes], facts: dict[str, Facts]) -> dict[str, set[str]]:
    """Return by language how imports of what is in the tree start: packages, top modules, module paths."""
    own: defaultdict[str, set[str]] = defaultdict(set)
    for path, said in facts.items():
        language = language_of(path)
        if language in DOTTED and not PLATFORM.match(said.links.package):
            own[language].add(start(said.links.package, language))
        elif language == "python" and path.endswith("/__init__.py"):
            folder = path.rpartition("/")[0]
            if f"{folder.rpartition('/')[0]}/__init__.py" not in files:
                own[language].add(folder.rpartition("/")[2])
        elif language == "ruby" and (match := re.search(r"(?:^|/)lib/([^/]+?)(?:\.rb|/)", path)):
            own[language].add(match[1])
    for path, data in files.items():
        if path.endswith("go.mod") and (match := re.search(rb"^module (\S+)", data, re.MULTILINE)):
            own["go"].add(match[1].decode())
    return own


def start(module: str, language: str) -> str:
    """Return the parts of a package that say whose it is."""
    return ".".join(PART.split(module)[: 3 if language in ("java", "scala") else 1])


def is_internal(module: str, path: str, own: dict[str, set[str]]) -> bool:
    """Tell whether an import looks as if it meant a file of the tree."""
    language = language_of(path)
    if language in ("c", "cpp"):
        return not module.startswith("<")
    if RELATIVE.match(module):
        return True
    starts = own.get(language, set())
    if language == "go":
        return any(module == each or module.startswith(f"{each}/") for each in starts)
    return start(module, language) in starts


def contents(repository: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the bytes of each regular file of the newest commit, up to the index's limit."""
    git_dir = repository / ".git" if (repository / ".git").exists() else repository
    listed = subprocess.check_output(["git", "--git-dir", git_dir, "ls-tree", "-r", "-l", "-z", "HEAD"])
    found: list[tuple[str, str]] = []
    for item in listed.split(b"\0")[:-1]:
        head, _, path = item.partition(b"\t")
        mode, _, blob, size = head.decode().split()
        if mode.startswith("100") and size.isdigit() and int(size) <= MAX_BYTES:
            found.append((blob, path.decode("utf-8", "surrogateescape")))
    asked = "".join(f"{blob}\n" for blob, _ in found).encode()
    command = ["git", "--git-dir", git_dir, "cat-file", "--batch"]
    read = subprocess.run(command, input=asked, stdout=subprocess.PIPE, check=True).stdout
    place = 0
    for _, path in found:
        head = read.index(b"\n", place)
        size = int(read[place:head].split()[2])
        yield path, read[head + 1 : head + 1 + size]
        place = head + 2 + size


if __name__ == "__main__":
    main()
