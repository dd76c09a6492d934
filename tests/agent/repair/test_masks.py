import pytest

from moot.agent.repair.infill import normalised
from moot.agent.repair.kinds import PRIORS, Mask, MaskKind
from moot.agent.repair.localise import Suspect
from moot.agent.repair.masks import masks
from moot.agent.repair.source import Source

PYTHON = """\
def f(a, b=0):
    '''Words.'''
    if a > b:
        return a + 1
    x = g(a, key=[v for v in b if v])
    y = 2
    return x
"""
JAVASCRIPT = """\
function f(a) {
  if (a > 1) {
    return a + 1;
  }
  const x = g(a, 2);
  return x;
}
"""
GO = """\
package m

func f(a int) int {
\tif a > 1 {
\t\treturn a + 1
\t}
\tx := g(a, 2)
\treturn x
}
"""
RUST = """\
fn f(a: i32) -> i32 {
    if a > 1 {
        return a + 1;
    }
    let x = g(a, 2);
    return x;
}
"""


def found(path: str, text: str, *lines: int) -> list[tuple[MaskKind, str]]:
    source = Source.parse(path, text.encode())
    result = masks([Suspect(path, line, 0.5) for line in lines], {path: source})
    return [(mask.kind, text[mask.start_byte : mask.end_byte]) for mask in result]


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("a.py", PYTHON, 3),
        ("a.js", JAVASCRIPT, 2),
        ("a.ts", JAVASCRIPT, 2),
        ("a.go", GO, 4),
        ("a.rs", RUST, 2),
    ],
)
def test_condition(path: str, text: str, line: int):
    kinds = found(path, text, line)
    condition = "a > b" if path == "a.py" else "a > 1"
    assert (MaskKind.CONDITION, condition) in kinds
    assert (MaskKind.OPERAND, "a") in kinds
    inner = [masked for kind, masked in kinds if kind not in (MaskKind.STATEMENT, MaskKind.BODY)]
    assert not any("return" in masked for masked in inner)


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("a.py", PYTHON, 4),
        ("a.js", JAVASCRIPT, 3),
        ("a.tsx", JAVASCRIPT, 3),
        ("a.go", GO, 5),
        ("a.rs", RUST, 3),
    ],
)
def test_return_value(path: str, text: str, line: int):
    kinds = found(path, text, line)
    assert (MaskKind.RETURN, "a + 1") in kinds
    assert any(kind is MaskKind.STATEMENT and masked.startswith("return a + 1") for kind, masked in kinds)


@pytest.mark.parametrize(
    ("path", "text", "line"), [("a.js", JAVASCRIPT, 5), ("a.go", GO, 7), ("a.rs", RUST, 5)]
)
def test_assigned_value_and_arguments(path: str, text: str, line: int):
    kinds = found(path, text, line)
    assert (MaskKind.EXPRESSION, "g(a, 2)") in kinds
    assert {(MaskKind.ARGUMENT, "a"), (MaskKind.ARGUMENT, "2")} <= set(kinds)
    assert (MaskKind.INSERTION, "") in kinds


def test_python_keyword_argument_and_comprehension_filter():
    kinds = found("a.py", PYTHON, 5)
    assert (MaskKind.ARGUMENT, "[v for v in b if v]") in kinds
    assert (MaskKind.CONDITION, "v") in kinds


def test_blocks_of_two_and_three_simple_statements():
    blocks = [masked for kind, masked in found("a.py", PYTHON, 5, 6, 7) if kind is MaskKind.BLOCK]
    assert sorted(block.count("\n") + 1 for block in blocks) == [2, 2, 3]


def test_documentation_and_definitions_are_masked_as_lines_alone():
    kinds = found("a.py", PYTHON, 2)
    assert (MaskKind.LINE, "'''Words.'''") in kinds
    assert {kind for kind, _ in kinds} == {MaskKind.LINE, MaskKind.BODY, MaskKind.PARAMETER}
    assert found("a.py", PYTHON, 1) == [(MaskKind.LINE, "def f(a, b=0):")]
    assert found("a.py", f"@cached\n{PYTHON}", 1) == [(MaskKind.LINE, "@cached")]


def test_lines_where_no_grammar_is_known():
    assert found("a.rb", "def f\n  x = 1\nend\n", 2) == [(MaskKind.LINE, "x = 1")]


def test_the_best_kind_comes_first_and_spans_are_unique():
    source = Source.parse("a.py", PYTHON.encode())
    result = masks([Suspect("a.py", 3, 0.2), Suspect("a.py", 4, 0.9)], {"a.py": source})
    assert result[0].kind is MaskKind.RETURN
    assert result[0].score == pytest.approx(0.9 * PRIORS[MaskKind.RETURN])
    assert len({(mask.start_byte, mask.end_byte, mask.lead) for mask in result}) == len(result)


