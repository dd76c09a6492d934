"""The records of the set of bugs, and the trees and environments that they need."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter

from moot.agent.core.commands import TestReport
from moot.agent.repair.infill import normalised
from moot.agent.repair.source import Source
from tests.bench.repair.libraries import LIBRARIES, Library, Split

__all__ = ["BUGS", "Bug", "Tree", "freeze", "load", "runnable", "same", "solved"]

HERE = Path(__file__).parent
BUGS = HERE / "bugs.jsonl"
FROZEN = HERE / "environments.json"
_TEST_SUFFIXES = {"python": (".py",), "go": ("_test.go",), "javascript": (".js", ".mjs", ".cjs", ".ts")}
_GIT = ("git", "-c", "safe.directory=*")  # a sandbox that runs as nobody has to own what it writes to
_NPM = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps", "--no-save")
_HELPERS = ("conftest", "__init__", "common", "utils", "helpers")


@dataclass(frozen=True)
class Bug:
    """One bug: a commit and what was seen by running its tests.

    Attributes:
        lines: first and last line of the change before the fix; the last is one less for an insertion.
        tests: files that the fix changes beside the source, which are put over the parent.
        failing: tests that fail at the parent and pass at the fix.
        wider: files that grade a repair further; empty for the whole suite.
        wider_passed: how many tests of these pass at the fix.
        wider_failed: those that fail at the fix as well.
    """

    repository: str
    split: Split
    language: str
    parent: str
    commit: str
    path: str
    lines: tuple[int, int]
    changed_lines: int
    task: str
    command: str
    tests: tuple[str, ...]
    failing: tuple[str, ...]
    wider: tuple[str, ...]
    wider_passed: int
    wider_failed: tuple[str, ...]
    seconds: float

    @property
    def id(self) -> str:
        """A short name."""
        return f"{self.repository.rpartition('/')[2]}-{self.commit[:8]}"

    @property
    def library(self) -> Library:
        """Its library."""
        return next(each for each in LIBRARIES if each.name == self.repository)

    def dump(self) -> str:
        """Return a line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


def load(path: Path = BUGS) -> list[Bug]:
    """Read the set."""
    if not path.exists():
        return []
    read = TypeAdapter(Bug)
    return [read.validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]


def runnable(tests: Sequence[str], language: str) -> list[str]:
    """Return the files among tests that a runner takes."""
    names = [(path, PurePosixPath(path).name) for path in tests]
    return [
        path
        for path, name in names
        if name.endswith(_TEST_SUFFIXES[language])
        and not name.startswith(_HELPERS)
        and "/data/" not in path
        and (language != "python" or "test" in name)
    ]


def solved(bug: Bug, report: TestReport) -> bool:
    """Tell whether the bug's own tests pass."""
    return set(bug.failing) <= report.passed


def same(path: str, one: bytes, other: bytes) -> bool:
    """Tell whether two texts of a file are equal but for comments and layout."""
    return normalised(Source.parse(path, one)) == normalised(Source.parse(path, other))


