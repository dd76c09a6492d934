"""What fills Python's functions is left out before parsing; what is found stays the same."""

import ast
import textwrap
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moot.agent.index.extract import extract
from moot.agent.index.skim import skim

SOURCES = sorted(Path(__file__).parents[3].glob("agent/*/*.py"))
FILLER = "    value = compute(first_argument, second_argument)\n    return value.with_another(argument)\n"
LINES = st.sampled_from(
    [
        "def f(a):",
        "async def g(",
        "a, b=(1, 2)):",
        "class C(B):",
        "some_call(that_is_long_enough_to_matter, to_the_threshold)",
        "x = (",
        ")",
        '"""',
        '"""doc"""',
        "'doc' # said",
        "f'{x}'",
        "import os; y = 1",
        "type X = int",
        "s = 'a\\",
        "b'",
        "v = a + \\",
        "# note: x",
        "def h(a,  # note:",
        "      b): return 1",
        "if a:",
        "",
    ]
)


def same(data: bytes) -> None:
    """Check that leaving out changes nothing; with references, the whole text is parsed."""
    less, whole = extract(data, "python", references=False), extract(data, "python")
    assert (less.outline, less.links.imports) == (whole.outline, whole.links.imports)


def test_a_long_body_is_left_out_in_place():
    text = f'def f(a):  # why\n    """Do it."""\n{FILLER}\n\ndef g():\n    return 1\n'
    less = skim(text.encode()).decode()
    assert len(less) == len(text)
    assert "compute" not in less
    assert [number for number, line in enumerate(less.split("\n")) if line.strip() == "pass"] == [3]
    same(text.encode())


@pytest.mark.parametrize(
    "kept", ["import os", "def g(): pass", "class C: pass", "type X = int", "x = '''a\n    b'''"]
)
def test_a_statement_with_something_to_find_stays(kept):
    text = f"def f(a):\n    {kept}\n{FILLER}".encode()
    assert kept.encode() in skim(text)
    assert b"compute" not in skim(text)
    same(text)


def test_a_body_whose_brackets_are_open_is_parsed_after_all():
    text = f"def f():\n{FILLER}    x = [\n1,\n    ]\n\ndef g(): pass\n".encode()
    assert skim(text) != text
    same(text)


def test_documentation_that_is_indented_less_than_its_function_stays():
    same(f'def f(a):\n    def f(a):\n        """\n{FILLER}    """\n'.encode())


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_is_lost_in_real_files(source):
    same(source.read_bytes())


def test_definitions_on_one_line_take_linear_time():
    text = b"".join(b"def f%d(a): return a + %d\n" % (n, n) for n in range(30_000))
    began = time.process_time()
    assert skim(text) == text
    assert time.process_time() - began < 5


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(LINES, st.integers(0, 3)), max_size=20))
def test_nothing_is_lost_in_valid_text(lines):
    depth, written = 0, list[str]()
    for line, less in lines:
        written.append("    " * depth + line)
        depth = depth + 1 if line.endswith(":") else max(0, depth - (less == 0))
    text = "\n".join(written) + "\n"
    if _valid(text):
        same(textwrap.dedent(text).encode())


def _valid(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text.replace("type X = int", "X = int"))
    except SyntaxError:
        return False
    return True
