"""Changes that make tests say less, in the languages that are read, and changes that do not."""

import pytest

from moot.agent.risk.integrity import FileVersions, inspect

PYTHON = """\
import pytest
from stats import mean, load

LIMIT = 5


def check(value):
    assert value == 2


class TestMean:
    def test_mean(self):
        \"\"\"The mean.\"\"\"
        expected = 2
        assert mean([1, 2, 3]) == expected
        check(mean([2]))

    def test_error(self):
        with pytest.raises(ValueError, match="empty"):
            mean([])


@pytest.mark.parametrize("value", [1, 2])
def test_one(value, tmp_path):
    assert mean([value]) == value
    assert mean([1.0]) == pytest.approx(1.0, rel=1e-6)
"""
SCRIPT = """\
import { mean } from "./stats";
import { expect, test, vi } from "vitest";

describe("mean", () => {
  it("averages", () => {
    expect(mean([1, 2, 3])).toBe(2);
    expect(mean([1, 2])).toBeCloseTo(1.5, 5);
  });
  test("fails", async () => {
    await expect(() => mean([])).toThrow("empty");
  });
});
"""
GO = """\
package stats

import "testing"

func TestMean(t *testing.T) {
	if got := Mean(1, 2, 3); got != 2 {
		t.Errorf("got %v", got)
	}
}

func TestOne(t *testing.T) {
	require.Equal(t, 1, Mean(1))
}
"""
RUST = """\
pub fn mean(values: &[f64]) -> f64 { 2.0 }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages() {
        assert_eq!(mean(&[1.0, 2.0, 3.0]), 2.0);
    }

    #[test]
    fn one() {
        assert!(mean(&[1.0]) == 1.0);
    }
}
"""


def kinds(path: str, old: str | None, new: str | None) -> list[str]:
    versions = FileVersions(path, *(text.encode() if text is not None else None for text in (old, new)))
    return [flag.kind for flag in inspect([versions])]


