"""Real pytest in a real sandbox."""

import sys
from pathlib import Path

import pytest

from moot.agent.verify.status import BROKE_OFF
from tests.agent.verify.sandboxed import run

SUITE = """
import pytest

class TestGroup:
    def test_good(self):
        assert True

    @pytest.mark.parametrize("x", ["a-b", "c::d"])
    def test_many(self, x):
        assert True

def test_bad():
    left = 1
    assert left == 2, "the reason"

@pytest.mark.skip
def test_skipped(): ...

@pytest.fixture
def broken():
    yield
    raise RuntimeError("teardown")

def test_teardown(broken): ...
"""


def test_outcomes_with_pytests_ids(root, work):
    (work / "tests" / "test_s.py").write_text(SUITE)
    report = run(root, work)
    assert (report.status, report.exit_code) == ("failed", 1)
    assert report.failed == {"tests/test_s.py::test_bad", "tests/test_s.py::test_teardown"}
    assert report.passed == {
        "tests/test_s.py::TestGroup::test_good",
        "tests/test_s.py::TestGroup::test_many[a-b]",
        "tests/test_s.py::TestGroup::test_many[c::d]",
    }
    (bad,) = [case for case in report.cases if case.id.endswith("test_bad")]
    assert "the reason" in bad.message
    assert "1 failed" in report.output
    assert sorted(path.name for path in work.iterdir() if path.name.startswith(".moot")) == []


def test_ids_select(root, work):
    (work / "tests" / "test_s.py").write_text(SUITE)
    ids = ["tests/test_s.py::TestGroup::test_many[c::d]", "tests/test_s.py::TestGroup::test_good"]
    report = run(root, work, "python3 -m pytest -q tests", *ids)
    assert report.status == "passed"
    assert report.passed == set(ids)


def test_a_test_of_a_base_class_is_in_the_file_that_inherits_it(root, work):
    base = "class Common:\n    def test_one(self): assert self.number == 1\n"
    (work / "tests" / "test_x.py").write_text(base)
    more = "from test_x import Common\nclass Test2(Common): number = 2\nclass Test3(Common): number = 1\n"
    (work / "tests" / "test_x_more.py").write_text(more)
    report = run(root, work)
    assert report.failed == {"tests/test_x_more.py::Test2::test_one"}
    assert report.passed == {"tests/test_x_more.py::Test3::test_one"}
    assert {case.path for case in report.cases} == {"tests/test_x_more.py"}
    assert run(root, work, "python3 -m pytest", *report.failed).failed == report.failed


def test_ids_select_where_the_settings_lie_beside_the_tests(root, work):
    (work / "tests" / "pytest.ini").write_text("[pytest]\n")
    (work / "tests" / "test_s.py").write_text(SUITE)
    command = "python3 -m pytest -q tests/test_s.py"
    failed = run(root, work, command).failed
    assert failed == {"tests/test_s.py::test_bad", "tests/test_s.py::test_teardown"}
    assert run(root, work, command, "tests/test_s.py::test_bad").failed == {"tests/test_s.py::test_bad"}


def test_passing(root, work):
    (work / "tests" / "test_a.py").write_text("def test_a(): pass\n")
    assert run(root, work).status == "passed"
    assert run(root, work, "pytest -q | cat").status == "passed"


def test_a_hidden_exit_code_hides_no_failure(root, work):
    (work / "tests" / "test_a.py").write_text("def test_a(): assert 0\n")
    assert run(root, work, "pytest || true").status == "failed"


def test_collection_error(root, work):
    (work / "tests" / "test_a.py").write_text("import nonesuch_module\n")
    report = run(root, work)
    assert report.status == "failed"
    assert report.failed == {"tests/test_a.py"}


@pytest.mark.parametrize("command", ["python3 -m pytest", "pytest -q | cat"])
def test_a_module_that_cannot_be_imported_hides_no_other(root, work, command):
    (work / "tests" / "test_a.py").write_text("import nonesuch_module\n")
    (work / "tests" / "test_b.py").write_text("def test_good(): pass\ndef test_bad(): assert 0\n")
    report = run(root, work, command)
    assert report.failed == {"tests/test_a.py", "tests/test_b.py::test_bad"}
    assert report.passed == {"tests/test_b.py::test_good"}


def test_the_first_failure_hides_no_other(root, work):
    (work / "pytest.ini").write_text("[pytest]\naddopts = -x\n")
    (work / "tests" / "test_a.py").write_text("def test_a(): assert 0\ndef test_b(): assert 0\n")
    for command in ("python3 -m pytest", "python3 -m pytest --maxfail=1", "pytest -q | cat"):
        assert len(run(root, work, command).failed) == 2, command


