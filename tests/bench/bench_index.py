"""The index on CPython's standard library: cold, warm, after an edit; its size; 50,000 files.

    python tests/bench/bench_index.py [--rounds N] [--large] [--aider PYTHON]

Every figure stands beside its reference of the same run: for cold indexing a parse of the same files by two
processes that do nothing else. Ratios are of medians; the interval is of the rounds' own ratios. PYTHON is
one that aider-chat is installed for: then its repository map of the same files is timed, too.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from moot.agent.core.config import Settings
from moot.agent.working_index import WorkingIndex

QUERY = "header of an email message is folded wrongly when it is parsed"
RAW = """
import sys
import tree_sitter_python
from tree_sitter import Language, Parser
parser = Parser(Language(tree_sitter_python.language()))
for path in sys.stdin.read().split("\\n"):
    with open(path, "rb") as file:
        parser.parse(file.read())
"""
NAME = re.compile(rb"(?m)^(\s*(?:def|class)\s+)(\w+)")


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--large", action="store_true", help="also 12,500, 25,000 and 50,000 files")
    arguments.add_argument("--aider", default="", metavar="PYTHON")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "stdlib"
        library(root)
        print(f"{count(root)} files, {size(root) / 1e6:.1f} MB; median of {given.rounds} rounds (least-most)")
        cold(root, Path(folder), given.rounds)
        started(root, Path(folder) / "data", 3 * given.rounds)
        edited(root, Path(folder) / "data", 5 * given.rounds)
        if given.aider:
            aider(root, given.aider)
        if given.large:
            large(root, Path(folder))


def cold(root: Path, folder: Path, rounds: int) -> None:
    """Index from nothing, beside a bare parse."""
    raw: list[float] = []
    ours: list[float] = []
    peaks: list[float] = []
    for _ in range(rounds):
        raw.append(seconds(lambda: parse_only(root)))
        shutil.rmtree(folder / "data", ignore_errors=True)
        with peak_memory() as peak:
            ours.append(seconds(lambda: index(root, folder / "data")))
        peaks.append(peak[0])
    ratios = [mine / reference for mine, reference in zip(ours, raw, strict=True)]
    row("raw parse, 2 processes", raw, "s")
    row("cold index", ours, "s")
    row("  over raw parse", ratios, "x", "goal 1.6")
    row("  peak memory, all processes", [value / 2**20 for value in peaks], "MiB", "goal 400")
    row("  size of the index", [100 * size(folder / "data") / size(root)], "% of the source", "goal 30")


def started(root: Path, data: Path, rounds: int) -> None:
    """Search in a new process; the index is warm."""
    command = [str(Path(sys.executable).parent / "agent"), "search", QUERY, "--repo", str(root)]
    environment = os.environ | {"MOOT_DATA_DIR": str(data)}
    run: Callable[[], object] = lambda: subprocess.run(  # noqa: E731
        command, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    bare: Callable[[], object] = lambda: subprocess.run([sys.executable, "-c", ""], check=True)  # noqa: E731
    row("bare Python process", [seconds(bare) for _ in range(rounds)], "s")
    row("process to first answer", [seconds(run) for _ in range(rounds)], "s", "goal 0.4")


def edited(root: Path, data: Path, rounds: int) -> None:
    """Edit a file, bring the index up to date, ask for what is new in it."""
    file = root / "argparse.py"
    text = file.read_text()
    with WorkingIndex(Settings(data_dir=data), root, lambda done, total: None, warm=True) as working:
        working.update()
        working.index.search(QUERY)

        def edit(number: int) -> None:
            file.write_text(f"{text}\ndef marker_{number}_of_edit(): pass\n")
            working.update([file.name])
            assert working.index.search(f"`marker_{number}_of_edit`")[0].path == file.name

        edit(rounds)  # starts the parser
        row("edit to answer", [1000 * seconds(lambda n=n: edit(n)) for n in range(rounds)], "ms", "goal 60")
        asked = [1000 * seconds(lambda: working.index.search(QUERY)) for _ in range(rounds)]
    row("  the query alone", asked, "ms")
    file.write_text(text)


def aider(root: Path, python: str) -> None:
    """Let aider make its map of the same files in a new process, first without its cache."""
    command = [python, str(Path(__file__).with_name("aider_map.py")), str(root), QUERY]
    run: Callable[[], object] = lambda: subprocess.run(command, check=True, capture_output=True)  # noqa: E731
    row("aider: process to map, cold", [seconds(run)], "s")
    row("aider: process to map, warm", [seconds(run) for _ in range(3)], "s")
    for cache in root.glob(".aider*"):
        shutil.rmtree(cache)


def large(root: Path, folder: Path) -> None:
    """Index trees made of the library's files with every definition renamed: time and memory by size."""
    for files in (12_500, 25_000, 50_000):
        multiply(root, folder / "large", files)
        one_large(folder / "large", folder / "large-data", files)
        shutil.rmtree(folder / "large")
        shutil.rmtree(folder / "large-data")


