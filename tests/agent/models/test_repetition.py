"""Repetition is found, and prose, code and tables are left alone."""

import ast
import inspect
import json
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.models.repetition import RepetitionDetector, find_repetition


def cut_while_growing(text: str, step: int = 5) -> str | None:
    """Feed the text as a model writes it; return what is left of it when it is stopped."""
    detector = RepetitionDetector()
    for end in range(step, len(text) + step, step):
        cut = detector.find(text[:end])
        if cut is not None:
            return text[:cut]
    return None


LOOPS = [
    "I will now fix the function by changing the index. ",
    "```python\ndef add(a, b):\n    return a + b\n```\n\nThis is the corrected code.\n\n",
    "    result.append(values[index - 1])\n",
    "The function\nreturns the mean of\nthe window.\n\n" * 3 + "And so on and so forth.\n",
]


@pytest.mark.parametrize("block", LOOPS)
@pytest.mark.parametrize("before", ["", "Here is the answer:\n\n"])
def test_loops_are_cut_to_one_copy(block: str, before: str) -> None:
    cut = cut_while_growing(before + block * 40)
    assert cut is not None
    assert len(cut) <= len(before) + 2 * len(block)


@pytest.mark.parametrize("block", ["0, ", "\n", "-", "!!", "0x00, "])
def test_endless_filler_is_cut(block: str) -> None:
    assert cut_while_growing("x = [" + block * 4000, step=50) is not None


def standard_library() -> list[str]:
    modules = [ast, inspect, json, textwrap, pytest]
    return [Path(str(module.__file__)).read_text(encoding="utf-8") for module in modules]


INNOCENT = [
    *standard_library(),
    "BOARD = [\n" + "    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],\n" * 10 + "]\n",
    "# " + "-" * 100 + "\n" + "# title\n" + "# " + "=" * 100 + "\n",
    "TABLE = (" + "0x00, " * 256 + ")",
    "\n".join(f"INSERT INTO users VALUES ({number}, 'user{number}');" for number in range(60)),
    "\n".join(f"    def test_case_{number}(self):\n        self.assertTrue(ok)\n" for number in range(40)),
    "| name | value |\n|------|-------|\n" + "".join(f"| row {n} | {n * n} |\n" for n in range(60)),
    "Ha ha ha ha ha ha ha! " + "very " * 12 + "good. " * 3,
]


@pytest.mark.parametrize("text", INNOCENT, ids=range(len(INNOCENT)))
def test_prose_code_and_tables_are_left_alone(text: str) -> None:
    assert cut_while_growing(text, step=20) is None


@given(st.text(min_size=1, max_size=50), st.integers(0, 200))
def test_what_is_cut_off_only_repeats(block: str, copies: int) -> None:
    text = block * copies
    cut = find_repetition(text)
    if cut is not None:
        assert 0 < cut < len(text)
        assert any(text[cut:] == text[cut - period : -period] for period in range(1, cut + 1))


@given(st.text(max_size=300))
def test_short_texts_are_left_alone(text: str) -> None:
    assert find_repetition(text) is None
