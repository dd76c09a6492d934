"""An assertion counts only where it runs: wrapped in what never does, it is gone."""

import pytest

from moot.agent.risk.integrity import FileVersions, inspect

PYTHON = """\
def test_mean():
    expected = 2
    {}assert mean([1, 2, 3]) == expected{}
"""
SCRIPT = """\
test("averages", () => {{
  const expected = 2;
  {}expect(mean([1, 2, 3])).toBe(expected);{}
}});
"""
GO = """\
package stats

func TestMean(t *testing.T) {{
	{}if got := Mean(1, 2, 3); got != 2 {{
		t.Errorf("got %v", got)
	}}{}
}}
"""
RUST = """\
#[test]
fn averages() {{
    {}assert_eq!(mean(&[1.0, 2.0, 3.0]), 2.0);{}
}}
"""
SOURCES = {
    "tests/test_stats.py": PYTHON,
    "src/stats.test.ts": SCRIPT,
    "stats_test.go": GO,
    "tests/stats.rs": RUST,
}


def kinds(path: str, before: str, after: str = "") -> list[str]:
    """Return what is said of text that is put around an assertion."""
    source = SOURCES[path]
    old, new = source.format("", "").encode(), source.format(before, after).encode()
    return [flag.kind for flag in inspect([FileVersions(path, old, new)])]


@pytest.mark.parametrize(
    "before",
    [
        "if False: ",
        "if 0: ",
        "if not True: ",
        "if 1 > 2: ",
        "if expected and False: ",
        "if True: pass\n    else: ",
        "while False: ",
        "for _ in (): ",
        "for _ in []: ",
        "for _ in range(0): ",
        "for _ in set(): ",
        "return\n    ",
        "raise ValueError\n    ",
        "if True:\n        return\n    ",
        "if expected:\n        return\n    ",
        "with open(path):\n        return\n    ",
        "for _ in (1,):\n        continue\n        ",
        "def inner():\n        ",
        "def inner():\n        inner()\n        ",
        "async def inner():\n        ",
    ],
)
def test_python(before):
    assert kinds("tests/test_stats.py", before) == ["weakened"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if (false) ", ""),
        ("if (!1) ", ""),
        ("if (true) {} else { ", " }"),
        ("while (0) ", ""),
        ("for (; false;) ", ""),
        ("for (const _ of []) ", ""),
        ("[].forEach(() => { ", " });"),
        ("false && ", ""),
        ("return;\n  ", ""),
        ("if (expected) return;\n  ", ""),
        ("throw expected;\n  ", ""),
        ("const inner = () => { ", " };"),
        ("function inner() { ", " }"),
        ("(() => { ", " });"),
    ],
)
def test_script(before, after):
    assert kinds("src/stats.test.ts", before, after) == ["weakened"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if false {\n", "\n}"),
        ("for false {\n", "\n}"),
        ("for i := 0; false; i++ {\n", "\n}"),
        ("for range []int{} {\n", "\n}"),
        ("_ = func() {\n", "\n}"),
        ("inner := func() {\n", "\n}\n_ = inner"),
        ("return\n", ""),
        ('if os.Getenv("CI") != "" {\nreturn\n}\n', ""),
    ],
)
def test_go(before, after):
    assert "weakened" in kinds("stats_test.go", before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if false { ", " }"),
        ("while false { ", " }"),
        ("for _ in 0..0 { ", " }"),
        ("return; ", ""),
        ("if ready() { return; } ", ""),
        ("let _ = || ", ""),
        ("let inner = || ", ""),
        ("fn inner() { ", " }"),
    ],
)
def test_rust(before, after):
    assert kinds("tests/stats.rs", before, after) == ["weakened"]


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("tests/test_stats.py", "for _ in (1, 2): ", ""),
        ("tests/test_stats.py", "def inner():\n        ", "\n    inner()"),
        ("tests/test_stats.py", "def inner():\n        ", "\n    run(inner)"),
        ("tests/test_stats.py", "@use\n    def inner():\n        ", ""),
        ("tests/test_stats.py", "class Probe:\n      def emit(self):\n        ", "\n    run(Probe())"),
        ("tests/test_stats.py", "if not expected:\n        pytest.fail('x')\n        return\n    ", ""),
        ("tests/test_stats.py", "if not expected:\n        raise ValueError\n    ", ""),
        ("tests/test_stats.py", "while False: pass\n    ", ""),
        ("src/stats.test.ts", "[1].forEach(() => { ", " });"),
        ("src/stats.test.ts", "const inner = () => { ", " }; inner();"),
        ("src/stats.test.ts", "run(() => { ", " });"),
        ("src/stats.test.ts", "inner(); return; function inner() { ", " }"),
        ("src/stats.test.ts", "do { ", " } while (false);"),
        ("stats_test.go", "inner := func() {\n", "\n}\ninner()"),
        ("stats_test.go", 't.Run("a", func(t *testing.T) {\n', "\n})"),
        ("stats_test.go", 'if err != nil {\nt.Error("x")\nreturn\n}\n', ""),
        ("stats_test.go", "func() {\n", "\n}()"),
        ("tests/stats.rs", "let inner = || ", " inner();"),
        ("tests/stats.rs", "for _ in 0..1 { ", " }"),
    ],
)
def test_what_runs_still(path, before, after):
    assert kinds(path, before, after) == []


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("tests/test_stats.py", "with pytest.raises(Exception):\n        ", ""),
        ("tests/test_stats.py", "with pytest.raises(AssertionError) as caught:\n        ", ""),
        ("tests/test_stats.py", "with self.assertRaises(AssertionError):\n        ", ""),
        ("tests/test_stats.py", "with contextlib.suppress(Exception):\n        ", ""),
        ("tests/test_stats.py", "with open(path), suppress(AssertionError):\n        ", ""),
        ("tests/stats.rs", "let _ = std::panic::catch_unwind(|| { ", " });"),
        ("src/stats.test.ts", "run(() => { ", " }).catch(() => {});"),
        ("src/stats.test.ts", "Promise.resolve(", ").catch(() => {});"),
    ],
)
def test_a_failure_that_is_swallowed(path, before, after):
    assert kinds(path, before, after) == ["weakened"]


