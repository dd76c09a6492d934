"""Definitions of real repositories, ours beside those of universal-ctags.

    python tests/bench/languages/symbols.py REPOSITORY...

Each REPOSITORY is a clone, bare or not; its newest commit is read. For each language: files, the share of
them whose syntax tree has no error, definitions that ctags finds (types, functions and methods with a name),
the share of those that we find by name and line (with the decorators above it), and how many we find that it
does not. Some of what is missing is macros and templates that one of the two reads otherwise; `--show N`
prints N examples of each language.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from moot.agent.index.extract import MAX_BYTES, extract
from moot.agent.index.languages import QUERIES, language_of
from moot.agent.syntax import syntax_errors

KINDS = frozenset({"class", "struct", "interface", "enum", "trait", "function", "func", "method", "union"})
NAMELESS = re.compile(r"__anon|AnonymousFunction|<lambda>|.*=$")  # and assignments taken for functions
OURS = KINDS | {"protocol", "macro", "module", "type", "constant", "variable", "field"}


@dataclass
class Row:
    """What was counted of one language."""

    files: int = 0
    whole: int = 0
    theirs: int = 0
    both: int = 0
    only_ours: int = 0
    missing: list[str] = field(default_factory=list)


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("repositories", type=Path, nargs="+")
    arguments.add_argument("--show", type=int, default=0)
    given = arguments.parse_args()
    rows: defaultdict[str, Row] = defaultdict(Row)
    for repository in given.repositories:
        with tempfile.TemporaryDirectory() as folder:
            export(repository, Path(folder))
            compare(Path(folder), rows)
    print(f"{'language':12} {'files':>6} {'no error':>9} {'by ctags':>9} {'ours too':>9} {'only ours':>10}")
    for language, row in sorted(rows.items()):
        share = f"{100 * row.both / row.theirs:8.1f} %" if row.theirs else "        –"
        print(
            f"{language:12} {row.files:6} {100 * row.whole / row.files:7.1f} % {row.theirs:9} {share} "
            f"{row.only_ours:10}"
        )
        step = max(1, len(row.missing) // given.show) if given.show else 1
        for each in row.missing[::step][: given.show]:
            print(f"    {each}")


def export(repository: Path, folder: Path) -> None:
    """Write the files of the newest commit."""
    git_dir = repository / ".git" if (repository / ".git").exists() else repository
    with subprocess.Popen(
        ["git", f"--git-dir={git_dir}", "archive", "HEAD"], stdout=subprocess.PIPE
    ) as archive:
        subprocess.run(["tar", "-x", "-C", str(folder)], stdin=archive.stdout, check=True)


def compare(folder: Path, rows: defaultdict[str, Row]) -> None:
    """Count one tree."""
    tags = theirs(folder)
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        path = str(file.relative_to(folder))
        language, data = language_of(path), file.read_bytes()
        if language not in QUERIES or len(data) > MAX_BYTES:
            continue
        row = rows[language]
        row.files += 1
        row.whole += not syntax_errors(path, data)
        symbols = [symbol for symbol in extract(data, language).outline if symbol.kind in OURS]
        spans: defaultdict[str, list[range]] = defaultdict(list)
        for symbol in symbols:
            spans[symbol.name.replace(" ", "")].append(range(symbol.start_line, symbol.end_line + 1))
        row.theirs += len(tags[path])
        for name, line in tags[path]:
            if any(line in span for span in spans[name.replace(" ", "")]):
                row.both += 1
            else:
                row.missing.append(f"{path}:{line} {name}")
        named = {name for name, _ in tags[path]}
        row.only_ours += sum(symbol.kind in KINDS and symbol.name not in named for symbol in symbols)


def theirs(folder: Path) -> defaultdict[str, set[tuple[str, int]]]:
    """Return what ctags finds, by path."""
    command = ["ctags", "--output-format=json", "--fields=+nK", "-R", "-f", "-", "."]
    try:
        output = subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout
    except FileNotFoundError:
        sys.exit("universal-ctags is not installed: install it with your distribution's package manager")
    found: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
    for tag in parsed(output):
        if tag.get("kind") in KINDS and not NAMELESS.match(str(tag["name"])):
            name = str(tag["name"]).rpartition("::")[2].rpartition(".")[2]
            found[str(tag["path"]).removeprefix("./")].add((name, int(tag["line"])))
    return found


def parsed(output: bytes) -> Iterator[dict[str, object]]:
    """Yield tags."""
    for text in output.decode("utf-8", "replace").splitlines():
        try:
            tag = json.loads(text)
        except ValueError:
            continue
        if tag.get("_type") == "tag":
            yield tag


if __name__ == "__main__":
    main()
