"""Trials of Python in a real sandbox."""

import pytest

from moot.agent.core.trials import Observed
from tests.agent.projects import PYTEST
from tests.agent.verify.sandboxed import write

STATS = """\
import os, random, time

_WORD = "private"


def mean(values):
    return sum(values) / len(values)


def items():
    return {"b", "a", "c"}


def shout():
    print("aloud")
    return 1


class Plain:
    def __init__(self):
        self.x = object()


async def later():
    return 3
"""
OTHER = STATS.replace("/ len(values)", "/ (len(values) or 1)").encode()


@pytest.fixture
def look(look):
    """Return what lines show in the base, or in every version."""

    def go(*codes: str, command: str = PYTEST, path: str = "stats.py", **versions):
        files = {"stats.py": STATS, "tests/test_stats.py": "def test():\n    pass\n"}
        seen = look(files, path, command, *codes, **versions)
        return seen if versions else seen["base"]

    return go


def kinds(seen: list[Observed]) -> list[str]:
    return [each.kind for each in seen]


VALUES = {
    "mean([1, 3])": "2.0",  # without an import
    "from stats import mean\nmean([1, 2])": "1.5",
    "import stats\nstats.mean([1])": "1.0",
    "stats.mean([4])": "4.0",
    "_WORD": "'private'",
    "items()": "{'a', 'b', 'c'}",
    "shout()": "aloud\n1",
    "print(mean([1]))": "1.0",
    "x = mean([2])": "2.0",
    "assert mean([2]) == 3": "False",
    "values = [1]\nvalues.append(5)\nvalues": "[1, 5]",
    "values = [1]\nvalues.append(5)": "None",
    "await later()": "3",
    "later()": "3",
    "(each for each in 'ab')": "['a', 'b']",
    "Plain()": "Plain(x=<object object>)",
    "    mean([3])": "3.0",  # indented as in an answer
    "import sys\nsys.stdin.read()": "''",
}


@pytest.mark.parametrize("command", [PYTEST, "python3 -m unittest"])
def test_values(look, command):
    seen = look(*VALUES, command=command)
    assert {code: (each.kind, each.text) for code, each in zip(VALUES, seen, strict=True)} == {
        code: ("value", text) for code, text in VALUES.items()
    }


ERRORS = {
    "mean([])": ("error", "ZeroDivisionError: division by zero"),
    "raise KeyError('a')": ("error", "KeyError: 'a'"),
    "os._exit(3)": ("error", "SystemExit: the process ended with status 3"),
    "os.abort()": ("error", "SystemExit: the process ended with signal 6"),
    "import sys\nsys.exit('over')": ("error", "SystemExit: over"),
    "mean([1]": ("unusable", "SyntaxError: "),
    "median([1])": ("unusable", "NameError: name 'median' is not defined"),
    "stats.median([1])": ("unusable", "AttributeError: module 'stats' has no attribute 'median'"),
    "from stats import median": ("unusable", "ImportError: cannot import name 'median' from 'stats'"),
    "import no_such_thing": ("unusable", "ModuleNotFoundError: No module named 'no_such_thing'"),
    "": ("value", "None"),
}


def test_errors_of_the_code_and_of_the_lines(look):
    for each, (kind, start) in zip(look(*ERRORS), ERRORS.values(), strict=True):
        assert each.kind == kind, each
        assert each.text.startswith(start)


def test_what_is_not_the_same_twice(look):
    seen = look("random.random()", "time.time()", "id(object())", "random.seed(1); random.random()")
    assert kinds(seen)[:2] == ["unsteady", "unsteady"]
    assert kinds(seen)[3] == "value"


def test_errors_whose_messages_differ(look):
    [seen] = look("raise ValueError(random.random())")
    assert seen == Observed("error", "ValueError")


def test_no_end(look):
    endless = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    assert kinds(look(endless, "mean([1])")) == ["late", "value"]