@dataclass(frozen=True)
class Tree:
    """A library's working tree with what its tests need beside it: `.venv` or `node_modules`."""

    library: Library
    root: Path

    @classmethod
    def open(cls, library: Library, repositories: Path, work: Path) -> "Tree":
        """Clone a library unless that was done; `repositories` holds `owner/name` or `owner+name/repo`."""
        root = work / library.name
        places = (repositories / library.name, repositories / library.name.replace("/", "+") / "repo")
        origin = next((place for place in places if place.exists()), None)
        if origin is None:
            address = f"https://github.com/{library.name}"
            sys.exit(f"{places[0]} is not there: git clone --bare {address} {places[0]}")
        if not (root / ".git").exists():
            root.parent.mkdir(parents=True, exist_ok=True)
            _run(["git", "clone", "-q", "--shared", "--no-checkout", str(origin), str(root)], work)
            exclude = root / ".git" / "info" / "exclude"
            exclude.parent.mkdir(exist_ok=True)
            exclude.write_text(".venv\nnode_modules\n.moot-cache\n__pycache__\n")
        return cls(library, root)

    def checkout(self, commit: str) -> None:
        """Put a commit's files there, with those that are generated."""
        self.git("checkout", "-q", "-f", "--detach", commit)
        self.git("clean", "-qfd")
        for path, text in self.library.files.items():
            if (self.root / path).parent.is_dir():
                (self.root / path).write_text(text, encoding="utf-8")

    def take(self, commit: str, paths: Sequence[str]) -> None:
        """Put some files of another commit there."""
        self.git("checkout", "-q", commit, "--", *paths)

    def git(self, *words: str) -> str:
        """Run git in the tree."""
        return _run([*_GIT, *words], self.root)

    def show(self, commit: str, path: str) -> bytes:
        """Return a file of a commit."""
        command = [*_GIT, "show", f"{commit}:{path}"]
        return subprocess.run(command, cwd=self.root, capture_output=True, check=True).stdout

    def install(self, seconds: float = 400.0) -> None:
        """Make what the tests need, unless it is there; needs the network."""
        if self.library.language == "python" and not (self.root / ".venv" / "bin" / "pytest").exists():
            _run([sys.executable, "-m", "venv", ".venv"], self.root)
            pip = [".venv/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            _run(
                [*pip, *(_frozen(self.library) or ["pytest", *self.library.requirements])], self.root, seconds
            )
        elif self.library.language == "javascript" and not (self.root / "node_modules").exists():
            self._install_modules(seconds)
        elif self.library.language == "go" and (self.root / "go.mod").exists():
            _run(["go", "mod", "download"], self.root, seconds)

    def _install_modules(self, seconds: float) -> None:
        """Install what the newest manifest names: those of old commits lead nowhere."""
        wanted = _frozen(self.library) or [f"{name}@{range_}" for name, range_ in self.manifest().items()]
        with tempfile.TemporaryDirectory(dir=self.root.parent) as folder:
            Path(folder, "package.json").write_text('{"name": "bench", "private": true}')
            _run([*_NPM, *wanted], Path(folder), seconds)
            shutil.move(Path(folder, "node_modules"), self.root / "node_modules")

    def manifest(self) -> dict[str, str]:
        """Return the packages that the newest `package.json` needs, with ranges of versions."""
        read = json.loads(self.show("origin/HEAD", "package.json"))
        both = {**read.get("devDependencies", {}), **read.get("dependencies", {})}
        return {
            name: range_
            for name, range_ in both.items()
            if not re.search("[:/]|benchmark", range_ + name[1:])
        }


def _run(command: Sequence[str], folder: Path, seconds: float | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr[-500:])
    return done.stdout


def _frozen(library: Library) -> list[str]:
    return _environments().get(library.name, [])


def _environments() -> dict[str, list[str]]:
    read = TypeAdapter(dict[str, list[str]])
    return read.validate_json(FROZEN.read_bytes()) if FROZEN.exists() else {}


def freeze(*trees: Tree) -> None:
    """Write down the exact packages that the bugs were seen with."""
    known = _environments()
    for tree in trees:
        if (tree.root / ".venv" / "bin" / "python").exists():
            listed = _run([".venv/bin/python", "-m", "pip", "list", "--format=freeze"], tree.root)
            dropped = ("pip==", "setuptools==")
            known[tree.library.name] = [each for each in listed.split() if not each.startswith(dropped)]
        elif (tree.root / "node_modules").exists():
            known[tree.library.name] = list(_modules(tree))
    FROZEN.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _modules(tree: Tree) -> Iterator[str]:
    for name in tree.manifest():
        file = tree.root / "node_modules" / name / "package.json"
        if file.exists():
            yield f"{name}@{json.loads(file.read_text(encoding='utf-8'))['version']}"
