import pytest

from moot.agent.repair.kinds import Mask, MaskKind
from moot.agent.repair.operators import alternatives, operator_infills
from moot.agent.repair.source import Source


@pytest.mark.parametrize(
    ("operator", "language", "first"),
    [
        ("<", "python", "<="),
        ("+", "go", "-"),
        ("and", "python", "or"),
        ("&&", "rust", "||"),
        ("===", "javascript", "!=="),
        ("not in", "python", "in"),
        ("..", "rust", "..="),
        ("!", "typescript", ""),
    ],
)
def test_the_nearest_comes_first(operator: str, language: str, first: str):
    assert alternatives(operator, language)[0] == first


@pytest.mark.parametrize("language", ["go", "rust"])
def test_only_operators_of_the_language(language: str):
    assert not {"//", "**", "??", "==="} & {*alternatives("*", language), *alternatives("&&", language)}
    assert alternatives("=>", language) == ()


@pytest.mark.parametrize(
    ("path", "text", "operator", "wanted"),
    [
        ("a.py", "x = a < b\n", "<", "x = a <= b\n"),
        ("a.py", "x = not a\n", "not", "x = a\n"),
        ("a.js", "x = !a;\n", "!", "x = a;\n"),
        ("a.go", "package m\n\nvar x = a - b\n", "-", "package m\n\nvar x = a + b\n"),
        ("a.rs", "fn f() { for i in 0..n {} }\n", "..", "fn f() { for i in 0..=n {} }\n"),
    ],
)
def test_edits(path: str, text: str, operator: str, wanted: str):
    source, start = Source.parse(path, text.encode()), text.index(operator)
    found = operator_infills(Mask(path, start, start + len(operator), MaskKind.OPERATOR, 0.5), source)
    assert found[0].apply(source.data).decode() == wanted
    assert [each.rank for each in found] == sorted((each.rank for each in found), reverse=True)