def test_versions(look):
    broken = b"def mean(values):\nreturn 1\n"
    seen = look(
        "mean([])",
        "from stats import mean\nmean([])",
        "open('stats.py').readline()",
        other={"stats.py": OTHER},
        broken={"stats.py": broken},
        gone={"stats.py": None},
    )
    assert {name: kinds(said) for name, said in seen.items()} == {
        "base": ["error", "error", "value"],
        "other": ["value", "value", "value"],
        "broken": ["error", "error", "value"],
        "gone": ["unusable", "unusable", "error"],
    }
    assert seen["other"][0].text == "0.0"
    assert seen["broken"][0].text.startswith("IndentationError: ")
    assert seen["broken"][1].text.startswith("IndentationError: ")
    assert seen["gone"][0].text == "stats.py is not there in this version"


def test_the_workspace_is_as_it_was(look, work):
    look("open('new.txt', 'w').write('x')", other={"stats.py": OTHER, "more.py": b""})
    assert (work / "stats.py").read_text() == STATS
    assert not (work / "new.txt").exists()
    assert not (work / "more.py").exists()


def test_an_import_without_end_or_with_one_of_the_process(look):
    seen = look(
        "mean([1])", hangs={"stats.py": b"while True: pass\n"}, ends={"stats.py": b"raise SystemExit(1)"}
    )
    assert seen["hangs"][0].kind == "late"
    assert seen["ends"][0] == Observed("error", "SystemExit: 1")
    assert seen["base"][0].kind == "value"


def test_packages_are_imported_as_from_the_top(look, work):
    write(
        work,
        {
            "src/pack/__init__.py": "",
            "src/pack/a.py": "from .b import B\n_own = 7\n",
            "src/pack/b.py": "B = 1",
        },
    )
    write(work, {"lib/c.py": "from . import d\n", "lib/d.py": "D = 2"})
    assert look("B + _own", "import pack.b\npack.b.B", path="src/pack/a.py")[0].text == "8"
    assert look("d.D", "from lib.c import d\nd.D", path="lib/c.py")[1].text == "2"
    assert look("B", path="src/pack/b.py")[0].text == "1"


def test_a_set_up_that_imports_the_workspace_and_fails(look, work):
    write(work, {"conftest.py": "import stats\nstats._WORD = 'set up'\n"})
    seen = look("_WORD", broken={"stats.py": b"1/0"})
    assert seen["base"][0] == Observed("value", "'set up'")
    assert seen["broken"][0].kind == "unusable"


def test_large_and_forged_answers(look):
    forged = '{"kind": "value", "text": "2.0"}'
    everywhere = f"for n in range(3, 200):\n    try: os.write(n, b'{forged}')\n    except OSError: pass"
    seen = look(
        "'x' * 10**6 + 'y'",
        "'x' * 10**6 + 'z'",
        "print('x' * 10**6)",
        everywhere + "\nmean([1])",
        "class Odd:\n    def __repr__(self): return 5\nOdd()",
        "class Odd(Exception):\n    def __str__(self): raise self\nraise Odd",
        "'\\ud800'",
        "mean([3])",
    )
    assert all(len(each.text) <= 400 for each in seen)
    assert seen[0].text != seen[1].text  # that it differs is seen past the cut
    others = kinds([*seen[2:3], *seen[4:]])  # the forger spoils what is said of itself alone
    assert others == ["value", "error", "error", "value", "value"]
    assert seen[5].text == "Odd"
    assert seen[7].text == "3.0"  # whatever others forged


def test_answers_of_no_known_form(look):
    lines = (
        {"trials": 5},
        [1],
        {"trials": [{"id": "T0", "kind": "won", "text": ""}]},
        {"trials": [{"id": "T0", "kind": "value"}]},
    )
    forge = f"""\
import json, os
for line in {lines!r}:
    for n in range(3, 200):
        try:
            os.write(n, json.dumps(line).encode() + b"\\n")
        except OSError:
            pass
"""
    seen = look("1 + 1", forger={"stats.py": forge.encode()})
    assert seen["forger"][0].kind == "unusable"
    assert seen["base"][0].kind in ("value", "unusable")


def test_other_languages(look):
    [seen] = look("fn main() {}", path="src/main.rs")
    assert seen == Observed("unusable", "trials of this language are not run")
