from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.messages import Completion
from moot.agent.repair.infill import distinct, infills
from moot.agent.repair.kinds import Mask, MaskKind
from moot.agent.repair.localise import Suspect
from moot.agent.repair.masks import masks
from moot.agent.repair.source import Source

TEXT = """\
def f(a, b):
    if a:
        b = a + 1
    return g(a, b)


def g(a, b):
    return a * b
"""
PATH = "m.py"
SOURCE = Source.parse(PATH, TEXT.encode())
BROKEN = Source.parse(PATH, TEXT.replace("f(a, b):", "f(a, b:").encode())


def mask_of(kind: MaskKind, part: str) -> Mask:
    start = TEXT.index(part)
    return Mask(PATH, start, start + (0 if kind is MaskKind.INSERTION else len(part)), kind, 0.5)


def texts(mask: Mask, *answers: str) -> list[str]:
    completions = [Completion(answer, "stop", 4, -0.5) for answer in answers]
    return [infill.text for infill in infills(mask, SOURCE, completions)]


CONDITION = Mask(PATH, TEXT.index("if a") + 3, TEXT.index("if a") + 4, MaskKind.CONDITION, 0.5)
STATEMENT = mask_of(MaskKind.STATEMENT, "b = a + 1")


@pytest.mark.parametrize(
    ("mask", "answer", "kept"),
    [
        (CONDITION, "a is not None", ["a is not None"]),
        (CONDITION, "a is not None:", ["a is not None"]),
        (CONDITION, "  a is not None", ["a is not None"]),
        (CONDITION, "a is not None:\n        b = a + 1\n", ["a is not None"]),
        (CONDITION, "a", []),
        (CONDITION, "  a  ", []),
        (CONDITION, "a  # is it?", []),
        (CONDITION, "((", []),
        (CONDITION, "", []),
        (STATEMENT, "b = a + 2\n    return g(a, b)\n\n\ndef g(", ["b = a + 2"]),
        (STATEMENT, "b = a + 2\n        a = 3\n    return g(a, b)", ["b = a + 2\n        a = 3"]),
        (STATEMENT, "b = a + 2\n        c = (", ["b = a + 2"]),
        (STATEMENT, "# nothing", []),
        (STATEMENT, "b = a+1", []),
        (STATEMENT, "b = a + 2  # correct: b = a + 2", ["b = a + 2"]),
        (
            STATEMENT,
            "b = '#'  # why\n        # a is fine\n        a = 3  # so",
            ["b = '#'\n        # a is fine\n        a = 3"],
        ),
    ],
)
def test_cut_where_the_node_ends(mask: Mask, answer: str, kept: list[str]):
    assert texts(mask, answer) == kept


@pytest.mark.parametrize("remark", ["# before: b = a + 1", "# fixed: f is wrong"])
def test_an_answer_ends_where_it_repeats_the_prompt(remark: str):
    assert texts(STATEMENT, f"b = a\n        {remark}\n        b = 3") == ["b = a"]
    assert texts(STATEMENT, f"{remark}\n        b = 3") == []
    assert texts(STATEMENT, "b = a\n        # before noon\n        b = 3") != ["b = a"]


def test_insertion_gets_a_line_of_its_own():
    start = TEXT.index("return g(a, b)")
    before = Mask(PATH, start, start, MaskKind.INSERTION, 0.5, tail="\n    ")
    [infill] = infills(before, SOURCE, [Completion("a = int(a)", "stop", 4)])
    assert b"    a = int(a)\n    return g(a, b)\n" in infill.apply(SOURCE.data)
    end = TEXT.index("return g(a, b)") + len("return g(a, b)")
    after = Mask(PATH, end, end, MaskKind.INSERTION, 0.5, lead="\n    ")
    [infill] = infills(after, SOURCE, [Completion("print(b)", "stop", 4)])
    assert b"    return g(a, b)\n    print(b)\n" in infill.apply(SOURCE.data)


