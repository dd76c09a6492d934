import pytest

from moot.agent.core.surrogates import has_surrogates


@pytest.mark.parametrize(
    ("text", "has"),
    [("", False), ("é𝄞\uffff", False), ("a\ud800", True), (b"\xff".decode("utf-8", "surrogateescape"), True)],
)
def test_only_halves_of_characters_are_found(text, has):
    assert has_surrogates(text) is has