@pytest.mark.parametrize("option", ["-f", "--failfast"])
def test_the_first_failure_hides_no_other_of_unittest(root, work, option):
    (work / "test_c.py").write_text(
        "import unittest\n\nclass T(unittest.TestCase):\n"
        "    def test_a(self): assert 0\n    def test_b(self): assert 0\n    def test_c(self): pass\n"
    )
    report = run(root, work, f"python3 -m unittest {option} test_c")
    assert (report.failed, report.passed) == ({"test_c.T.test_a", "test_c.T.test_b"}, {"test_c.T.test_c"})


def test_a_framework_that_fails_hides_no_other(root, work):
    (work / "tests" / "test_a.py").write_text("def test_bad(): assert 0\n")
    (work / "a.test.mjs").write_text(
        "import { test } from 'node:test';\n"
        "test('good', () => {});\ntest('bad', () => { throw new Error('x'); });\n"
    )
    report = run(root, work, "python3 -m pytest && node --test && touch done")
    assert report.failed == {"tests/test_a.py::test_bad", "a.test.mjs > bad"}
    assert report.passed == {"a.test.mjs > good"}
    assert BROKE_OFF not in report.note
    assert not (work / "done").exists()


@pytest.mark.parametrize("missing", ["nonesuch/bin/pytest", "/usr/bin/python3 -S -m pytest"])
def test_a_framework_that_is_missing_is_not_hidden_by_another(root, work, missing):
    (work / "a.test.mjs").write_text("import { test } from 'node:test';\ntest('good', () => {});\n")
    assert run(root, work, f"{missing} && node --test").status == "not-found"


def test_no_tests(root, work):
    assert run(root, work).status == "no-tests"


def test_program_not_found(root, work):
    report = run(root, work, "nonesuch-runner --all")
    assert report.status == "not-found"
    assert "nonesuch-runner" in report.output


def test_module_not_found(root, work):
    report = run(root, work, "/usr/bin/python3 -S -m pytest")
    assert report.status == "not-found"
    assert "pytest" in report.output


def test_timeout(root, work):
    (work / "tests" / "test_a.py").write_text("import time\ndef test_a(): time.sleep(60)\n")
    assert run(root, work, timeout=2).status == "timeout"


def test_unittest(root, work):
    (work / "tests" / "test_a.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n  def test_a(self): self.fail('x')\n"
    )
    assert run(root, work, "python3 -m unittest discover -s tests").status == "failed"
    (work / "tests" / "test_a.py").unlink()
    assert run(root, work, "python3 -m unittest discover -s tests").status == "no-tests"


def test_source_layout(root, work):
    (work / "src" / "thing").mkdir(parents=True)
    (work / "src" / "thing" / "__init__.py").write_text("A = 1\n")
    (work / "tests" / "test_a.py").write_text("import thing\ndef test_a(): assert thing.A == 1\n")
    assert run(root, work).status == "passed"


def test_an_editable_install_leads_to_the_workspace(root, work):
    """The environment's `.pth` names the user's tree, where the candidate is mounted."""
    import venv

    venv.create(root / ".venv", symlinks=True)
    (packages,) = (root / ".venv" / "lib").glob("python*/site-packages")
    (outer,) = Path(sys.prefix).glob("lib/python*/site-packages")
    (packages / "project.pth").write_text(f"{root / 'lib'}\n{outer}\n")
    for place, value in ((root, 1), (work, 2)):
        (place / "lib").mkdir()
        (place / "lib" / "installed.py").write_text(f"A = {value}\n")
    (work / "tests" / "test_a.py").write_text(
        "import installed, os\ndef test_a():\n  assert installed.A == 2\n"
        f"  assert os.getcwd() == {str(root)!r}\n"
    )
    report = run(root, work)
    assert report.status == "passed", report.output
    assert (root / "lib" / "installed.py").read_text() == "A = 1\n"


def test_a_swapped_report_is_not_followed(root, work, tmp_path):
    secret = tmp_path / "secret.xml"
    secret.write_text('<testsuite><testcase file="x.py" name="leak"/></testsuite>')
    (work / "tests" / "conftest.py").write_text(
        "import os, pathlib\n"
        "def pytest_unconfigure(config):\n"
        "  path = pathlib.Path(config.option.xmlpath)\n"
        "  path.unlink(missing_ok=True)\n"
        f"  path.symlink_to({str(secret)!r})\n"
    )
    (work / "tests" / "test_a.py").write_text("def test_a(): pass\n")
    assert "leak" not in str(run(root, work).cases)


def test_a_candidates_script_opens_no_folder_of_the_user(root, work, tmp_path):
    tool = tmp_path / "private" / "tool"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\ncat {tool.parent}/notes\n")
    tool.chmod(0o755)
    (tool.parent / "notes").write_text("what only its user may read")
    makefile = f"test:\n\t{tool}\n\tpython3 -m unittest\n"
    (work / "Makefile").write_text(makefile)
    (root / "Makefile").write_text("test:\n\tpython3 -m unittest\n")
    report = run(root, work, "make test")
    assert report.exit_code != 0
    assert "what only" not in report.output
    (root / "Makefile").write_text(makefile)
    assert "what only" in run(root, work, "make test").output
