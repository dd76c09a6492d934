"""Reports that code under test forged, or that are merely odd: none crashes or occupies the reader."""

import json
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from moot.agent.core.commands import CommandResult
from moot.agent.verify.frameworks.base import Evidence, Place, Reading
from moot.agent.verify.frameworks.cargo import CargoTest
from moot.agent.verify.frameworks.go import GoTest
from moot.agent.verify.frameworks.tap import parse_tap
from moot.agent.verify.junit import parse
from moot.agent.verify.tree import Tree

MANY = 200_000
CASE = '<testsuite><testcase classname="c" name="n"/></testsuite>'
BOMB = '<!DOCTYPE t [<!ENTITY e "eee">]><testsuite><testcase classname="c" name="&e;"/></testsuite>'


def place(work: Path, stack: ExitStack) -> Place:
    return Place(str(work), "", str(work), Tree.open(work, stack))


def read(framework: CargoTest | GoTest, work: Path) -> Reading:
    with ExitStack() as stack:
        at = place(work, stack)
        return framework.read(Evidence(at, at.tree, CommandResult(0, "", "", 0.0)))


def outcomes(reading: Reading) -> dict[str, str]:
    return {case.id: case.outcome for case in reading.cases}


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        (f'<?xml version="1.0" encoding="foobar"?>{CASE}'.encode(), ["c::n"]),
        (f'<?xml version="1.0" encoding="utf-8"?>{CASE}'.encode("utf-8-sig"), ["c::n"]),
        (BOMB.encode(), None),
        (f'<?xml version="1.0" encoding="utf-16"?>{BOMB}'.encode("utf-16"), None),
        (b"", None),
    ],
)
def test_junit(work, data, ids):
    with ExitStack() as stack:
        cases = parse(data, place(work, stack))
    assert (None if cases is None else [case.id for case in cases]) == ids


def tap(text: str, work: Path) -> Reading:
    with ExitStack() as stack:
        return parse_tap(text, place(work, stack))


@pytest.mark.parametrize(
    "line",
    [
        "ok 1 " + " " * MANY + "x",
        "ok 2" + " " * 7_000 + "x",
        "ok 2 " + "#" * 7_000,
        "ok 2 - " + " #" * 3_000,
        "ok 2 - " + " # time=1" * 800 + " " * 1_000 + "x",
        "1.." + "9" * 5_000,
        " " * 4 * MANY + "ok 2 - deep",
        " " * 4 * 1_000 + "ok 2 - deep",
    ],
)
def test_tap_takes_odd_lines_in_no_time(work, line):
    began = time.perf_counter()
    reading = tap("\n".join(["ok 1 - a", *[line] * 20, "1..1"]), work)
    assert time.perf_counter() - began < 2
    assert outcomes(reading)["a"] == "passed"


@pytest.mark.parametrize(
    ("line", "name", "outcome"),
    [
        ("ok 1 - a b", "a b", "passed"),
        ("not ok 1 a", "a", "failed"),
        ("ok 1 - a # SKIP no net", "a", "skipped"),
        ("not ok 1 - a # TODO later", "a", "skipped"),
        ("ok 1 # skip", "test 1", "skipped"),
        ("ok 1\t# skip", "test 1", "skipped"),
        ("ok 1 - a \\# b", "a # b", "passed"),
        ("ok 1 - a # skipped it", "a # skipped it", "passed"),
        ("ok 1 - a {", "a", "passed"),
        ("ok 1 - a # time=5.012ms", "a", "passed"),
        ("not ok 1 - a # time=2s {", "a", "failed"),
        ("ok 1 # time=5.012ms", "test 1", "passed"),
        ("ok 1 - a # time=5ms ago", "a # time=5ms ago", "passed"),
        ("ok 1", "test 1", "passed"),
        ("ok 1 {", "test 1", "passed"),
        ("ok", "test 1", "passed"),
    ],
)
def test_tap_lines(work, line, name, outcome):
    assert outcomes(tap(f"{line}\n1..1\n", work)) == {name: outcome}


def test_cargo_tries_few_starts_of_a_line(work):
    event = json.dumps({"type": "test", "event": "ok", "name": "a"})
    lines = [json.dumps({"type": "program", "name": "/t/foo"}), json.dumps({"type": "suite"})]
    lines += ['{"type":"' * MANY, f'{{"type":"{event}', json.dumps({"type": "ended", "code": 0})]
    (work / "libtest.jsonl").write_text("\n".join(lines))
    (work / "cargo.jsonl").write_text('{"reason": "build-finished"}\n')
    began = time.perf_counter()
    reading = read(CargoTest(), work)
    assert time.perf_counter() - began < 2
    assert outcomes(reading) == {"foo::a": "passed"}


def go(work: Path, *events: tuple[str, str]) -> dict[str, str]:
    """Read events of the tests of one package, in which the name of the package is empty."""
    lines = [
        json.dumps({"Action": action, "Package": "m", **({"Test": test} if test else {})})
        for action, test in events
    ]
    (work / "go.jsonl").write_text("\n".join(lines))
    return outcomes(read(GoTest(), work))


def test_go_with_a_count_has_the_worst_outcome(work):
    """As `go test -count=2` prints it."""
    twice = [("run", "TestA"), ("fail", "TestA"), ("run", "TestA"), ("pass", "TestA"), ("fail", "")]
    assert go(work, *twice) == {"m.TestA": "failed"}
    died = [("run", "TestA"), ("pass", "TestA"), ("run", "TestA"), ("fail", "")]
    assert go(work, *died) == {"m.TestA": "error"}
