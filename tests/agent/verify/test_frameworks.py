"""Real test frameworks in a real sandbox, each with the same questions."""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from moot.agent.core.commands import CommandResult
from moot.agent.verify.compare import compare
from moot.agent.verify.frameworks.base import Evidence, Place
from moot.agent.verify.frameworks.cargo import CargoTest
from moot.agent.verify.tree import Tree
from tests.agent.verify.sandboxed import run, write


@dataclass(frozen=True)
class Project:
    """A project with a test that passes, one that fails for a reason and one that is skipped."""

    framework: str
    program: str
    command: str
    files: dict[str, str]
    good: str
    bad: str
    skipped: str
    path: str
    others: dict[str, str] = field(default_factory=dict)
    suites: frozenset[str] = frozenset()
    dies: dict[str, str] = field(default_factory=dict)
    nothing: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


UNITTEST = Project(
    framework="unittest",
    program="python3",
    command="python3 -m unittest discover -s tests",
    files={
        "tests/test_a.py": "import unittest\n\nclass T(unittest.TestCase):\n"
        "    def test_good(self): pass\n"
        "    def test_bad(self): self.fail('the reason')\n"
        "    @unittest.skip('later')\n    def test_later(self): pass\n"
        "    @unittest.expectedFailure\n    def test_known(self): self.fail()\n"
        "    @unittest.expectedFailure\n    def test_surprise(self): pass\n"
        "    def test_parts(self):\n"
        "        for i in range(3):\n            with self.subTest(i=i): self.assertNotEqual(i, 1)\n"
        "    def test_parts_left(self):\n"
        "        with self.subTest(i=0): self.fail()\n"
        "        with self.subTest(i=1): self.skipTest('it hides nothing')\n"
        "class Fixture(unittest.TestCase):\n"
        "    @classmethod\n    def setUpClass(cls): raise OSError('no database')\n"
        "    def test_never(self): pass\n"
    },
    good="test_a.T.test_good",
    bad="test_a.T.test_bad",
    skipped="test_a.T.test_later",
    path="tests/test_a.py",
    others={
        "test_a.T.test_known": "passed",
        "test_a.T.test_surprise": "failed",
        "test_a.T.test_parts": "failed",
        "test_a.T.test_parts_left": "failed",
        "setUpClass (test_a.Fixture)": "error",
    },
    dies={
        "tests/test_a.py": "import os, unittest\nclass T(unittest.TestCase):\n"
        "    def test_a(self): pass\n    def test_b(self): os._exit(0)\n"
    },
    nothing={"tests/test_a.py": ""},
    broken={"tests/test_a.py": "import nonesuch\n"},
)
NODE = Project(
    framework="node",
    program="node",
    command="node --test",
    files={
        "tests/a.test.mjs": "import { test, describe, it } from 'node:test';\n"
        "import assert from 'node:assert';\n"
        "test('good', () => {});\n"
        "describe('suite', () => {\n"
        "  it('bad > worse', () => { assert.equal(1, 2, 'the reason'); });\n"
        "  it.skip('later', () => {});\n  it.todo('some day');\n});\n"
        "test('parent', async (t) => { await t.test('child', () => { throw new Error('x'); }); });\n",
        "tests/b.test.mjs": "import { test } from 'node:test';\ntest('good', () => {});\n",
    },
    good="tests/a.test.mjs > good",
    bad="tests/a.test.mjs > suite > bad > worse",
    skipped="tests/a.test.mjs > suite > later",
    path="tests/a.test.mjs",
    others={"tests/a.test.mjs > parent > child": "failed", "tests/b.test.mjs > good": "passed"},
    suites=frozenset({"tests/a.test.mjs > suite"}),
    dies={
        "tests/a.test.mjs": "import { test } from 'node:test';\n"
        "test('a', () => {});\ntest('b', () => { process.kill(process.pid, 'SIGKILL'); });\n"
    },
    nothing={"README.md": ""},
    broken={"tests/a.test.mjs": "import nonesuch from 'nonesuch';\n"},
)
GO = Project(
    framework="go",
    program="go",
    command="go test ./...",
    files={
        "go.mod": "module example.org/m\n\ngo 1.18\n",
        "m.go": "package m\n",
        "m_test.go": 'package m\n\nimport "testing"\n\n'
        "func TestGood(t *testing.T) {}\n"
        'func TestBad(t *testing.T) { t.Run("in ner", func(t *testing.T) { t.Fatal("the reason") }) }\n'
        'func TestLater(t *testing.T) { t.Skip("later") }\n',
        "p/p_test.go": 'package p\n\nimport "testing"\n\nfunc TestGood(t *testing.T) {}\n',
    },
    good="example.org/m.TestGood",
    bad="example.org/m.TestBad/in_ner",
    skipped="example.org/m.TestLater",
    path="m_test.go",
    others={"example.org/m/p.TestGood": "passed", "example.org/m.TestBad": "failed"},
    dies={
        "m_test.go": 'package m\n\nimport ("os"; "testing")\n\n'
        "func TestA(t *testing.T) {}\nfunc TestB(t *testing.T) { os.Exit(0) }\n"
    },
    nothing={"m_test.go": "package m\n", "p/p_test.go": "package p\n"},
    broken={"m_test.go": "package m\n\nvar x int = nonesuch\n"},
)
CARGO = Project(
    framework="cargo",
    program="cargo",
    command="cargo test",
    files={
        "Cargo.toml": '[package]\nname = "some-demo"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/lib.rs": "/// Adds.\n/// ```\n/// assert_eq!(some_demo::add(1, 2), 3);\n/// ```\n"
        "pub fn add(a: i32, b: i32) -> i32 { a + b }\n"
        "#[cfg(test)]\nmod tests {\n    use super::*;\n"
        "    #[test] fn good() { assert_eq!(add(1, 2), 3); }\n"
        '    #[test] fn bad() { assert_eq!(add(1, 2), 4, "the reason"); }\n'
        "    #[test] #[ignore] fn later() {}\n}\n",
        "tests/outer.rs": "#[test] fn outside() { assert_eq!(some_demo::add(2, 2), 4); }\n",
    },
    good="some_demo::tests::good",
    bad="some_demo::tests::bad",
    skipped="some_demo::tests::later",
    path="src/lib.rs",
    others={"outer::outside": "passed", "doctest::src/lib.rs - add": "passed"},
    dies={"tests/outer.rs": "#[test] fn outside() { std::process::exit(0); }\n"},
    nothing={"src/lib.rs": "", "tests/outer.rs": ""},
    broken={"src/lib.rs": "pub fn add(a: i32, b: i32) -> i32 { a + nonesuch }\n"},
)
PROJECTS = [pytest.param(each, id=each.framework) for each in (UNITTEST, NODE, GO, CARGO)]