def test_another_line_as_suspicious_comes_before_a_further_mask_of_the_same_one():
    text = "def f(a):\n    b = a.x + 1\n    c = a.y + 2\n    print(b * c)\n"
    suspects = [Suspect("a.py", 2, 0.9), Suspect("a.py", 3, 0.88), Suspect("a.py", 4, 0.3)]
    result = masks(suspects, {"a.py": Source.parse("a.py", text.encode())})
    lines = [
        text.count("\n", 0, mask.start_byte) + 1 for mask in result if mask.kind is not MaskKind.INSERTION
    ]
    assert lines[:3] == [2, 3, 2]
    assert 4 not in lines[:6]


def test_a_mask_knows_whether_it_takes_statements():
    assert Mask("a.py", 0, 0, MaskKind.INSERTION, 1.0).whole_lines
    assert not Mask("a.py", 0, 1, MaskKind.RETURN, 1.0).whole_lines


TWO_BRANCHES = {
    "a.py": "def f(a):\n    if a < 1 and not a:\n        b = 1\n    elif a in (2, 3):\n        b += 2\n"
    "    else:\n        b = 3\n    return b\n",
    "a.js": "function f(a) {\n  if (a < 1 && !a) {\n    b = 1;\n  } else if (a === 2) {\n    b += 2;\n"
    "  } else {\n    b = 3;\n  }\n  return b;\n}\n",
    "a.go": "package m\nfunc f(a int) int {\n\tif a < 1 && !ok(a) {\n\t\tb = 1\n\t} else if a == 2 {\n"
    "\t\tb += 2\n\t} else {\n\t\tb = 3\n\t}\n\treturn b\n}\n",
    "a.rs": "fn f(a: i32) -> i32 {\n    if a < 1 && !ok(a) {\n        b = 1;\n    } else if a == 2 {\n"
    "        b += 2;\n    } else {\n        b = 3;\n    }\n    b\n}\n",
}
EVERY = [pytest.param(path, text, id=path) for path, text in TWO_BRANCHES.items()]


def holes(path: str, text: str, kind: MaskKind, line: int | None = None) -> list[str]:
    """Return the text with each mask of a kind replaced by what surrounds its infill."""
    source = Source.parse(path, text.encode())
    lines = [line] if line else range(1, text.count("\n") + 1)
    result = masks([Suspect(path, number, 0.5) for number in lines], {path: source})
    chosen = [mask for mask in result if mask.kind is kind]
    return [f"{text[: each.start_byte]}{each.lead}…{each.tail}{text[each.end_byte :]}" for each in chosen]


@pytest.mark.parametrize(("path", "text"), EVERY)
def test_operators(path: str, text: str):
    operators = {masked for kind, masked in found(path, text, *range(1, 12)) if kind is MaskKind.OPERATOR}
    assert {"<", "+="} <= operators
    assert operators & {"and", "&&"}
    assert operators & {"not", "!"}
    assert not operators & {"(", ")", "="}


@pytest.mark.parametrize(("path", "text"), EVERY)
def test_headers_and_conditions_of_each_branch(path: str, text: str):
    kinds = found(path, text, *range(1, 12))
    headers = [masked for kind, masked in kinds if kind is MaskKind.HEADER]
    assert len(headers) == 2
    assert all("a" in header and "b" not in header for header in headers)
    conditions = [masked for kind, masked in kinds if kind is MaskKind.CONDITION]
    assert len(conditions) == 2


@pytest.mark.parametrize(("path", "text"), EVERY)
def test_a_missing_branch(path: str, text: str):
    branches = holes(path, text, MaskKind.BRANCH)
    assert len(branches) == 2
    wanted = "elif …" if path == "a.py" else "else if …"
    assert all(wanted in branch for branch in branches)
    plain = TWO_BRANCHES["a.py"].replace("    else:\n        b = 3\n", "")
    assert any(
        "b += 2\n    elif …\n    return b" in branch for branch in holes("a.py", plain, MaskKind.BRANCH)
    )


def test_a_missing_else_where_there_are_braces():
    assert holes("a.js", JAVASCRIPT, MaskKind.BRANCH, 2) == [JAVASCRIPT.replace("  }\n", "  } else …\n", 1)]


@pytest.mark.parametrize(
    ("path", "text", "line", "wanted"),
    [
        (
            "a.py",
            "def f(a):\n    match a:\n        case 1:\n            g()\n",
            2,
            "        case …\n        case 1:",
        ),
        ("a.js", "switch (a) {\n  case 1:\n    g();\n}\n", 1, "  case …\n  case 1:"),
        (
            "a.go",
            "package m\nfunc f() {\n\tswitch a {\n\tcase 1:\n\t\tg()\n\t}\n}\n",
            3,
            "\tcase …\n\tcase 1:",
        ),
        ("a.rs", "fn f() {\n    match a {\n        1 => g(),\n    }\n}\n", 2, "        …\n        1 => g(),"),
    ],
)
def test_a_missing_case(path: str, text: str, line: int, wanted: str):
    [branch] = holes(path, text, MaskKind.BRANCH, line)
    assert wanted in branch


