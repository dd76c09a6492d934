import pytest

from moot.prompts import render


def test_a_prompt_is_filled():
    text = render("propose", context="CTX", task="a $task with {braces}", failures="", form="FORM")
    assert text.startswith("CTX")
    assert "a $task with {braces}" in text


def test_missing_and_unknown_fields_are_errors():
    with pytest.raises(KeyError):
        render("propose", context="CTX")
    with pytest.raises(KeyError, match="no field nope"):
        render("system", nope="x")