def change(path: str, source: str, *pairs: tuple[str, str]) -> list[str]:
    new = source
    for old, text in pairs:
        assert old in new, old
        new = new.replace(old, text, 1)
    return kinds(path, source, new)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("    def test_mean(self):", "    def _test_mean(self):", "deleted"),
        ("def test_one(value", "@pytest.mark.skip\ndef test_one(value", "skipped"),
        ("def test_one(value", "@pytest.mark.xfail(strict=False)\ndef test_one(value", "skipped"),
        ("class TestMean:", '@unittest.skipIf(True, "later")\nclass TestMean:', "skipped"),
        ("LIMIT = 5\n", "LIMIT = 5\npytestmark = pytest.mark.skipif(True, reason='x')\n", "skipped"),
        ("LIMIT = 5\n", "LIMIT = 5\n__test__ = False\n", "skipped"),
        ("LIMIT = 5\n", 'LIMIT = 5\npytest.skip("later", allow_module_level=True)\n', "skipped"),
        ("        expected = 2\n", "        expected = 2\n        pytest.skip('later')\n", "skipped"),
        ("        expected = 2\n", "        expected = 2\n        self.skipTest('later')\n", "skipped"),
        ("[1, 2])\ndef", "[1, pytest.param(2, marks=pytest.mark.xfail)])\ndef", "skipped"),
        ("        assert mean([1, 2, 3]) == expected\n", "", "weakened"),
        ("assert mean([1, 2, 3]) == expected", "assert True", "weakened"),
        ("assert mean([1, 2, 3]) == expected", "assert mean([1, 2, 3])", "weakened"),
        ("assert mean([1, 2, 3]) == expected", "assert mean([1, 2, 3]) == expected or True", "weakened"),
        ("assert mean([1, 2, 3]) == expected", "assert mean([1, 2, 3]) in (2, 3)", "weakened"),
        ("assert mean([1, 2, 3]) == expected", "assert mean([1, 2, 3]) == mean([1, 2, 3])", "weakened"),
        ("assert mean([1, 2, 3]) == expected", "assert (mean([1, 2, 3]) == expected, 'x')", "weakened"),
        (
            "assert mean([1, 2, 3]) == expected",
            "assert mean([1, 2, 3]) == pytest.approx(expected)",
            "weakened",
        ),
        (
            "        assert mean([1, 2, 3])",
            "        if LIMIT:\n            assert mean([1, 2, 3])",
            "weakened",
        ),
        ("        expected = 2\n", "        expected = 2\n        return\n", "weakened"),
        ("    assert value == 2", "    pass", "weakened"),
        ("        expected = 2", "        expected = 3", "expected"),
        ("[1, 2])\ndef", "[1])\ndef", "expected"),
        ("LIMIT = 5", "LIMIT = 50", "expected"),
        ("rel=1e-6", "rel=1e-1", "weakened"),
        ("pytest.raises(ValueError, match=", "pytest.raises(Exception, match=", "weakened"),
        ('ValueError, match="empty"', "ValueError", "weakened"),
        ("        expected = 2\n", "        expected = 2\n        stats.mean = lambda values: 2\n", "mocked"),
        ("    assert mean([value])", "    setattr(stats, 'mean', len)\n    assert mean([value])", "mocked"),
        ("class TestMean:\n", "if LIMIT > 9:\n  class TestMean:\n   pass\nclass Other:\n", "deleted"),
    ],
)
def test_python_tests_that_say_less(old, new, kind):
    assert kind in change("tests/test_stats.py", PYTHON, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ('it("averages"', 'it.skip("averages"', "skipped"),
        ('it("averages"', 'it.only("averages"', "focused"),
        ('it("averages"', 'xit("averages"', "skipped"),
        ('describe("mean"', 'describe.skip("mean"', "skipped"),
        ('test("fails"', 'test.todo("fails"', "skipped"),
        ("toBe(2)", "toBeDefined()", "weakened"),
        ("toBe(2)", "toBe(3)", "expected"),
        ("expect(mean([1, 2, 3])).toBe(2)", "expect(true).toBe(true)", "weakened"),
        ("    expect(mean([1, 2, 3])).toBe(2);\n", "", "weakened"),
        ("1.5, 5", "1.5, 0", "weakened"),
        ('toThrow("empty")', "toThrow()", "expected"),
        ('describe("mean"', 'vi.mock("./stats", () => ({ mean: () => 2 }));\ndescribe("mean"', "mocked"),
    ],
)
def test_typescript_tests_that_say_less(old, new, kind):
    assert kind in change("src/stats.test.ts", SCRIPT, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("func TestMean", "func testMean", "deleted"),
        ("\tif got :=", '\tt.Skip("later")\n\tif got :=', "skipped"),
        ("got != 2", "got != 3", "expected"),
        ("got != 2", "got < 0", "weakened"),
        ("got != 2", "false", "weakened"),
        ("t.Errorf", "t.Logf", "weakened"),
        ("require.Equal(t, 1, Mean(1))", "require.NotNil(t, Mean(1))", "weakened"),
        ("package stats\n", "//go:build never\n\npackage stats\n", "skipped"),
    ],
)
def test_go_tests_that_say_less(old, new, kind):
    assert kind in change("stats_test.go", GO, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("    #[test]\n    fn averages", "    #[test]\n    #[ignore]\n    fn averages", "skipped"),
        ("    #[test]\n    fn averages", "    fn averages", "deleted"),
        ("    #[test]\n    fn averages", "    #[test]\n    #[should_panic]\n    fn averages", "skipped"),
        ("2.0);", "3.0);", "expected"),
        ("assert_eq!(mean(&[1.0, 2.0, 3.0]), 2.0)", "assert!(true)", "weakened"),
        ("assert!(mean(&[1.0]) == 1.0)", "assert!(mean(&[1.0]) > 0.5)", "weakened"),
        ("#[cfg(test)]\nmod", "#[cfg(any())]\nmod", "skipped"),
        ("#[cfg(test)]\nmod", "#[cfg(test)]\n#[cfg(any())]\n/// Tests.\nmod", "skipped"),
        ("    use super", "    #![cfg(any())]\n    use super", "skipped"),
        ("        assert_eq!", "        #[cfg(any())]\n        assert_eq!", "skipped"),
    ],
)
def test_rust_tests_within_the_code(old, new, kind):
    assert kind in change("src/lib.rs", RUST, (old, new))


