"""A promise that asserts and that nobody waits for: the test has passed before it fails."""

import pytest

from moot.agent.risk.integrity import FileVersions, inspect

REJECTS = 'test("fails", async () => {\n  await expect(load([])).rejects.toThrow("empty");\n});\n'
ASSERT = 'test("fails", async () => {\n  await assert.rejects(load([]), /empty/);\n});\n'
AVA = 'test("fails", async (t) => {\n  await t.throwsAsync(load([]));\n});\n'
PAGE = 'test("shows", async () => {\n  await expect(page.title).toHaveText("mean");\n});\n'
PYTHON = "async def test_a():\n    await assert_loaded(load(), 2)\n"


def said(path: str, source: str, old: str, new: str) -> list[str]:
    assert old in source
    pair = source.encode(), source.replace(old, new, 1).encode()
    return [flag.text for flag in inspect([FileVersions(path, *pair)]) if flag.kind == "weakened"]


@pytest.mark.parametrize("source", [REJECTS, ASSERT, AVA, PAGE])
@pytest.mark.parametrize("instead", ["", "void "])
def test_a_promise_that_is_dropped(source, instead):
    (text,) = said("a.test.ts", source, "await ", instead)
    assert "no longer waits for" in text


def test_a_coroutine_that_is_dropped():
    assert len(said("test_a.py", PYTHON, "await ", "")) == 1


@pytest.mark.parametrize("instead", ["return ", "await (", "await "])
def test_a_promise_that_is_waited_for(instead):
    new = f'{instead}expect(load([])).rejects.toThrow("empty"){")" * ("(" in instead)};'
    old = 'await expect(load([])).rejects.toThrow("empty");'
    assert said("a.test.ts", REJECTS, old, new) == []
    assert said("a.test.ts", REJECTS, old, new.replace(");", ").finally(end);")) == []


def test_all_promises_at_once():
    old = 'await expect(load([])).rejects.toThrow("empty")'
    new = f"await Promise.all([{old.removeprefix('await ')}, other()])"
    assert said("a.test.ts", REJECTS, old, new) == []


def test_a_return_that_is_dropped():
    source = REJECTS.replace("await ", "return ")
    assert len(said("a.test.ts", source, "return ", "")) == 1
    assert said("a.test.ts", 'it("a", (t) => t.is(f(), 2));\n', "t.is(f(), 2)", "{ t.is(f(), 2); }") == []
