import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.fim.window import window

LINES = st.lists(st.text(alphabet="ab \t", max_size=12), max_size=40).map("\n".join)


@given(LINES, LINES, st.integers(0, 300), st.integers(0, 2))
def test_it_is_what_stands_next_to_the_hole_and_fits(before: str, after: str, room: int, keep: int):
    left, right = window(before, after, room, keep)
    kept = len("".join(before.splitlines(keepends=True)[:keep]))
    assert len(left) + len(right) <= max(room, kept + len(right))
    assert after.startswith(right)
    assert before.endswith(left) or before.startswith(left[:kept])


def test_everything_where_there_is_room():
    assert window("a\nb\n", "c\nd\n", 8) == ("a\nb\n", "c\nd\n")


def test_whole_lines_from_a_definition_on():
    body = "".join(f"    x{number} = 1\n" for number in range(12))
    before = f"import a\n\ndef f():\n{body}def g():\n{body}y = "
    left, right = window(before, f"\n{body}", 280)
    assert left.startswith("def g():")
    assert left.endswith("y = ")
    assert right.endswith("\n")


def test_first_lines_are_kept():
    before = "def f(a):\n    'Words.'\n" + "    x = 1\n" * 50
    assert window(before, "", 100, keep=2)[0].startswith("def f(a):\n    'Words.'\n    x")


@pytest.mark.parametrize("text", ["x" * 1000, "x" * 1000 + "\n", "é" * 1000])
def test_a_line_longer_than_the_room_is_cut(text: str):
    left, right = window(text, text, 100)
    assert 0 < len(left) + len(right) <= 100