@pytest.mark.parametrize(
    ("path", "source", "old", "new"),
    [
        (
            "tests/test_stats.py",
            PYTHON,
            "LIMIT = 5\n",
            "LIMIT = 5\n\n\ndef test_two():\n    assert f() == 3\n",
        ),
        ("tests/test_stats.py", PYTHON, "[1, 2])\ndef", "[1, 2, 3])\ndef"),
        ("tests/test_stats.py", PYTHON, "def test_one(value", "def test_each(value"),
        ("tests/test_stats.py", PYTHON, '"""The mean."""', '"""The arithmetic mean."""'),
        ("tests/test_stats.py", PYTHON, "    check(", "    assert mean([7]) == 7\n        check("),
        ("tests/test_stats.py", PYTHON, "assert mean([value]) ==", "got = mean([value])\n    assert got =="),
        (
            "tests/test_stats.py",
            PYTHON,
            "LIMIT = 5\n",
            "LIMIT = 5\n\n\n@pytest.mark.skip\ndef test_2(): ...\n",
        ),
        ("tests/test_stats.py", PYTHON, "mean, load", "load, mean"),
        (
            "src/stats.test.ts",
            SCRIPT,
            'import { mean } from "./stats"',
            'import { mean } from "../src/stats"',
        ),
        ("src/stats.test.ts", SCRIPT, "toBe(2);", "toBe(2);\n    expect(mean([4])).toBe(4);"),
        ("stats_test.go", GO, "func TestOne", 'func TestTwo(t *testing.T) { t.Fatal("x") }\n\nfunc TestOne'),
        ("src/stats.test.ts", SCRIPT, "  it(", "  it.todo('later');\n  it("),
        ("src/stats.test.ts", SCRIPT, "  it(", "  it.skip('b', () => { expect(1).toBe(2); });\n  it("),
        ("src/stats.test.ts", SCRIPT, "describe(", "describe.skip('b', () => { it('c', f); });\ndescribe("),
        (
            "src/lib.rs",
            RUST,
            "    #[test]\n",
            "    #[test]\n    #[should_panic]\n    fn b() { f(); }\n\n    #[test]\n",
        ),
        ("src/lib.rs", RUST, "    #[test]\n", "    #[cfg(unix)]\n    fn b() {}\n\n    #[test]\n"),
        ("src/lib.rs", RUST, "    use", "    #[cfg(unix)]\n    use std::os;\n    use"),
        ("src/lib.rs", RUST.replace("fn one", "fn mean"), "pub fn mean", "#[cfg(unix)]\npub fn mean"),
        ("src/lib.rs", RUST, "{ 2.0 }", "{ values.iter().sum::<f64>() / values.len() as f64 }"),
    ],
)
def test_what_is_not_flagged(path, source, old, new):
    assert change(path, source, (old, new)) == []


def test_new_test_files_are_not_flagged():
    for path, source in (("tests/test_a.py", PYTHON), ("a.test.ts", SCRIPT), ("a_test.go", GO)):
        assert kinds(path, None, source) == []


def test_a_new_test_file_may_not_replace_what_others_test():
    assert kinds("tests/test_a.py", None, "import stats\nstats.mean = lambda values: 2\n") == ["mocked"]


def test_deleted_emptied_and_moved_files():
    assert kinds("tests/test_stats.py", PYTHON, None) == ["deleted"]
    assert "deleted" in kinds("tests/test_stats.py", PYTHON, "")
    moved = [
        FileVersions("tests/test_stats.py", PYTHON.encode(), None),
        FileVersions("tests/unit/test_stats.py", None, PYTHON.encode()),
    ]
    assert inspect(moved) == ()


