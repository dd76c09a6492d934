"""What the benchmark of repair takes for a system's work, and what it grades by."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from tests.agent.projects import git, make_repository
from tests.bench.bench_repair import changed_sources, graded_by, prepare
from tests.bench.repair.bugs import Tree, load

BUG = replace(load()[0], path="a.py", tests=("test_a.py", "data/a.json"))
FILES = {"a.py": "x = 1\n", "test_a.py": "assert x == 2\n", "tests/test_b.py": "y = 1\n", "data/a.json": "{}"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo", FILES)


@pytest.mark.parametrize("commits", [False, True])
def test_sources_are_taken_and_tests_are_undone(root: Path, commits: bool):
    base = git(root, "rev-parse", "HEAD")
    (root / "a.py").write_text("x = 2\n")
    (root / "b [1] é.py").write_text("y = 1\n")
    (root / "test_a.py").write_text("pass\n")
    (root / "data" / "a.json").unlink()
    (root / "tests" / "test_b.py").rename(root / "tests" / "test_c.py")
    (root / "conftest.py").write_text("collect_ignore = ['test_a.py']\n")
    if commits:
        git(root, "checkout", "-q", "-b", "fix")
        git(root, "add", "--all")
        git(root, "commit", "-q", "-m", "Fix")
    assert changed_sources(root, BUG, base) == ("a.py", "b [1] é.py")
    left = {path.relative_to(root).as_posix(): path for path in root.rglob("*.*") if path.is_file()}
    texts = {path: file.read_text() for path, file in left.items() if not path.startswith(".git/")}
    assert texts == {**FILES, "a.py": "x = 2\n", "b [1] é.py": "y = 1\n"}
    assert git(root, "rev-parse", "HEAD") == base


def test_what_only_touches_tests_is_no_repair(root: Path):
    base = git(root, "rev-parse", "HEAD")
    (root / "test_a.py").write_text("pass\n")
    assert changed_sources(root, BUG, base) == ()
    assert git(root, "status", "--porcelain") == ""


def test_a_repair_is_graded_by_files_that_can_be_run():
    graded = {bug.id: graded_by(bug) for bug in load()}
    assert {PurePosixPath(path).suffix for files in graded.values() for path in files} == {
        ".py",
        ".go",
        ".js",
    }
    assert graded["pyjwt-599aba9d"] == ["tests/test_api_jwk.py"]
    assert graded["pycodestyle-7c0c6131"] == []


def test_packages_are_copied_with_their_programs(root: Path, tmp_path: Path):
    library = replace(BUG.library, language="python", files={})
    tree = Tree(library, root)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=root, check=True)
    program = root / ".venv" / "bin" / "pytest"
    program.write_text(f"#!{root}/.venv/bin/python\nimport sys\nprint(sys.prefix)\n")
    program.chmod(0o755)
    commit = git(root, "rev-parse", "HEAD")
    (root / ".git" / "info" / "exclude").write_text(".venv\n")
    copy = prepare(tree, replace(BUG, parent=commit, commit=commit), tmp_path / "run" / "repo")
    said = subprocess.run([copy / ".venv/bin/pytest"], capture_output=True, text=True, check=True).stdout
    assert said == f"{copy}/.venv\n"
    assert git(copy, "status", "--porcelain") == ""