@pytest.mark.parametrize(("path", "text"), EVERY)
def test_the_body_and_the_parameters_of_the_function(path: str, text: str):
    kinds = found(path, text, 3)
    bodies = [masked for kind, masked in kinds if kind is MaskKind.BODY]
    assert [(body.startswith("if "), "b = 3" in body) for body in bodies] == [(True, True)]
    parameters = [masked for kind, masked in kinds if kind is MaskKind.PARAMETER]
    assert parameters
    assert all(parameter.startswith("a") for parameter in parameters)
    long = text.replace("b = 1", "b = 1" + " + 1" * 300)
    assert not [kind for kind, _ in found(path, long, 3) if kind is MaskKind.BODY]


@pytest.mark.parametrize(
    ("path", "text"), [("a.py", "def f(a, b=7):\n    g()\n"), ("a.js", "function f(a, b = 7) {\n  g();\n}\n")]
)
def test_defaults_and_empty_arguments(path: str, text: str):
    kinds = found(path, text, 2)
    assert (MaskKind.PARAMETER, "7") in kinds
    assert (MaskKind.ARGUMENT, "") in kinds
    assert (MaskKind.NAME, "g") in kinds


def test_a_condition_of_several_lines_is_found_by_any_of_them():
    text = "def f(a):\n    if (\n        a\n        or b\n    ):\n        return 1\n"
    kinds = found("a.py", text, 4)
    assert (MaskKind.HEADER, "if (\n        a\n        or b\n    ):") in kinds
    assert (MaskKind.CONDITION, "a\n        or b") in kinds


def test_statements_without_braces_and_in_cases():
    text = "function f(a) {\n  if (a) return 1;\n  switch (a) {\n    case 1:\n      b = 2;\n  }\n}\n"
    assert (MaskKind.STATEMENT, "return 1;") in found("a.js", text, 2)
    assert (MaskKind.STATEMENT, "b = 2;") in found("a.js", text, 5)


@pytest.mark.parametrize(("path", "text"), [("a.js", JAVASCRIPT), ("a.go", GO), ("a.rs", RUST)])
def test_declarations_are_in_blocks(path: str, text: str):
    blocks = [masked for kind, masked in found(path, text, *range(2, 9)) if kind is MaskKind.BLOCK]
    assert any("g(a, 2)" in block and "return x" in block for block in blocks)


def test_a_whole_case():
    text = "package m\nfunc f() {\n\tswitch a {\n\tcase 1:\n\t\tg()\n\t}\n}\n"
    assert (MaskKind.BLOCK, "case 1:\n\t\tg()") in found("a.go", text, 4)


def test_a_whole_compound_statement_and_blocks_with_one():
    kinds = found("a.py", PYTHON, 3, 5)
    assert (MaskKind.STATEMENT, "if a > b:\n        return a + 1") in kinds
    assert any(kind is MaskKind.BLOCK and masked.startswith("if a > b") for kind, masked in kinds)


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        ("m.rs", "fn f(c: &mut i32) {\n    *c += 2;\n    // no\n    /*\n    * no */\n    x();\n}\n", {2, 6}),
        ("m.js", "class A {\n  #n = 1;\n  /*\n   * no\n   */\n  m = 2;\n}\n", {1, 2, 6}),
        ("m.py", "*a, b = x\n# no\nif x:\n    y = 1\nelse:\n    z = 1\n", {1, 3, 4, 6}),
        ("m.zig", "x = 1\n// no\n# no\n", {1}),
    ],
)
def test_a_line_of_code_is_told_from_a_comment_by_the_tree(path: str, text: str, code: set[int]):
    source = Source.parse(path, text.encode())
    assert {line for line in range(1, text.count("\n") + 1) if source.has_code(line)} == code


def test_a_line_of_a_file_that_is_no_utf_8_is_masked_whole():
    data = "# -*- coding: latin-1 -*-\n@deco('\xe9\xe9\xe9')\ndef f():\n    return 1\n".encode("latin-1")
    source = Source.parse("m.py", data)
    found = masks([Suspect("m.py", 2, 1.0)], {"m.py": source})
    lines = [mask for mask in found if mask.kind is MaskKind.LINE]
    assert [data[mask.start_byte : mask.end_byte] for mask in lines] == [b"@deco('\xe9\xe9\xe9')"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", 'a = "x"{}\n'),
        ("a.js", 'const a = "x"{};\n'),
        ("a.go", 'package m\n\nconst a = "x"{}\n'),
    ],
)
def test_a_long_chain_of_operators(path: str, text: str):
    """Each operator is a level of the tree, as in what protoc generates for Go."""
    source = Source.parse(path, text.format(' + "x"' * 1_200).encode())
    assert masks([Suspect(path, text.count("\n"), 1.0)], {path: source})
    assert normalised(source).count(b'"\0x\0"') == 1_201


def test_many_branches_in_a_chain():
    text = "if (a) {\n  b();\n}" + " else if (a) {\n  b();\n}" * 600 + "\n"
    source = Source.parse("a.js", text.encode())
    assert masks([Suspect("a.js", 1_200, 1.0)], {"a.js": source})