@pytest.fixture(params=PROJECTS)
def project(request, work: Path) -> Project:
    project: Project = request.param
    assert shutil.which(project.program), f"{project.program} is not installed"
    write(work, project.files)
    return project


def test_outcomes(project, root, work):
    report = run(root, work, project.command)
    assert (report.status, report.framework) == ("failed", project.framework), report.output
    assert not project.suites & {case.id for case in report.cases}
    assert report.exit_code != 0
    outcomes = {case.id: case.outcome for case in report.cases}
    expected = {project.good: "passed", project.bad: "failed", project.skipped: "skipped", **project.others}
    assert {name: outcomes.get(name) for name in expected} == expected
    (bad,) = [case for case in report.cases if case.id == project.bad]
    assert "the reason" in bad.message
    assert bad.path == project.path
    assert "the reason" in report.output
    assert [path.name for path in work.iterdir() if path.name.startswith(".moot")] in ([], [".moot-cache"])


def test_ids_and_files_select(project, root, work):
    report = run(root, work, project.command, project.good)
    assert project.good in report.passed
    if project.framework != "node":
        assert report.passed == {project.good}
        assert report.status == "passed", report.output
    report = run(root, work, project.command, project.path)
    assert {project.good, project.bad} <= {case.id for case in report.cases}


def test_a_test_that_ends_the_process_well_is_no_pass(project, root, work):
    """Whatever the exit code says: tests after it did not run."""
    write(work, project.dies)
    report = run(root, work, project.command)
    assert report.status == "failed", report


def test_no_tests(project, root, work):
    for name in project.files:
        if "test" in name:
            (work / name).unlink()
    write(work, project.nothing)
    report = run(root, work, project.command)
    assert (report.status, report.cases) == ("no-tests", ())


