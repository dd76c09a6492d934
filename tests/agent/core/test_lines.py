"""What differs between two texts, line by line."""

import pytest

from moot.agent.core.lines import changed_spans


@pytest.mark.parametrize(
    ("old", "new", "spans"),
    [
        (b"abc", b"abc", []),
        (b"", b"ab", [(0, 0, 0, 2)]),
        (b"ab", b"", [(0, 2, 0, 0)]),
        (b"bc", b"abc", [(0, 0, 0, 1)]),
        (b"ab", b"abc", [(2, 2, 2, 3)]),
        (b"aa", b"aaa", [(2, 2, 2, 3)]),
        (b"abcde", b"axcye", [(1, 2, 1, 2), (3, 4, 3, 4)]),
    ],
)
def test_spans_of_both_texts(old, new, spans):
    lines = [[bytes([one]) for one in text] for text in (old, new)]
    assert list(changed_spans(*lines)) == spans


def test_spans_of_large_texts_cover_all_that_differs():
    old = [b"" if n % 2 else b"%d" % n for n in range(6_000)]
    new = [b"x", *old[1:3_000], b"y", *old[3_002:-1], b"z"]
    at, again = 0, list[bytes]()
    for a1, a2, b1, b2 in changed_spans(old, new):
        again += [*old[at:a1], *new[b1:b2]]
        at = a2
    assert [*again, *old[at:]] == new
