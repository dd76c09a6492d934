import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from moot.agent.core.commands import TestCase
from moot.agent.core.ports import Tracer
from moot.agent.core.spectrum import Spectrum, TraceRequest
from moot.agent.repair.frames import own_name, places, shared_words, words
from moot.agent.repair.localise import Failure, Localisation, localise
from moot.agent.repair.spectrum import ochiai
from moot.agent.verify.coverage.measure import CoverageTracer
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.agent.projects import PYTEST
from tests.agent.repair.seeded import PYTHON

PRICES = f"""\
{PYTHON}

def unrelated():
    return 1
"""
TESTS = """\
import pytest
from shop import prices


def test_sum():
    assert prices.total([1, 2], 0) == 3


@pytest.mark.parametrize("discount", [1, 2])
def test_lower(discount):
    assert prices.total([5], discount) == 5 - discount


def test_unrelated():
    assert prices.unrelated() == 1
"""
COMMAND = PYTEST
FILES = ("shop/__init__.py", "shop/prices.py", "test_prices.py", "conftest.py")


class Silent:
    """Measures nothing."""

    async def trace(self, request: TraceRequest) -> Spectrum:
        return Spectrum(reason="nothing was asked")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "shop").mkdir(parents=True)
    (root / "shop/__init__.py").touch()
    (root / "shop/prices.py").write_text(PRICES)
    (root / "test_prices.py").write_text(TESTS)
    (root / "conftest.py").touch()
    return root


def failing(message: str = "E   assert 6 == 4") -> list[TestCase]:
    return [TestCase(f"test_prices.py::test_lower[{number}]", "failed", message) for number in (1, 2)]


def run(project: Path, command: str, cases: Sequence[TestCase], task: str = "") -> Localisation:
    runner = TestRunner(choose("auto"), project, 60.0)
    return explain(CoverageTracer(runner), TraceRequest(command, project, tuple(cases)), FILES, task)


def explain(
    tracer: Tracer, request: TraceRequest, files: Sequence[str], task: str = "", **known: Any
) -> Localisation:
    return asyncio.run(localise(tracer, Failure(request, files, task, **known)))


@pytest.mark.parametrize("command", [COMMAND, f"true && {COMMAND}"])
def test_the_line_that_only_failing_tests_execute_comes_first(project: Path, command: str):
    before = sorted(project.rglob("*.py"))
    found = run(project, command, failing())
    assert (found.suspects[0].path, found.suspects[0].line) == ("shop/prices.py", 6)
    assert found.measured
    assert "coverage.py" in found.note
    assert {suspect.path for suspect in found.suspects} == {"shop/prices.py"}
    assert not {10, 11} & {suspect.line for suspect in found.suspects}
    assert sorted(project.rglob("*.py")) == before
    assert not list(project.glob(".moot-*"))


def test_which_tests_execute_which_file_is_known(project: Path):
    executed = dict(run(project, COMMAND, failing()).executed)
    lower = {f"test_prices.py::test_lower[{number}]" for number in (1, 2)}
    assert set(executed["shop/prices.py"]) >= {"test_prices.py::test_sum", *lower}


def test_a_related_file_that_cannot_be_imported_hides_no_lines(project: Path):
    (project / "test_broken.py").write_text("import nothing_of_this_name\n")
    tracer = CoverageTracer(TestRunner(choose("auto"), project, 60.0))
    asked = TraceRequest(COMMAND, project, tuple(failing()), related=("test_broken.py",))
    assert explain(tracer, asked, FILES).measured


def test_words_of_the_task_break_ties(project: Path):
    (project / "test_prices.py").write_text(TESTS.replace("5 - discount", "4"))
    plain = run(project, COMMAND, failing())
    told = run(project, COMMAND, failing(), "the loop over prices is wrong, it must skip the first price")
    score = {suspect.line: suspect.score for suspect in told.suspects}
    before = {suspect.line: suspect.score for suspect in plain.suspects}
    assert score[3] > before[3]


def test_without_pytest_stack_frames_are_used_and_said(project: Path):
    message = 'Traceback:\n  File "/app/shop/prices.py", line 4, in total\nTypeError: int and str'
    found = run(project, "true", failing(message))
    assert (found.suspects[0].path, found.suspects[0].line) == ("shop/prices.py", 4)
    assert {suspect.line for suspect in found.suspects} == {2, 3, 4, 5, 6, 7}
    assert not found.measured
    assert "no line coverage" in found.note


