"""Tests that their runner is told to leave out, or that it does not run in the form that they have."""

import pytest

from moot.agent.risk.integrity import FileVersions, inspect

PYTHON = """\
import unittest
from stats import mean


class MeanTest(unittest.TestCase):
    def test_mean(self):
        self.assertEqual(mean([1, 2, 3]), 2)
"""
SCRIPT = """\
describe("mean", () => {
  it("averages", () => {
    expect(mean([1, 2, 3])).toBe(2);
  });
});
"""


def kinds(path: str, source: str, old: str, new: str) -> set[str]:
    assert old in source
    pair = source.encode(), source.replace(old, new, 1).encode()
    return {flag.kind for flag in inspect([FileVersions(path, *pair)])}


@pytest.mark.parametrize(
    "line",
    [
        "raise SkipTest",
        "raise unittest.SkipTest",
        "raise unittest.SkipTest('later')",
        "raise pytest.skip.Exception('later')",
        "if mean:\n            raise unittest.SkipTest",
    ],
)
def test_a_test_that_skips_itself(line):
    assert "skipped" in kinds("test_a.py", PYTHON, "        self", f"        {line}\n        self")


@pytest.mark.parametrize(
    "source", [PYTHON, PYTHON.replace("import unittest", "from unittest import TestCase")]
)
def test_unittest_does_not_run_a_coroutine(source):
    source = source.replace("(unittest.", "(") if "import TestCase" in source else source
    assert kinds("test_a.py", source, "    def", "    async def") == {"deleted"}


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ("import unittest", "unittest.IsolatedAsyncioTestCase"),
        ("from django.test import TestCase", "TestCase"),
    ],
)
def test_other_runners_of_coroutines_do(head, base):
    source = PYTHON.replace("import unittest", head).replace("unittest.TestCase", base)
    assert kinds("test_a.py", source, "    def", "    async def") == set()


def test_no_runner_goes_through_a_generator():
    source = "def test_a():\n    assert f() == 2\n"
    assert kinds("test_a.py", source, "    assert", "    yield\n    assert") == {"deleted"}
    inner = "    def g():\n        yield\n    g()\n"
    assert kinds("test_a.py", source, "    assert", f"{inner}    assert") == set()
    assert kinds("test_a.py", f"@gen_test\n{source}", "    assert", "    yield\n    assert") == set()


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ('"averages", ', '"averages", { skip: true }, ', "skipped"),
        ('"averages", ', '"averages", { "todo": "later" }, ', "skipped"),
        ('"averages", ', '"averages", { timeout: 5, fails: true }, ', "skipped"),
        ('"averages", ', '"averages", { skip }, ', "skipped"),
        ('"mean", ', '"mean", { skip: true }, ', "skipped"),
        ('"averages", ', '"averages", { only: true }, ', "focused"),
        ("toBe(2);\n  }", "toBe(2);\n  }, { skip: true }", "skipped"),
        ('it("averages"', 'it.runIf(false)("averages"', "skipped"),
        ('it("averages"', 'it.skipIf(true)("averages"', "skipped"),
        ('it("averages"', 'it.if(false)("averages"', "skipped"),
        ('describe("mean"', 'describe.runIf(false)("mean"', "skipped"),
    ],
)
def test_options_and_conditions_of_scripts(old, new, kind):
    assert kinds("a.test.ts", SCRIPT, old, new) == {kind}


@pytest.mark.parametrize("options", ["{ skip: false }", "{ timeout: 500 }", "{ retry: 2, only: undefined }"])
def test_options_that_leave_nothing_out(options):
    assert kinds("a.test.ts", SCRIPT, '"averages", ', f'"averages", {options}, ') == set()