@pytest.mark.parametrize(
    ("path", "source", "to", "known"),
    [
        ("tests/test_stats.py", PYTHON, "tests/stats_helper.py", False),
        ("stats_test.go", GO, "stats_helper.go", False),
        ("tests/stats.rs", RUST, "tests/common/stats.rs", False),
        ("stats_test.go", GO, "mean_test.go", True),
        ("tests/stats.rs", RUST, "tests/mean.rs", True),
        ("tests/stats.rs", RUST, "src/mean.rs", True),
        ("checks/stats.py", PYTHON, "checks/mean.py", True),
        ("stats/tests.py", PYTHON, "stats/tests/test_mean.py", True),
        ("src/stats.test.ts", SCRIPT, "src/mean.test.ts", True),
        ("src/stats.test.ts", SCRIPT, "src/stats_old.ts", False),
        ("stats_test.go", GO, "_stats_test.go", False),
        ("stats_test.go", GO, "testdata/stats_test.go", False),
    ],
)
def test_a_test_moves_only_to_where_runners_look(path, source, to, known):
    files = [FileVersions(path, source.encode(), None), FileVersions(to, None, source.encode())]
    assert ("deleted" not in {flag.kind for flag in inspect(files)}) is known


ONE = "import pytest\n\n\ndef test_one():\n    assert f() == 1\n"
OFF = ONE.replace("pytest\n", "pytest\npytestmark = pytest.mark.skipif(F, reason='later')\n", 1)
METHOD = "class TestOne:\n    def test_one():\n        assert f() == 1\n"


@pytest.mark.parametrize(
    ("path", "old", "new", "lost"),
    [
        ("tests/test_b.py", ONE, f"@pytest.mark.skip\n{METHOD}", True),
        ("tests/test_b.py", ONE, METHOD.replace("One:\n", "One:\n    __test__ = False\n"), True),
        ("tests/test_b.py", ONE, OFF, True),
        ("tests/test_b.py", ONE, METHOD.replace("class TestOne", "if FLAG"), True),
        ("b_test.go", GO, f"//go:build ignore\n\n{GO}", True),
        ("tests/test_b.py", ONE, METHOD, False),
        ("tests/test_b.py", OFF, OFF, False),
        ("tests/test_b.py", OFF, ONE, False),
    ],
)
def test_a_test_moves_only_to_where_it_is_on(path, old, new, lost):
    files = [
        FileVersions(path.replace("b", "a", 1), old.encode(), None),
        FileVersions(path, None, new.encode()),
    ]
    assert ("deleted" in {flag.kind for flag in inspect(files)}) is lost


def test_a_flag_names_the_test_and_its_place():
    new = PYTHON.replace("== expected", "!= 7")
    (flag,) = inspect([FileVersions("tests/test_stats.py", PYTHON.encode(), new.encode())])
    assert (flag.path, flag.line, flag.test) == ("tests/test_stats.py", 15, "test_mean")
    assert "asserts only a part or a range" in flag.text