def test_an_assertion_that_a_promise_goes_on_from_is_read():
    old = 'test("a", () => {\n  return expect(load()).resolves.toBe(2);\n});\n'
    for new in (old.replace("toBe(2)", "toBe(2).catch(() => {})"), old.replace("toBe", "not.toBe")):
        versions = FileVersions("src/stats.test.ts", old.encode(), new.encode())
        assert [flag.kind for flag in inspect([versions])] == ["weakened"]
    versions = FileVersions("src/stats.test.ts", old.encode(), old.replace("(2);", "(2).then(end);").encode())
    assert inspect([versions]) == ()


def test_another_form_of_an_expected_error_is_as_good():
    old = b"def test_mean():\n    pytest.raises(ValueError, mean, [])\n"
    new = b"def test_mean():\n    with pytest.raises(ValueError):\n        mean([])\n"
    assert inspect([FileVersions("tests/test_stats.py", old, new)]) == ()


def test_what_never_ran_is_not_missed():
    source = b"def test_mean():\n    assert mean([1]) == 1\n    return\n    assert mean([2]) == 2\n"
    new = source.partition(b"    return")[0]
    assert inspect([FileVersions("tests/test_stats.py", source, new)]) == ()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/test_a.py", f"def test_a():\n    assert {' and '.join('x' * 3_000)}\n"),
        ("tests/test_a.py", f"def test_a():\n    {'(' * 1_500}x{')' * 1_500}\n"),
        ("src/a.test.ts", f"test('a', () => {{ {'{' * 1_500}return;{'}' * 1_500} }});\n"),
    ],
)
def test_deep_code_is_read_as_far_as_it_goes(path, text):
    assert inspect([FileVersions(path, text.encode(), f"{text}\n".encode())]) == ()
