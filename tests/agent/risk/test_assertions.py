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
        ("script", "expect(f()).to.be.true;", "expect(f()).to.be.false;"),
        ("script", "expect(f()).to.be.null;", "expect(f()).to.be.undefined;"),
        ("script", "expect(f()).to.exist;", "expect(f()).to.not.exist;"),
        ("script", "f().should.be.true;", "f().should.be.false;"),
        ("script", "t.ok(f());", "t.notOk(f());"),
        ("script", "t.true(f());", "t.false(f());"),
        ("go", "s.NoError(f())", "s.Error(f())"),
        ("go", "s.Require().Contains(f(), g())", "s.Require().NotContains(f(), g())"),
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
        ("script", "expect(f()).to.be.true;", "f();"),
        ("script", "expect(f()).to.be.true;", "expect(f()).to.be.ok;"),
        ("script", "expect(f()).to.exist;", "f();"),
        ("script", "await expect(f()).to.be.rejected;", "expect(f()).to.be.rejected;"),
        ("script", "f().should.be.true;", "f();"),
        ("script", "t.equal(f(), g());", "f();"),
        ("script", "t.same(f(), g());", "t.ok(f());"),
        ("script", "tap.strictEqual(f(), g());", "f();"),
        ("go", "s.Equal(g(), f())", "f()"),
        ("go", "s.Require().Equal(g(), f())", "s.Require().NotNil(f())"),
        ("go", "require.New(t).NoError(f())", "f()"),
        ("rust", "pretty_assertions::assert_eq!(f(), g())", "f()"),
        ("rust", "insta::assert_snapshot!(f())", "f()"),
        ("rust", "assert_relative_eq!(f(), g())", "f()"),
        ("script", 't.ok(f(), "it works");', "f();"),
        ("script", 'assert(f(), "it works");', "f();"),
        ("script", 'assert.strictEqual(f(), g(), "a");', 'assert.strictEqual(g(), g(), "a");'),
        ("script", "assert.equal(f(), 3);", "assert.equal(3, 3);"),
        ("script", "assert.strictEqual(f(), 3);", "assert.equal(f(), 3);"),
        ("script", "expect(f()).to.equal(3);", "expect(f()).to.be.above(2);"),
        ("script", "expect(f()).to.be.true;", "expect(f()).to.be.a('boolean');"),
        ("go", 'assert.True(t, f(), "it works")', "f()"),
        ("go", 'assert.Equalf(t, g(), f(), "%d", 1)', 'assert.NotNilf(t, f(), "%d", 1)'),
        ("python", "self.assertEqual(f(), 2, 'a')", "self.assertEqual(2, 2, 'a')"),
        ("python", "call.assert_called_with(0, 0)", "call()"),
    ],
)
def test_what_is_asserted_no_more_or_less(language, old, new):
    assert kinds(language, old, new) == {"weakened"}


@pytest.mark.parametrize(
    "attribute",
    ["test", "tokio::test", "rstest", 'test_case(1; "one")', "wasm_bindgen_test", "googletest::test"],
)
def test_what_makes_a_test_of_rust(attribute):
    path, text = PLACES["rust"]
    old = text.format("assert!(f())").replace("#[test]", f"#[{attribute}]")
    new = "#[cfg(test)]\nmod tests {\n}\n"
    assert {flag.kind for flag in inspect([FileVersions(path, old.encode(), new.encode())])} == {"deleted"}


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
        ("script", "expect(f()).to.be.true;", "expect(f()).to.equal(true);"),
        ("script", "expect(f()).to.equal(true);", "expect(f()).to.be.true;"),
        ("script", "expect(f()).to.deep.equal(g());", "expect(f()).to.eql(g());"),
        ("script", "t.ok(f());", "t.equal(f(), g());"),
        ("script", "t.ok(f());", 't.ok(f(), "it works");'),
        ("go", "same := bytes.Equal(f(), g())", "same := f() == g()"),
        ("go", "require.NoError(t, f())", "assert.NoError(t, f())"),
        ("rust", "assert!(f())", 'assert!(f(), "it\'s not so!")'),
    ],
)
def test_what_says_as_much_in_other_words(language, old, new):
    assert kinds(language, old, new) == set()
