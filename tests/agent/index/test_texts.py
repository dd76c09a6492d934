"""Tests of the words of single files: what is found by their parts is what every word's terms give."""

from hypothesis import given
from hypothesis import strategies as st

from moot.agent.index.facts import Outlined
from moot.agent.index.terms import is_word, terms_of, words_of
from moot.agent.index.texts import Text, Told

_PARTS = st.sampled_from(
    ["utf", "8", "_", "Head", "er", "header", "HTTP", "2", "é", "ü", "日本", "x", "ing", "sha"]
)
_WORD = st.lists(_PARTS, min_size=1, max_size=5).map("".join)
_TERM = st.sampled_from(["utf", "utf8", "header", "http2", "ing", "sha8", "é", "日本", "http", "er"])


@given(st.lists(_WORD, max_size=12), st.frozensets(_TERM, max_size=5))
def test_the_words_that_tell_are_those_with_a_term(words: list[str], terms: frozenset[str]) -> None:
    data = " ; ".join(words).encode()
    told = Told({term: (term, 1.0) for term in terms})
    text = Text(data, ())
    places, having = text.telling(told)
    found = [(place, having[int(text.numbers[place])]) for place in places.tolist()]
    wanted: list[tuple[int, list[tuple[str, float]]]] = []
    for place, word in enumerate(words_of(data)[0]):
        if has := [(term, 1.0) for term in terms_of(word) if term in terms and is_word(word)]:
            wanted.append((place, has))
    assert found == wanted


def test_definitions_know_their_words() -> None:
    data = b"import os\n\ndef f(a):\n    return a\n"
    start = data.index(b"def")
    one = Outlined("f", "f", "function", 3, 4, start, len(data), "def f(a)", "")
    assert Text(data, [one]).spans == [[2, 7]]
    assert Text(b"", ()).spans == []


def test_a_text_without_words_tells_nothing() -> None:
    places, having = Text(b" ;\n", ()).telling(Told({"a": ("a", 1.0)}))
    assert not len(places)
    assert not having
