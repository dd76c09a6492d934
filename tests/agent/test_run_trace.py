"""A stack trace in the task, from end to end: a test is written that shows it, and it is mended."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import jsonschema
import pytest

from tests.agent.projects import PYTEST, TEST, Agent, git, make_repository, snapshot
from tests.scripted import Reply, Request

SMALL_MODEL = ("--profile", "qwen2.5-coder-1.5b-cpu")
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "result.schema.json").read_text())


@dataclass(frozen=True)
class Reported:
    """A project whose tests pass, the trace of an error, and tests that a model might write of it.

    Attributes:
        wrong: bodies that do not show it.
        body: one that does, with a guess at the end.
        kept: what is to be left of it.
        line: the one at fault; `mended`: as it should be.
    """

    name: str
    command: str
    files: dict[str, str]
    trace: str
    wrong: tuple[str, ...]
    body: str
    kept: str
    line: str
    mended: str


MEAN = "def mean(values):\n    return sum(values) / len(values)\n"
PYTHON = Reported(
    "pytest",
    PYTEST,
    {
        "shop/stats.py": MEAN,
        "shop/__init__.py": "",
        "tests/test_stats.py": TEST.replace("from stats", "from shop.stats"),
    },
    """\
Traceback (most recent call last):
  File "/srv/report.py", line 12, in <module>
    print(mean(rows))
  File "/srv/lib/shop/stats.py", line 2, in mean
    return sum(values) / len(values)
ZeroDivisionError: division by zero
""",
    (
        "assert mean([1]) == 1",
        "assert mean([4]) == 5",
        "mean(None)",
        "raise ZeroDivisionError('division by zero')",
    ),
    "rows = []\n    assert mean(rows) == 7\n    print(rows)",
    "    rows = []\n    mean(rows)\n",
    "return sum(values) / len(values)",
    "return sum(values) / len(values) if values else 0",
)
UNITTEST = Reported(
    "unittest",
    "python3 -m unittest -q",
    {
        "stats.py": MEAN,
        "test_stats.py": "import unittest\n\nfrom stats import mean\n\n\nclass TestMean(unittest.TestCase):\n"
        "    def test_mean(self):\n        self.assertEqual(mean([1, 3]), 2)\n",
    },
    PYTHON.trace.replace("shop/", ""),
    ("self.assertEqual(mean([1]), 1)",),
    "self.assertEqual(mean([]), 0)",
    "        mean([])\n",
    PYTHON.line,
    PYTHON.mended,
)
NODE = Reported(
    "node",
    "node --test",
    {
        "package.json": '{"type": "module"}',
        "stats.js": "export function first(values) {\n  return values[0].name;\n}\n",
        "stats.test.js": 'import assert from "node:assert";\nimport { test } from "node:test";\n'
        'import { first } from "./stats.js";\n\ntest("the first", () => {\n'
        '  assert.strictEqual(first([{ name: "a" }]), "a");\n});\n',
    },
    """\