@pytest.mark.parametrize(
    ("path", "text", "masked", "kind", "answer", "kept"),
    [
        ("a.js", "if (a) {\n  b();\n}\n", "a", MaskKind.CONDITION, "c) return; if (d", "c"),
        ("a.js", "x = f(a, b);\n", "a", MaskKind.ARGUMENT, "c, d", "c, d"),
        ("a.py", "x = a + 1\n", "a", MaskKind.OPERAND, "b or c", "b"),
        (
            "a.go",
            "package m\n\nfunc f() {\n\ta()\n}\n",
            "a()",
            MaskKind.STATEMENT,
            "b()\n}\n\nfunc g() {\n\tc()",
            "b()",
        ),
        (
            "a.rs",
            "fn f() {\n    a();\n}\n",
            "a();",
            MaskKind.STATEMENT,
            "b();\n}\n\nfn g() {\n    c();",
            "b();",
        ),
    ],
)
def test_an_infill_is_one_node(path: str, text: str, masked: str, kind: MaskKind, answer: str, kept: str):
    source = Source.parse(path, text.encode())
    start = text.index(masked, text.index("(" if kind is MaskKind.CONDITION else masked))
    mask = Mask(path, start, start + len(masked), kind, 0.5)
    assert [infill.text for infill in infills(mask, source, [Completion(answer, "stop", 4)])] == [kept]


@pytest.mark.parametrize(("path", "text"), [("a.py", "x = a\n"), ("a.js", "x = a;\n")])
def test_a_value_is_no_assignment(path: str, text: str):
    source = Source.parse(path, text.encode())
    mask = Mask(path, 4, 5, MaskKind.EXPRESSION, 0.5)
    assert infills(mask, source, [Completion("x = b", "stop", 4)]) == []


def test_what_follows_stays_reachable():
    before = Mask(PATH, TEXT.index("return g(a, b)"), TEXT.index("return g(a, b)"), MaskKind.INSERTION, 0.5)
    before = replace(before, tail="\n    ")
    assert texts(before, "return a") == []
    assert texts(before, "if b:\n        return a") == ["if b:\n        return a\n    "]
    assert texts(before, "a = b\n    return a") == ["a = b\n    "]
    assert texts(mask_of(MaskKind.STATEMENT, "return a * b"), "return a + b") == ["return a + b"]


@pytest.mark.parametrize(
    ("path", "text", "header", "answer"),
    [
        ("m.py", "if a:\n    return 1\nf()\n", "if a:", "if b:\n    return 2"),
        ("m.js", "function f() {\n  if (a) {\n    g();\n  }\n}\n", "if (a) {", "if (b) {\n    return;"),
        ("m.go", "package m\n\nfunc f() {\n\tif a {\n\t\tg()\n\t}\n}\n", "if a {", "if b {\n\t\treturn"),
    ],
)
def test_a_header_leaves_its_body_reachable(path: str, text: str, header: str, answer: str):
    source = Source.parse(path, text.encode())
    start = text.index(header)
    mask = Mask(path, start, start + len(header), MaskKind.HEADER, 0.5)
    [kept] = infills(mask, source, [Completion(answer, "stop", 4)])
    assert kept.text == answer.partition("\n")[0]


def test_a_branch_without_braces_leaves_its_else_reachable():
    text = "function f(a) {\n  return a;\n}\n"
    start = text.index("return a;")
    mask = Mask("m.js", start, start + len("return a;"), MaskKind.STATEMENT, 0.5)
    answer = "if (a) return 1; else return 2;"
    [kept] = infills(mask, Source.parse("m.js", text.encode()), [Completion(answer, "stop", 4)])
    assert kept.text == answer


def test_a_branch_brings_its_keyword():
    mask = Mask(PATH, TEXT.index("a + 1") + 5, TEXT.index("a + 1") + 5, MaskKind.BRANCH, 0.5, "\n    elif ")
    [infill] = infills(mask, SOURCE, [Completion("b:\n        b = 2\n    return g(a, b)", "stop", 4)])
    assert infill.text == "\n    elif b:\n        b = 2"
    assert b"b = a + 1\n    elif b:\n        b = 2\n    return" in infill.apply(SOURCE.data)