def test_code_that_does_not_compile_is_an_error(project, root, work):
    write(work, project.broken)
    report = run(root, work, project.command)
    assert report.status == "failed"
    assert "nonesuch" in report.output
    errors = [case for case in report.cases if case.outcome in ("error", "failed")]
    assert any("nonesuch" in case.message for case in errors), report


@pytest.mark.parametrize("noise", ["noise", "noise ok", "test a::b ... ", '{ "type": "'])
def test_what_a_cargo_test_prints_past_the_harness_hides_no_outcome(root, work, noise):
    prints = f'std::process::Command::new("printf").arg(r#"{noise}"#).status().unwrap();'
    outer = f"#[test] fn prints() {{ {prints} }}\n"
    outer += '#[test] fn told() { println!("a\\u{2028}b\\u{85}c"); panic!("the reason"); }\n'
    write(work, {**CARGO.files, "tests/outer.rs": outer})
    report = run(root, work, "cargo test --test outer -- --test-threads 1")
    assert {case.id: case.outcome for case in report.cases} == {
        "outer::prints": "passed",
        "outer::told": "failed",
    }


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("test src/lib.rs - add (line 2) ... ok", "passed"),
        ("noise test src/lib.rs - add (line 2) ... FAILED", "failed"),
        ("test src/lib.rs - add (line 2) ... some book FAILED", "failed"),
        ("test src/lib.rs - add (line 2) ... some output ok", "passed"),
        ("test src/lib.rs - add (line 2) ... ignored, not yet", "skipped"),
    ],
)
def test_a_doctest_may_print_on_its_line(work, line, outcome):
    (work / "cargo.jsonl").write_text(f'{line}\n{{"reason": "build-finished"}}\n')
    with ExitStack() as stack:
        tree = Tree.open(work, stack)
        place = Place(str(work), "", str(work), tree)
        reading = CargoTest().read(Evidence(place, tree, CommandResult(0, "", "", 0.0)))
    assert [(case.id, case.outcome) for case in reading.cases] == [("doctest::src/lib.rs - add", outcome)]


DOCUMENTED = """\
//! ```
//! assert!(true);
//! ```

/// ```
/// assert_eq!(some_demo::add(1, 2), 3);
/// ```
/// ```
/// assert_eq!(some_demo::add(1, 2), 4);
/// ```
/// ```no_run
/// some_demo::add(1, 2);
/// ```
pub fn add(a: i32, b: i32) -> i32 { a + b }
"""


def test_a_doctest_stays_the_same_where_its_line_moves(root, work):
    write(work, {"Cargo.toml": CARGO.files["Cargo.toml"], "src/lib.rs": DOCUMENTED})
    before = run(root, work, "cargo test --doc")
    assert {case.id: case.outcome for case in before.cases} == {
        "doctest::src/lib.rs": "passed",
        "doctest::src/lib.rs - add": "passed",
        "doctest::src/lib.rs - add #2": "failed",
        "doctest::src/lib.rs - add - compile": "passed",
    }, before.output
    write(work, {"src/lib.rs": "//! Moved.\n//!\n" + DOCUMENTED.replace("4", "3")})
    after = run(root, work, "cargo test --doc", *before.failed)
    assert {case.id for case in after.cases} == {case.id for case in before.cases}
    assert compare(before, after).fixed == before.failed


def test_a_fixture_that_failed_selects_the_tests_that_need_it(root, work):
    tests = (
        "import unittest\n\ndef setUpModule(): pass\n\nclass One(unittest.TestCase):\n    @classmethod\n"
        "    def setUpClass(cls): raise OSError\n    def test_a(self): pass\n"
        "class Two(unittest.TestCase):\n    def test_b(self): pass\n"
    )
    for now, failed, mended in (
        (tests, "setUpClass (test_a.One)", {"test_a.One.test_a"}),
        (
            tests.replace("Module(): pass", "Module(): raise OSError"),
            "setUpModule (test_a)",
            {"test_a.One.test_a", "test_a.Two.test_b"},
        ),
    ):
        write(work, {"tests/test_a.py": now})
        before = run(root, work, UNITTEST.command)
        assert before.failed == {failed}
        assert run(root, work, UNITTEST.command, failed).failed == {failed}
        write(work, {"tests/test_a.py": tests.replace("raise OSError", "pass")})
        after = run(root, work, UNITTEST.command, failed)
        assert after.passed == mended
        assert compare(before, after).fixed == {failed}