/srv/shop/stats.js:2
TypeError: Cannot read properties of undefined (reading 'name')
    at first (file:///srv/shop/stats.js:2:20)
    at report (file:///srv/report.js:7:3)
""",
    ("assert.ok(first([{ name: 1 }]));", "first(null);\n  first(null).x;"),
    "assert.strictEqual(first([]), undefined);",
    "  first([]);\n",
    "return values[0].name;",
    "return values[0]?.name;",
)
GO = Reported(
    "go",
    "go test ./...",
    {
        "go.mod": "module shop\n\ngo 1.19\n",
        "stats.go": "package shop\n\n// Last returns the last value.\nfunc Last(values []int) int {\n"
        "\treturn values[len(values)-1]\n}\n",
        "stats_test.go": 'package shop\n\nimport "testing"\n\nfunc TestLast(t *testing.T) {\n'
        '\tif got := Last([]int{1, 2}); got != 2 {\n\t\tt.Errorf("got %d", got)\n\t}\n}\n',
    },
    """\
panic: runtime error: index out of range [-1]

goroutine 1 [running]:
shop.Last(...)
\t/srv/shop/stats.go:5
main.main()
\t/srv/main.go:9 +0x1d
""",
    ("Last(missing)", 'panic("runtime error: index out of range [-1]")'),
    "got := Last(nil)\n\tif got != 0 {\n\t\tt.Error(got)\n\t}",
    "\tLast(nil)\n",
    "return values[len(values)-1]",
    "return append([]int{0}, values...)[len(values)]",
)
REPORTED = pytest.mark.parametrize(
    "reported", [pytest.param(each, id=each.name) for each in (PYTHON, UNITTEST, NODE, GO)]
)


@pytest.fixture
def agent(tmp_path, serve):
    """Return the command, and its server, that answers by this script."""

    def make(script, **options):
        server = serve(script, tools=False, **options)
        (tmp_path / "home").mkdir(exist_ok=True)
        return Agent(tmp_path / "home", server.base_url), server

    return make


def writes_tests(request: Request) -> bool:
    return request.path.endswith("/completions") and "REPORT.md" in request.prompt


def script_of(reported: Reported, *bodies: str):
    def script(request: Request) -> Reply:
        if writes_tests(request):
            first, *others = bodies
            return Reply(texts=[first] if request.body.get("n", 1) == 1 else others)
        if "chat" in request.path and reported.line in request.prompt:
            return Reply(f"```\n{reported.mended}\n```")
        return Reply("???")

    return script


@REPORTED
def test_what_a_trace_reports_is_shown_by_a_test_and_mended(tmp_path: Path, agent, reported: Reported):
    repo = make_repository(tmp_path / "repo", reported.files)
    command, server = agent(script_of(reported, *reported.wrong, reported.body))
    task = f"An empty list is an error.\n\n{reported.trace}"
    arguments = ("--repo", str(repo), "--test", reported.command, *SMALL_MODEL)
    outcome = command("run", task, *arguments, "--output", "json")
    assert outcome.exit_code == 0, outcome.stderr
    result = outcome.result
    jsonschema.validate(result, SCHEMA)
    [test] = result["tests"]["reproduction"]["tests"]
    path = result["tests"]["reproduction"]["written_to"]
    assert result["tests"]["before"]["failed"] == [test] == result["tests"]["fixed"]
    assert result["base"] == git(repo, "rev-parse", "HEAD~1")
    assert (
        set(result["files"])
        == set(git(repo, "diff", "--name-only", "HEAD~1").split())
        == {path, *_changed(reported)}
    )
    written = (repo / path).read_text().removeprefix(reported.files[path])
    assert reported.kept in written
    assert "as reported" in written
    assert reported.mended in "".join((repo / each).read_text() for each in _changed(reported))
    asked = [request for request in server.calls if writes_tests(request)]
    assert [request.body.get("n", 1) for request in asked] == [1, 15]
    assert all(reported.line in request.prompt and "as reported" in request.prompt for request in asked)


def _changed(reported: Reported) -> set[str]:
    return {path for path, text in reported.files.items() if reported.line in text}


def test_the_patch_and_the_question_to_a_person_hold_the_test(tmp_path: Path, agent):
    repo = make_repository(tmp_path / "repo", PYTHON.files)
    before = snapshot(repo)
    command, _ = agent(script_of(PYTHON, PYTHON.body))
    arguments = ("--repo", str(repo), "--test", PYTHON.command, *SMALL_MODEL, "--output", "json")
    outcome = command("run", PYTHON.trace, *arguments, "--apply", "patch")
    assert outcome.exit_code == 0, outcome.stderr
    assert snapshot(repo) == before
    for text in (Path(outcome.result["patch_file"]).read_text(), outcome.result["diff"]):
        assert "+    mean(rows)" in text
        assert f"+    {PYTHON.mended}" in text
        assert "7" not in "".join(line for line in text.splitlines() if line.startswith("+ "))


def test_a_test_that_fails_as_reported_is_what_has_to_pass(tmp_path: Path, agent):
    """Another test fails, too, and the model is asked for no test."""
    tests = "from shop.stats import mean\n\n\ndef test_empty():\n    mean([])\n"
    other = "def test_other():\n    assert 1 == 2\n"
    files = {**PYTHON.files, "tests/test_stats.py": tests, "tests/test_other.py": other}
    repo = make_repository(tmp_path / "repo", files)
    command, server = agent(script_of(PYTHON))
    arguments = ("--repo", str(repo), "--test", PYTHON.command, *SMALL_MODEL)
    outcome = command("run", PYTHON.trace, *arguments, "--output", "json")
    assert outcome.exit_code == 0, outcome.stderr
    shown = outcome.result["tests"]["reproduction"]
    assert shown == {"tests": ["tests/test_stats.py::test_empty"], "written_to": None}
    assert outcome.result["files"] == ["shop/stats.py"]
    assert outcome.result["tests"]["still_failing"] == ["tests/test_other.py::test_other"]
    assert not any(writes_tests(request) for request in server.calls)


@pytest.mark.parametrize(
    ("reported", "bodies", "why"),
    [
        pytest.param(PYTHON, PYTHON.wrong, "4 that the model wrote do not fail like it", id="none"),
        pytest.param(PYTHON, ("", "???("), "0 that the model wrote do not fail like it", id="nothing"),
        pytest.param(
            replace(
                PYTHON, files={"shop/stats.py": MEAN, "tests/test_other.py": "def test_it():\n    pass\n"}
            ),
            (PYTHON.body,),
            "there is no file of tests in which one could stand",
            id="no file of tests",
        ),
    ],
)
def test_what_no_test_shows_is_asked_for_in_chat(
    tmp_path: Path, agent, reported: Reported, bodies: tuple[str, ...], why: str
):
    repo = make_repository(tmp_path / "repo", reported.files)
    fix = f"<<<<<<< SEARCH shop/stats.py\n    {PYTHON.line}\n=======\n    {PYTHON.mended}\n>>>>>>> REPLACE\n"

    def script(request: Request) -> Reply:
        return Reply(fix) if "chat" in request.path else script_of(reported, *bodies)(request)

    command, _ = agent(script)
    outcome = command("run", PYTHON.trace, "--repo", str(repo), "--test", PYTHON.command, *SMALL_MODEL)
    assert outcome.exit_code == 0, outcome.stderr
    assert f"no test shows the error of the stack trace: {why}" in outcome.stderr
    assert git(repo, "diff", "--name-only", "HEAD~1") == "shop/stats.py"


@pytest.mark.parametrize(("path", "asked"), [("shop/stats.py", True), ("tests/test_stats.py", False)])
def test_a_file_with_a_key_is_not_shown(tmp_path: Path, agent, path: str, asked: bool):
    key = "AKIA" + "Q7" * 8
    files = {**PYTHON.files, path: PYTHON.files[path] + f'    return "{key}"\n'}
    repo = make_repository(tmp_path / "repo", files)
    command, server = agent(script_of(PYTHON, PYTHON.body))
    command("run", PYTHON.trace, "--repo", str(repo), "--test", PYTHON.command, *SMALL_MODEL)
    assert any(writes_tests(request) for request in server.calls) == asked
    assert server.calls
    assert not any(key in request.prompt for request in server.calls)


def test_a_run_with_few_tokens_asks_for_no_test(tmp_path: Path, agent):
    repo = make_repository(tmp_path / "repo", PYTHON.files)
    command, server = agent(script_of(PYTHON, PYTHON.body))
    arguments = ("--repo", str(repo), "--test", PYTHON.command, *SMALL_MODEL, "--max-tokens", "3000")
    command("run", PYTHON.trace, *arguments)
    assert not any(writes_tests(request) for request in server.calls)
