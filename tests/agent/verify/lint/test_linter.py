"""Real checkers in a real sandbox: what is new in an edit is found, and nothing else is."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filelock import FileLock

from moot.agent.core.commands import CommandResult
from moot.agent.core.verification import Finding
from moot.agent.verify.ecosystems.found import Files
from moot.agent.verify.lint.delta import appeared
from moot.agent.verify.lint.linter import Linter, Report
from moot.agent.verify.lint.plan import Job, plan
from moot.agent.verify.lint.readers import ruff
from moot.sandbox.choose import choose
from tests.agent.verify.sandboxed import write

NODE = ("typescript@5.9", "eslint@9", "pyright@1.1.400")


@dataclass(frozen=True)
class Case:
    """A repository with an old fault, an edit that moves it and adds another one."""

    checker: str
    settings: dict[str, str]
    path: str
    base: str
    edit: str
    new: tuple[str, int]
    """Rule and line of the new one."""
    dependents: tuple[str, ...] = field(default=())


PYTHON_CASES = [
    Case(
        "ruff",
        {"pyproject.toml": '[project]\nname = "x"\n\n[tool.ruff.lint]\nselect = ["F"]\n'},
        "pkg/a.py",
        "import os\n",
        "# moved\nimport os\n\n\ndef f():\n    unused = 1\n",
        ("F841", 6),
    ),
    Case(
        "mypy",
        {"mypy.ini": "[mypy]\n"},
        "pkg/a.py",
        'x: int = ""\n',
        'y: str = ""\nx: int = ""\nz: list[int] = 3\n',
        ("assignment", 3),
    ),
    Case(  # the fault is in a file that the edit leaves alone
        "mypy",
        {"setup.cfg": "[mypy]\n", "b.py": "import a\n\na.f(1)\n"},
        "a.py",
        "def f(x: int) -> None: ...\n",
        "def f(x: str) -> None: ...\n",
        ("arg-type", 3),
        ("b.py",),
    ),
]
NODE_CASES = [
    Case(
        "pyright",
        {"pyrightconfig.json": '{"pythonVersion": "3.11"}'},
        "a.py",
        'x: int = ""\n',
        '\nx: int = ""\nx.nothing()\n',
        ("reportAttributeAccessIssue", 3),
    ),
    Case(
        "tsc",
        {"web/tsconfig.json": '{"compilerOptions": {"strict": true, "types": []}, "include": ["src"]}'},
        "web/src/a.ts",
        'const x: number = "";\n',
        '\nconst x: number = "";\nexport const y: string = 1;\n',
        ("TS2322", 3),
    ),
    Case(
        "eslint",
        {"eslint.config.mjs": 'export default [{rules: {"no-undef": 2, "no-unused-vars": 2}}];\n'},
        "src/a.js",
        "missing();\n",
        "\nmissing();\nvar unused = 1;\n",
        ("no-unused-vars", 3),
    ),
]
GO = Case(
    "go vet",
    {"srv/go.mod": "module example.org/x\n\ngo 1.19\n"},
    "srv/a/a.go",
    'package a\n\nimport "fmt"\n\nfunc F() { fmt.Printf("%d", "old") }\n',
    'package a\n\nimport "fmt"\n\n// F.\nfunc F() { fmt.Printf("%d", "old"); fmt.Println("x %s") }\n',
    ("printf", 6),
)
MANIFEST = '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n'
RUST = Case(
    "clippy",
    {"Cargo.toml": MANIFEST, ".github/workflows/ci.yml": "run: cargo clippy -- -D warnings\n"},
    "src/lib.rs",
    "pub fn f(x: bool) -> bool { x == true }\n",
    "\npub fn f(x: bool) -> bool { x == true }\npub fn g(v: &[u8]) -> bool { v.len() == 0 }\n",
    ("clippy::len_zero", 3),
)


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the checkers that npm packages, once for all workers."""
    folder = tmp_path_factory.getbasetemp().parent / "checkers"
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *NODE]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode and not os.environ.get("CI"):
                pytest.skip(f"npm cannot install them: {done.stderr[-300:]}")
            assert done.returncode == 0, done.stderr
            (folder / "done").touch()
    return folder / "node_modules"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's tree."""
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    root = tmp_path / "a user's" / "$project"
    root.mkdir(parents=True)
    return root


