"""Composing two edits, and what is said of survivors, without running anything."""

from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.calls import Call, Returns
from moot.agent.repair.behaviour import compare_calls
from moot.agent.repair.changed import changed_functions, literals, new_objections, one_line, written
from moot.agent.repair.compose import compose
from moot.agent.repair.returns import compare_returns

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), min_size=3, max_size=12)


def call(number: int, text: str, raises: str = "", near: bool = False, needed: bool = True) -> Call:
    at = [number, 0] if near else [number]
    return Call(function=0, at=at, call=f"f({number})", text=text, digest=text, raises=raises, needed=needed)


def test_two_edits_of_different_lines_are_joined():
    base = b"a\nb\nc\nd\n"
    assert compose(base, b"A\nb\nc\nd\n", b"a\nb\nc\nD\nE\n") == b"A\nb\nc\nD\nE\n"


def test_edits_that_overlap_touch_or_change_nothing_are_not_joined():
    base = b"a\nb\nc\n"
    assert compose(base, b"A\nb\nc\n", b"A\nB\nc\n") is None
    assert compose(base, b"A\nb\nc\n", b"a\nB\nc\n") is None
    assert compose(base, base, b"a\nB\nc\n") is None


@given(LINES, st.data())
def test_the_order_of_two_edits_does_not_matter(lines, data):
    texts = []
    for _ in range(2):
        place = data.draw(st.integers(0, len(lines) - 1))
        texts.append("".join([*lines[:place], "new\n", *lines[place + 1 :]]).encode())
    base = "".join(lines).encode()
    assert compose(base, texts[0], texts[1]) == compose(base, texts[1], texts[0])


def test_changes_are_named_by_function_and_in_one_line():
    base = b'class A:\n    def f(self, x):\n        """Doc."""\n        return x\n\ndef g():\n    return 1\n'
    edited = base.replace(b"return x", b"return x + 77")
    assert [(one.name, one.first, one.last) for one in changed_functions(base, edited)] == [("A.f", 2, 4)]
    assert one_line("a.py", base, edited) == "a.py:4: -return x +return x + 77"
    assert literals(edited) - literals(base) == {"77"}
    assert written(base, edited) == len("returnx+77")
    assert new_objections(base, edited) == []


def test_lines_are_counted_by_their_ends_alone():
    base = "a\n\x0c\n# \u2028\nb\nc\n".encode()
    assert one_line("a.py", base, base.replace(b"c", b"d")) == "a.py:5: -c +d"


def test_what_gets_a_property_and_what_stands_under_a_condition_is_told_apart():
    base = b"""\
class A:
    @property
    def x(self):
        return 1

    @x.setter
    def x(self, value):
        self.y = value

try:
    import fast
except ImportError:
    def slow():
        return 1
"""
    changed = changed_functions(base, base.replace(b"return 1", b"return 2"))
    assert [each.name for each in changed] == ["A.x", "slow"]
    changed = changed_functions(base, base.replace(b"= value", b"= -value"))
    assert [each.name for each in changed] == ["A.x (setter)"]


def test_what_departs_from_the_documentation_is_said():
    base = b'def f(x):\n    """Raise KeyError at times."""\n    return x\n'
    edited = b'def f(x, y=1):\n    """Other."""\n    if y:\n        raise KeyError(x)\n    raise OSError\n'
    said = new_objections(base, edited)
    assert said == [
        "the signature of f is another",
        "the docstring of f is another",
        "f raises OSError, which is not documented",
    ]
    assert new_objections(base, b"def (") == []


def test_survivors_that_behave_alike_are_one_group():
    base = [call(1, "1"), call(2, "2"), call(2, "2", near=True)]
    good = [call(1, "9"), call(2, "8"), call(2, "7", near=True)]
    plain = dict.fromkeys("abc", frozenset[str]())
    found = compare_calls(base, base, {"a": good, "b": good, "c": base}, plain, ["m.py"])
    assert found.differences[0].path == "m.py"
    assert found.groups == (("a", "b"), ("c",))
    assert found.calls == 3
    assert {each.candidate for each in found.differences[0].outputs} == {"base", "a", "c"}


def test_what_is_not_the_same_twice_or_was_not_answered_by_all_is_left_out():
    base, again = [call(1, "1"), call(2, "2"), call(3, "3")], [call(1, "1"), call(2, "5"), call(3, "3")]
    found = compare_calls(base, again, {"a": [call(1, "1"), call(2, "2")]}, {"a": frozenset()})
    assert found.calls == 1


def test_new_exceptions_nones_and_other_values_where_tests_passed_weigh():
    base = [call(1, "1", needed=False), call(2, "2", needed=False)]
    raising = [call(1, "raises E", "E", needed=False), call(2, "2", needed=False)]
    other = [call(1, "7", needed=False), call(2, "2", needed=False)]
    found = compare_calls(base, base, {"a": raising, "b": other}, dict.fromkeys("ab", frozenset()))
    assert [one.weight for one in found.objections["a"]] == [2]
    assert [one.weight for one in found.objections["b"]] == [1]


def returns(test: str, *values: str, count: int = 0) -> Returns:
    shown = [(value, value) for value in values]
    return Returns(test=test, function=0, count=count or len(values), values=shown)


def test_what_returns_something_else_in_a_test_that_passed_departs():
    base = [returns("passes", "1", "2"), returns("fails", "3"), returns("unsteady", "4")]
    again = [*base[:2], returns("unsteady", "5")]
    survivors = {
        "right": [returns("passes", "1", "2"), returns("fails", "7"), returns("unsteady", "6")],
        "other": [returns("passes", "1", "9"), returns("fails", "7"), returns("unsteady", "4")],
        "often": [returns("passes", "1", "2", count=5), returns("fails", "7")],
        "never": [returns("fails", "7")],
    }
    found = compare_returns(base, again, survivors, {"passes", "unsteady"}, ["f"])
    assert found.tests == 2
    assert found.groups == (("right",), ("other",), ("often",), ("never",))
    assert {name: one.text for name, one in found.departures.items()} == {
        "other": "in passes, which passed, f returns 9 in place of 2",
        "often": "in passes, which passed, f returns 5 times in place of 2",
        "never": "in passes, which passed, f is not called",
    }
    assert all(one.departs for one in found.departures.values())


def test_what_is_said_of_functions_that_there_are_not_counts_for_nothing():
    forged = [Returns(test="passes", function=7, count=1), Returns(test="passes", function=-1, count=1)]
    found = compare_returns(forged, forged, {"one": forged}, {"passes"}, ["f"])
    assert (found.tests, dict(found.departures)) == (0, {})
