import pytest

from moot.agent.repair.localise import Suspect
from moot.agent.repair.masks import Mask, MaskKind, masks
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
    assert not any("return" in masked for kind, masked in kinds if kind is not MaskKind.STATEMENT)


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


def test_docstrings_and_definitions_are_not_masked():
    assert found("a.py", PYTHON, 2) == [(MaskKind.LINE, "'''Words.'''")]
    assert all(kind is MaskKind.LINE for kind, _ in found("a.py", PYTHON, 1))


def test_lines_where_no_grammar_is_known():
    assert found("a.rb", "def f\n  x = 1\nend\n", 2) == [(MaskKind.LINE, "x = 1")]


def test_order_is_suspicion_times_prior_and_spans_are_unique():
    source = Source.parse("a.py", PYTHON.encode())
    result = masks([Suspect("a.py", 3, 0.2), Suspect("a.py", 4, 0.9)], {"a.py": source})
    assert [mask.score for mask in result] == sorted((mask.score for mask in result), reverse=True)
    assert result[0].kind is MaskKind.RETURN
    assert len({(mask.start_byte, mask.end_byte) for mask in result}) == len(result)


def test_a_mask_knows_whether_it_takes_statements():
    assert Mask("a.py", 0, 0, MaskKind.INSERTION, 1.0).whole_lines
    assert not Mask("a.py", 0, 1, MaskKind.RETURN, 1.0).whole_lines