def delta(case: Case, root: Path) -> list[Finding]:
    """Check the base and the edit as a run does."""
    states: list[Report] = []
    for name, text in (("base", case.base), ("edit", case.edit)):
        work = root.parent.parent / name
        write(work, {**case.settings, case.path: text})
        states.append(check(job_of(case, work), root, work))
    return appeared(states[0].findings, states[1].findings)


def job_of(case: Case, work: Path) -> Job:
    files = {str(path.relative_to(work)): path.read_bytes() for path in work.rglob("*") if path.is_file()}
    (job,) = plan(Files(files, files.__getitem__), [case.path], case.dependents)
    assert job.checker.name == case.checker
    return job


def check(job: Job, root: Path, work: Path) -> Report:
    report = asyncio.run(Linter(choose("auto"), root).run(job, work, 120))
    assert not report.failure
    return report


def kinds(findings: Sequence[Finding]) -> list[tuple[str, int]]:
    return [(finding.rule, finding.line) for finding in findings]


@pytest.mark.parametrize("case", PYTHON_CASES, ids=lambda case: case.checker)
def test_what_is_new_in_python(root: Path, case: Case) -> None:
    found = delta(case, root)
    assert kinds(found) == [case.new]
    assert found[0].path == (case.dependents or (case.path,))[0]


@pytest.mark.parametrize("case", NODE_CASES, ids=lambda case: case.checker)
def test_what_is_new_by_checkers_from_npm(root: Path, node_modules: Path, case: Case) -> None:
    shutil.copytree(node_modules, root / "node_modules", symlinks=True, copy_function=os.link)
    found = delta(case, root)
    assert kinds(found) == [case.new]
    assert found[0].path == case.path


@pytest.mark.parametrize("case", [GO, RUST], ids=lambda case: case.checker)
def test_what_is_new_in_compiled_languages(root: Path, case: Case) -> None:
    found = delta(case, root)
    assert kinds(found) == [case.new]
    assert found[0].path == case.path
    assert found[0].text in case.edit


def test_a_checker_that_is_not_installed_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    case = PYTHON_CASES[0]
    work = root.parent / "work"
    write(work, {**case.settings, case.path: case.base})
    report = asyncio.run(Linter(choose("auto"), root).run(job_of(case, work), work, 60))
    assert report == Report(failure="is not installed")


def test_settings_that_a_checker_cannot_read_are_said(root: Path) -> None:
    case = PYTHON_CASES[0]
    work = root.parent / "work"
    write(work, {"ruff.toml": "select = 3\n", case.path: case.base})
    report = asyncio.run(Linter(choose("auto"), root).run(job_of(case, work), work, 60))
    assert report.findings == ()
    assert report.failure.startswith("failed: ")


def test_a_checker_that_hangs_is_ended(root: Path) -> None:
    work = root.parent / "work"
    write(
        work,
        {"mypy.ini": "[mypy]\nplugins = slow.py\n", "slow.py": "import time\ntime.sleep(60)\n", "a.py": ""},
    )
    job = job_of(Case("mypy", {}, "a.py", "", "", ("", 0)), work)
    report = asyncio.run(Linter(choose("auto"), root).run(job, work, 3))
    assert report.failure == "did not end within 3 s"


@pytest.mark.parametrize("planted", [True, False], ids=["of-the-repository", "of-the-user"])
def test_a_link_of_the_repository_opens_no_folder_to_a_checker(root: Path, planted: bool) -> None:
    other, case = root.parent.parent / "other", PYTHON_CASES[0]
    looks = f"#!/bin/sh\ntest -r {other}/file && echo seen >&2 && exit 3\necho '[]'\n"
    write(root, {".venv/bin/python": "", ".venv/bin/ruff": looks, "node_modules/a/index.js": ""})
    (root / ".venv" / "bin" / "ruff").chmod(0o755)
    write(other, {"file": ""})
    (root / "node_modules" / "link").symlink_to(other)
    work = root.parent / "work"
    write(work, {**case.settings, case.path: case.base})
    linter = Linter(choose("auto"), root, frozenset({"node_modules/link"} if planted else ()))
    report = asyncio.run(linter.run(job_of(case, work), work, 60))
    assert report == (Report() if planted else Report(failure="failed: seen"))


def test_nesting_deeper_than_python_reads_is_no_report() -> None:
    assert ruff(CommandResult(1, "[" * 100_000, "", 0.0)) is None