def one_large(tree: Path, data: Path, files: int) -> None:
    """Print a line on one tree."""
    with peak_memory() as peak:
        cold = seconds(lambda: index(tree, data))
    warm = seconds(lambda: index(tree, data, QUERY))
    share = 100 * size(data) / size(tree)
    print(
        f"{files:,} files, {size(tree) / 1e6:.0f} MB: cold {cold:.1f} s ({1000 * cold / files:.2f} ms each), "
        f"{peak[0] / 2**20:.0f} MiB; warm, to the first answer, {warm:.2f} s (goal 2); index {share:.0f} %",
        flush=True,
    )


def library(root: Path) -> None:
    """Copy the standard library's sources into a repository of its own."""
    source = Path(sysconfig.get_path("stdlib"))
    skip = shutil.ignore_patterns("site-packages", "__pycache__")
    shutil.copytree(source, root, ignore=skip, symlinks=True)
    for file in root.rglob("*"):
        if file.is_file() and file.suffix != ".py":
            file.unlink()
    commit(root)


def multiply(root: Path, tree: Path, files: int) -> None:
    """Make a tree of so many files."""
    sources = sorted(root.rglob("*.py"))
    for number in range(files):
        round_, place = divmod(number, len(sources))
        file = tree / f"part{round_}" / sources[place].relative_to(root)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(NAME.sub(rb"\g<1>\g<2>_%d" % round_, sources[place].read_bytes()))
    commit(tree)


def commit(root: Path) -> None:
    """Make a repository of a folder."""
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0")
        subprocess.run(["git", *identity, *words], cwd=root, check=True)


def parse_only(root: Path) -> None:
    """Parse every file in two processes."""
    paths = [str(path) for path in sorted(root.rglob("*.py"))]
    processes = [
        subprocess.Popen([sys.executable, "-P", "-c", RAW], stdin=subprocess.PIPE, text=True) for _ in "12"
    ]
    for place, process in enumerate(processes):
        assert process.stdin is not None
        process.stdin.write("\n".join(paths[place::2]))
        process.stdin.close()
    for process in processes:
        assert process.wait() == 0


def index(root: Path, data: Path, query: str = "") -> None:
    """Index a tree in a process of its own, and search it."""
    command = [str(Path(sys.executable).parent / "agent"), *(["search", query] if query else ["index"])]
    environment = os.environ | {"MOOT_DATA_DIR": str(data)}
    subprocess.run([*command, "--repo", str(root)], env=environment, check=True, stdout=subprocess.DEVNULL)


class peak_memory:  # noqa: N801 - used as a statement
    """Watches the memory of the processes below this one; the list's only item is the most, in bytes."""

    def __enter__(self) -> list[float]:
        """Start watching."""
        self._peak, self._done = [0.0], threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self._peak

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            total = 0.0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self._peak[0] = max(self._peak[0], total)


def count(root: Path) -> int:
    """Return the number of files that git tracks."""
    return len(list(files_of(root)))


def size(root: Path) -> int:
    """Return the bytes of a folder's files, git's own left out."""
    return sum(file.stat().st_size for file in files_of(root))


def files_of(root: Path) -> Iterator[Path]:
    """Yield a folder's files, git's own left out."""
    return (f for f in root.rglob("*") if f.is_file() and ".git" not in f.relative_to(root).parts)


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def row(what: str, values: list[float], unit: str, goal: str = "") -> None:
    """Print one line of the table."""
    least, middle, most = min(values), statistics.median(values), max(values)
    print(f"{what:32} {middle:9.2f} ({least:.2f}-{most:.2f}) {unit}  {goal}", flush=True)


if __name__ == "__main__":
    main()