@pytest.mark.parametrize(
    ("text", "masked", "answer"),
    [
        ('return ",\\n".join(xs)\n', '",\\n"', '";\\n"'),
        ('x = " \\n"\n', '" \\n"', '"  \\n"'),
        ('x = f"{y:>10}"\n', 'f"{y:>10}"', 'f"{y:<10}"'),
        (r"x = r'[,]\s'" + "\n", r"r'[,]\s'", r"r'[;]\s'"),
    ],
)
def test_the_text_of_a_string_is_no_layout(text: str, masked: str, answer: str):
    """A string with an escape or a format has text that is no node of the tree."""
    start = text.index(masked)
    mask = Mask("m.py", start, start + len(masked), MaskKind.EXPRESSION, 0.5)
    found = infills(mask, Source.parse("m.py", text.encode()), [Completion(answer, "stop", 4, -0.5)])
    assert [each.text for each in found] == [answer]


def test_a_long_block_may_be_answered_whole():
    block = "".join(f"    a{n} = b\n" for n in range(12))
    source = Source.parse("m.py", f"def f(b):\n{block}    return b\n".encode())
    mask = Mask("m.py", 10, 10 + len(block) - 1, MaskKind.BLOCK, 0.5)
    assert infills(mask, source, [Completion(block.rstrip(), "stop", 60, -0.5)]) == []


def test_equal_infills_are_one_with_votes():
    completions = [Completion(text, "stop", 4, -0.5) for text in ("a > 0", "a>0", "a >  0:", "b")]
    result = infills(CONDITION, SOURCE, completions)
    assert sorted(infill.votes for infill in result) == [1, 3]
    assert result[0].votes == 3


def test_likelier_first():
    completions = [Completion("a < 0", "stop", 4, -1.5), Completion("a > 0", "stop", 4, -0.1)]
    assert [infill.text for infill in infills(CONDITION, SOURCE, completions)] == ["a > 0", "a < 0"]


ALL_MASKS = masks([Suspect(PATH, line, 0.5) for line in range(1, 9)], {PATH: SOURCE})
CODE = st.lists(
    st.sampled_from(
        ["a", "b", "(", ")", ":", "\n", "\n    ", "if ", "return ", " = ", "'", '"', "# ", "[", "é"]
    )
).map("".join)


@given(st.sampled_from(ALL_MASKS), st.one_of(st.text(), CODE), st.sampled_from([SOURCE, BROKEN]))
def test_any_infill_leaves_the_file_parsing_as_well_as_before(mask: Mask, answer: str, source: Source):
    for infill in infills(mask, source, [Completion(answer, "length", 4)]):
        result = Source.parse(PATH, infill.apply(source.data))
        assert result.defects <= source.defects
        assert result.data != source.data


def test_an_answer_that_fits_is_parsed_once(monkeypatch):
    parsed, parse = list[bytes](), Source.parse
    monkeypatch.setattr(Source, "parse", lambda path, data: parsed.append(data) or parse(path, data))
    [infill] = distinct(infills(CONDITION, SOURCE, [Completion("a is not None", "stop", 4)]))
    assert parsed == [infill.apply(SOURCE.data)]


def test_an_edit_that_two_masks_lead_to_is_one():
    whole = replace(STATEMENT, score=0.9)
    part = Mask(PATH, TEXT.index("a + 1"), TEXT.index("a + 1") + 5, MaskKind.EXPRESSION, 0.5)
    edits = [
        *infills(part, SOURCE, [Completion("a + 2", "stop", 4), Completion("a + 3", "stop", 4)]),
        *infills(whole, SOURCE, [Completion("b = a  +  2", "stop", 4)]),
    ]
    assert [infill.text for infill in distinct(edits)] == ["b = a  +  2", "a + 3"]