MAKE = (
    "VERSION = 1\nPYTHON = python\nPYTEST = pytest\nRUN = $(PYTHON) -m $(PYTEST)\n\ntest:\n\t$(RUN) tests\n"
)
CONFTEST = "import pytest\n\n\n@pytest.fixture\ndef data():\n    return [1, 2]\n"


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        (".github/workflows/ci.yml", "on: push\n", "on: push\njobs: {}\n", ["ci"]),
        (".github/workflows/ci.yml", None, "on: push\n", ["ci"]),
        (".gitlab-ci.yml", "a: 1\n", None, ["ci"]),
        (".coveragerc", "[report]\nfail_under = 90\n", "[report]\nfail_under = 10\n", ["coverage"]),
        ("pytest.ini", None, "[pytest]\naddopts = -k nothing\n", ["runner"]),
        (
            "pyproject.toml",
            "[tool.coverage.report]\nfail_under = 90\n",
            "[tool.coverage.report]\n",
            ["coverage"],
        ),
        ("pyproject.toml", "[project]\nname='a'\n", "[project]\nname='a'\ndependencies=['x']\n", []),
        ("pyproject.toml", "[tool.x]\n", "[tool.pytest.ini_options]\naddopts='--ignore=tests'\n", ["runner"]),
        ("setup.cfg", "[tool:pytest]\ntestpaths = tests\n", "[tool:pytest]\ntestpaths = docs\n", ["runner"]),
        ("tox.ini", "[testenv]\ncommands = pytest\n", "[testenv]\ncommands = pytest || true\n", ["runner"]),
        (
            "package.json",
            '{"scripts": {"test": "jest"}}',
            '{"scripts": {"test": "jest || true"}}',
            ["runner"],
        ),
        ("package.json", '{"dependencies": {}}', '{"dependencies": {"a": "1"}}', []),
        ("Makefile", "test:\n\tpytest\n", "test:\n\tpytest || true\n", ["runner"]),
        ("Makefile", "test:\n\tpytest\n", "test:\n\tpytest\n\nrun:\n\tpython a.py\n", []),
        ("Makefile", MAKE, MAKE.replace("= pytest", "= true"), ["runner"]),
        ("Makefile", MAKE, MAKE.replace("= python", "= true"), ["runner"]),
        ("Makefile", MAKE, f"SHELL = true\n{MAKE}", ["runner"]),
        ("Makefile", MAKE, MAKE.replace("= 1", "= 2"), []),
        ("justfile", 'run := "pytest"\ntest:\n  {{run}}\n', 'run := "true"\ntest:\n  {{run}}\n', ["runner"]),
        ("tests/conftest.py", CONFTEST, CONFTEST + "\n\n@pytest.fixture\ndef more():\n    return 3\n", []),
        (
            "tests/conftest.py",
            CONFTEST,
            CONFTEST + "\ncollect_ignore = ['test_a.py']\n",
            ["runner", "skipped"],
        ),
        (
            "conftest.py",
            None,
            "def pytest_collection_modifyitems(items):\n    items[:] = []\n",
            ["runner"] * 2,
        ),
        ("conftest.py", None, "import os\nos._exit(0)\n", ["runner"]),
        (
            "conftest.py",
            None,
            "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef a():\n    yield\n",
            ["runner"],
        ),
        ("tests/__snapshots__/a.ambr", "x", "y", ["snapshot"]),
        ("tests/__snapshots__/b.ambr", None, "y", []),
        ("tests/data/answer.json", "1", "2", ["test-data"]),
        (
            "stats.py",
            "x = 1\n",
            "x = 1\nif 'PYTEST_CURRENT_TEST' in os.environ:\n    x = 2\n",
            ["special-case"],
        ),
        ("stats.py", "x = 1\n", "x = 1\nif 'pytest' in sys.modules:\n    x = 2\n", ["special-case"]),
        ("stats.ts", "", "if (process.env.NODE_ENV === 'test') { x = 2; }\n", ["special-case"]),
        ("stats.py", "x = 1\n", "x = 1  # pragma: no cover\n", ["coverage"]),
        ("src/stats.py", "x = 1\n", "x = 2\n", []),
        ("README.md", "a", "b\nPYTEST_CURRENT_TEST\n# pragma: no cover\n", []),
    ],
)
def test_settings_data_and_special_cases(path, old, new, expected):
    assert sorted(kinds(path, old, new)) == sorted(expected)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("LIMIT = 5\n", "raise unittest.SkipTest('later')\n", "skipped"),
        ("    assert value == 2", "    pass", "weakened"),
        ("LIMIT = 5\n", "LIMIT = 5\nstats.mean = lambda values: 2\n", "mocked"),
    ],
)
def test_the_tests_of_a_django_app_are_no_product_code(old, new, kind):
    assert kind in change("shop/tests.py", PYTHON, (old, new))


def test_a_path_that_a_run_named_is_test_code():
    versions = FileVersions(
        "checks/mean.py", b"def test_a():\n    assert f() == 2\n", b"def test_a():\n    pass\n"
    )
    assert [flag.kind for flag in inspect([versions], ["checks/mean.py"])] == ["weakened"]


def test_binary_and_broken_files_do_not_stop_it():
    noise = bytes(range(256)) * 20
    for path in ("tests/test_a.py", "tests/a.bin", "a.test.ts", "package.json", "tox.ini", "src/lib.rs"):
        pair = [FileVersions(path, PYTHON.encode(), noise), FileVersions(path, noise, PYTHON.encode())]
        assert {flag.path for flag in inspect(pair)} <= {path}