def test_other_languages_use_stack_frames(tmp_path: Path):
    (tmp_path / "sum.js").write_text("function sum(a) {\n  let n = 0;\n  return a.b + n;\n}\n")
    message = "TypeError: a is undefined\n    at sum (/w/sum.js:3:12)\n    at sum.test.js:9:3"
    case = TestCase("sum.test.js::adds", "failed", message)
    tracer = CoverageTracer(TestRunner(choose("auto"), tmp_path, 60.0))
    found = explain(tracer, TraceRequest("true", tmp_path, (case,)), ["sum.js", "sum.test.js"])
    assert [(suspect.path, suspect.line) for suspect in found.suspects] == [("sum.js", 3), ("sum.js", 2)]


def test_nothing_known_says_so(project: Path):
    found = run(project, "true", failing())
    assert found.suspects == ()
    assert "no stack trace" in found.note


def test_a_link_out_of_the_workspace_is_not_read(tmp_path: Path):
    outside = tmp_path / "secret.py"
    outside.write_text("def password():\n    x = 'hunter2'\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "link.py").symlink_to(outside)
    case = TestCase("test_a.py::test_a", "failed", "link.py:2: Error")

    found = explain(Silent(), TraceRequest("pytest", project, (case,)), ["link.py"], "password")
    assert [(suspect.line, suspect.named) for suspect in found.suspects] == [(2, ())]


def test_a_forged_record_is_ignored(project: Path):
    """The tests replace what was measured by what is no record, and by a link out of the workspace."""
    forge = (
        "import os, pathlib, atexit\n"
        "out = pathlib.Path(os.environ['MOOT_SPECTRUM'])\n"
        "def forge():\n"
        "    for path in out.iterdir(): path.unlink()\n"
        "    (out / '1.json').write_text('{\"tool\": 1, \"lines\": []}')\n"
        "    (out / '2.json').symlink_to('/etc/passwd')\n"
        "    (out / '3.json').write_bytes(b'\\xff\\xfe')\n"
        "atexit.register(forge)\n"
    )
    (project / "conftest.py").write_text(f"import os\nif 'MOOT_SPECTRUM' in os.environ: exec({forge!r})\n")
    found = run(project, COMMAND, failing())
    assert not found.measured
    assert "wrote no lines" in found.note


def test_ochiai():
    lines = {("a.py", 1): frozenset("xyz"), ("a.py", 2): frozenset("x"), ("a.py", 3): frozenset("z")}
    scores = ochiai(Spectrum("t", frozenset("xy"), frozenset("z"), lines), ["x", "y"])
    assert scores == pytest.approx({("a.py", 1): 2 / 6**0.5, ("a.py", 2): 1 / 2**0.5})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('File "/x/src/a.py", line 3, in f\nFile "/x/src/b.py", line 4', [("src/b.py", 4), ("src/a.py", 3)]),
        ("src/a.py:7: in f\nb.py:9: ValueError", [("src/b.py", 9), ("src/a.py", 7)]),
        ("thread 'main' panicked at src/lib.rs:10:5", [("src/lib.rs", 10)]),
        ("    at f (/w/lib/x.ts:5:9)\n    at g (/w/lib/x.ts:8:1)", [("lib/x.ts", 5), ("lib/x.ts", 8)]),
        ("\tmean_test.go:12: got 3", []),
        ("see notes.py: 4 things", []),
        pytest.param("src/a.py:" + "1" * 5_000, [], id="a long number"),
        pytest.param("a" * 1_000_000, [], id="a long word"),
    ],
)
def test_places(text: str, expected: list[tuple[str, int]]):
    assert places(text, ["src/a.py", "src/b.py", "src/lib.rs", "lib/x.ts"]) == expected


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("tests/test_a.py::TestA::test_natural_size[a1-1.0 MB]", "test_natural_size"),
        ("app/[id]/page.test.ts > shows [x] > the 1.5 case", "the 1.5 case"),
        ("pkg.TestSum/one", "TestSum/one"),
        ("prices::tests::adds", "adds"),
    ],
)
def test_a_test_is_named_without_its_parameters(test: str, name: str):
    """They hold what they will, such as dots; the name of the test is a clue."""
    assert own_name(test) == name


def test_shared_words_prefer_rare_ones():
    texts = {
        ("a", 1): ("none_format = value", "row"),
        ("a", 2): ("x = value", "row"),
        ("a", 3): ("y = 1", ""),
    }
    scores = shared_words(words("KeyError in none_format of a value"), texts)
    assert scores["a", 1] == 1.0
    assert 0 < scores["a", 2] < 1
    assert scores["a", 3] == 0
