import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.fim.trim import Hole, Trimmer, beginnings, without_overlap

PYTHON = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"
TYPESCRIPT = "function add(a: number, b: number) {\n  return a + b;\n}\n\nfunction sub() {\n  return 1;\n}\n"
GO = "package m\n\nfunc Add(a, b int) int {\n\treturn a + b\n}\n\nfunc Sub() int {\n\treturn 1\n}\n"
RUST = "fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\nfn sub() -> i32 {\n    1\n}\n"
LOOP = "for a in b:\n    f(a)\n    g(a)"
BRANCHES = "if (a) {\n  f();\n} else {\n  g();\n}"
SQL = "SELECT a, b\nFROM t\nWHERE a > 1;\n\nSELECT c FROM u;\n"


def hole(path: str, text: str) -> Hole:
    """A text with `|` at the hole."""
    prefix, suffix = text.split("|")
    return Hole(path, prefix, suffix)


def cut(path: str, text: str, removed: str) -> Hole:
    """A text with its first `removed` taken out."""
    prefix, suffix = text.split(removed, 1)
    return Hole(path, prefix, suffix)


RAN_ON = [
    # The rest of a line: nothing of the next one, and not the rest of this one again.
    (hole("m.py", "def f(a, b):\n    return a | b\n"), "+ b\n\ndef g():\n    pass", "+"),
    (hole("m.py", "x = |\n"), " 1\ny = 2", "1"),
    (hole("m.py", "print(|)\n"), "len(x))", "len(x)"),
    (hole("m.py", "print(|)\n"), "len(x)", "len(x)"),
    (hole("m.ts", "const x = f(|);\n"), "1, 2);\nconst y = 2;", "1, 2"),
    (hole("m.go", "package m\n\nvar x = f(|)\n"), "1, g(2))\nvar y = 3", "1, g(2)"),
    (hole("m.rs", "fn f() { let x = g(|); }\n"), "1); }\n\nfn", "1"),
    (hole("m.sql", "SELECT a FROM t WHERE (a > |);\n"), "1);\nSELECT b", "1"),
    (hole("m.txt", "print(|)\n"), "len(x))", "len(x)"),
    # A statement: up to its end, wherever that is.
    (cut("m.py", PYTHON, "a + b"), "a + b\n\n\ndef mul(a, b):\n    return a * b\n", "a + b"),
    (hole("m.py", "x = 1\n|\ny = 2\n"), f"{LOOP}\nz = 3\n", LOOP),
    (hole("m.py", "x = f(|\n\ny = 2\n"), "\n    a,\n    b,\n)\nz = 3\n", "\n    a,\n    b,\n)"),
    (hole("m.py", "if x|\n"), " > 3:\n    f()\n    g()\nh()\n", " > 3:\n    f()\n    g()"),
    (cut("m.ts", TYPESCRIPT, "a + b;"), "a + b;\n}\n\nfunction mul() {\n", "a + b;"),
    (hole("m.ts", "let a = 1;\n|\nlet c;\n"), f"{BRANCHES}\nlet d;\n", BRANCHES),
    (hole("m.go", GO.replace("a + b", "|")), "a + b\n}\n\nfunc Mul() {", "a + b"),
    (hole("m.rs", RUST.replace("a + b", "|")), "a + b\n}\n\nfn mul() {", "a + b"),
    (hole("m.sql", SQL.replace("a > 1;", "|")), "a > 2;\n\nSELECT d FROM v;", "a > 2;"),
    # An empty body: all of it, and not its end where that stands there already.
    (hole("m.py", "def f(a):\n    |\n\n\nx = 1\n"), "b = a\n    return b\n\ndef h(", "b = a\n    return b"),
    (hole("m.py", "def f(a):|\n\n\nx = 1\n"), "\n    a()\n    b()\n\nx = 2\n", "\n    a()\n    b()"),
    (hole("m.ts", "function f() {\n  |\n}\n"), "g();\n  return 1;\n}\n\nfun", "g();\n  return 1;"),
    (hole("m.ts", "function f() {\n  |"), "g();\n  return 1;\n}\n\nfunction h() {\n", "g();\n  return 1;\n}"),
    (hole("m.go", "package m\n\nfunc f() int {\n\t|\n}\n"), "x := 1\n\treturn x\n}\n", "x := 1\n\treturn x"),
    (hole("m.rs", "fn f() -> i32 {\n    |\n}\n"), "let x = 1;\n    x\n}\n\nfn g() {", "let x = 1;\n    x"),
    # What follows, written again.
    (hole("m.py", "def f(a):\n    a += 1\n    |\n    return a\n"), "a += 2\n    return a\n", "a += 2"),
    # Nothing that fits.
    (hole("m.py", "x = 1\n|\ny = 2\n"), "((", ""),
    (hole("m.py", "x = 1\n|\ny = 2\n"), "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("place", "answer", "kept"), RAN_ON)
def test_an_answer_that_runs_on_is_cut(place: Hole, answer: str, kept: str):
    assert Trimmer(place).trim(answer, "stop").text == kept


@pytest.mark.parametrize(("place", "answer", "kept"), RAN_ON)
def test_a_stream_is_ended_before_the_answer_runs_on_for_long(place: Hole, answer: str, kept: str):
    trimmer = Trimmer(place)
    end = next((n for n in range(len(answer)) if trimmer.ended(answer[:n])), len(answer))
    assert trimmer.trim(answer[:end], "ended").text == kept
    if "\n" in answer[len(kept) + 1 :].rstrip():
        assert end < len(answer)


@pytest.mark.parametrize(
    ("text", "answer", "finish", "stop"),
    [
        ("f(|)\n", "a", "stop", "line"),
        ("x = |\n", "1\ny = 2\n", "stop", "syntax"),
        ("x = |\ny = 2\n", "1\ny = 2\n", "stop", "suffix"),
        ("x = |\n", "1", "stop", "stop"),
        ("x = |\n", "[\n    1,\n    2", "length", "length"),
    ],
)
def test_the_reason_for_the_end(text: str, answer: str, finish: str, stop: str):
    assert Trimmer(hole("m.py", text)).trim(answer, finish).stop == stop


def test_a_line_that_the_limit_broke_off_is_left_out():
    place = hole("m.py", "def f(a):\n    |\n")
    assert Trimmer(place).trim("b = a\n    c = aver", "length").text == "b = a"
    assert Trimmer(place).trim("b = aver", "length").text == "b = aver"


def test_files_beyond_the_judged_part_are_completed():
    lines = "".join(f"x{number} = {number}\n" for number in range(5000))
    place = Hole("m.py", f"{lines}y = ", f"\n{lines}")
    assert Trimmer(place).trim("1\nz = (", "stop").text == "1"


FILES = [("m.py", PYTHON), ("m.ts", TYPESCRIPT), ("m.go", GO), ("m.rs", RUST), ("m.sql", SQL), ("m", PYTHON)]
PIECES = [
    "a",
    " b",
    "(",
    ")",
    ":",
    ";",
    "{",
    "}",
    "\n",
    "\n    ",
    "return ",
    " + ",
    "'",
    "def f():",
    "fn g() {",
    "é",
]
ANSWERS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))


@st.composite
def holes(draw: st.DrawFn) -> Hole:
    path, text = draw(st.sampled_from(FILES))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 30)))
    return Hole(path, text[:start], text[end:])


@given(holes(), ANSWERS, st.integers(0, 40))
def test_a_trimmed_answer_fits(place: Hole, answer: str, repeated: int):
    """It makes no more errors than nothing does, nor than any of its own beginnings; nor does it overlap."""
    trimmer = Trimmer(place)
    text = trimmer.trim(answer + place.suffix[:repeated], "stop").text
    assert trimmer.errors(text) <= trimmer.errors("")
    if text:
        assert trimmer.errors(text) <= min(map(trimmer.errors, beginnings(text, place.suffix)))
        free = without_overlap(text, place.suffix)
        assert free == text or trimmer.errors(free) > trimmer.errors(text)
