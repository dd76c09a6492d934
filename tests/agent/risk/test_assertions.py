"""One assertion becomes another: what says the opposite, or less, and what says the same in other words."""

import pytest

from moot.agent.risk.integrity import FileVersions, inspect

PLACES = {
    "python": ("test_a.py", "def test_a():\n    {}\n"),
    "script": ("a.test.ts", 'it("a", () => {{\n  {}\n}});\n'),
    "go": ("a_test.go", "package a\n\nfunc TestA(t *testing.T) {{\n\t{}\n}}\n"),
    "rust": ("src/a.rs", "#[cfg(test)]\nmod tests {{\n    #[test]\n    fn a() {{\n        {};\n    }}\n}}\n"),
}


def kinds(language: str, old: str, new: str) -> set[str]:
    path, text = PLACES[language]
    return {
        flag.kind
        for flag in inspect([FileVersions(path, *(text.format(one).encode() for one in (old, new)))])
    }


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("python", "assert ok(x)", "assert not ok(x)"),
        ("python", "self.assertTrue(f())", "self.assertFalse(f())"),
        ("python", "self.assertIn(a, f())", "self.assertNotIn(a, f())"),
        ("python", "assert a in f()", "assert a not in f()"),
        ("python", "assert f() < g()", "assert f() > g()"),
        ("python", "assert 0 < f() < g()", "assert 0 < f() > g()"),
        ("python", "assert f() == 2", "assert f() == -2"),
        (
            "python",
            "with pytest.raises(ValueError):\n        f()",
            "with pytest.raises(KeyError):\n        f()",
        ),
        ("python", "pytest.raises(ValueError, f)", "pytest.raises((ValueError, KeyError), f)"),
        ("python", "self.assertRaisesRegex(ValueError, 'a', f)", "self.assertRaisesRegex(OSError, 'a', f)"),
        ("script", "expect(f()).toBeTruthy();", "expect(f()).toBeFalsy();"),
        ("script", "expect(f()).toContain(x);", "expect(f()).not.toContain(x);"),
        ("script", "expect(f).toThrow(TypeError);", "expect(f).toThrow();"),
        ("script", "assert.ok(f());", "assert.ok(!f());"),
        ("script", "assert.isTrue(f());", "assert.isFalse(f());"),
        ("go", 'if f() < g() {\n\t\tt.Error("a")\n\t}', 'if f() > g() {\n\t\tt.Error("a")\n\t}'),
        ("go", 'if !f() {\n\t\tt.Error("a")\n\t}', 'if f() {\n\t\tt.Error("a")\n\t}'),
        ("go", "require.NoError(t, f())", "require.Error(t, f())"),
        ("rust", "assert!(f())", "assert!(!f())"),
        ("rust", "assert!(f() < g())", "assert!(f() > g())"),
        ("rust", "assert_eq!(f(), 2)", "assert_eq!(f(), -2)"),
    ],
)
def test_what_expects_something_else(language, old, new):
    assert kinds(language, old, new) == {"expected"}


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("python", "assert f() == approx(1.0)", "assert f() == approx(1.0, abs=100)"),
        ("python", "self.assertAlmostEqual(f(), 1.0)", "self.assertAlmostEqual(f(), 1.0, delta=100)"),
        ("script", "expect(f()).toBeCloseTo(1.5);", "expect(f()).toBeCloseTo(1.5, 0);"),
    ],
)
def test_a_tolerance_that_is_added(language, old, new):
    assert kinds(language, old, new) == {"weakened"}


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("python", "assert not x", "assert x is False"),
        ("python", "self.assertFalse(f())", "assert not f()"),
        ("python", "self.assertNotIn(a, f())", "assert a not in f()"),
        ("python", "self.assertTrue(x != 1)", "assert x != 1"),
        ("python", "assert f() >= g()", "assert f() == g()"),
        ("python", "assert f()", "assert f() == approx(2.0)"),
        ("python", "assert f()", "assert f(), 'not empty!'"),
        ("python", "pytest.raises(Exception, f)", "pytest.raises(ValueError, f)"),
        ("python", "pytest.raises(ValueError, f)", "self.assertRaises(ValueError, f)"),
        ("script", "expect(a).toBeFalsy();", "expect(!a).toBeTruthy();"),
        ("script", "expect(f).toThrow();", "expect(f).toThrow(TypeError);"),
        ("go", "require.NoError(t, f())", "assert.NoError(t, f())"),
        ("rust", "assert!(f())", 'assert!(f(), "it\'s not so!")'),
    ],
)
def test_what_says_as_much_in_other_words(language, old, new):
    assert kinds(language, old, new) == set()
