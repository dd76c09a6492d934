import pytest

from moot.agent.index.live import outline_text
from moot.agent.risk.touched import api_changes, old_spans, touched_names

OLD = b"""\
def area(w, h):
    return w * h


def _half(x):
    return x / 2


class Box:
    def size(self):
        return 1

    def _hidden(self):
        return 2
"""


def changed(path: str, old: bytes, new: bytes) -> list[str]:
    return list(api_changes(path, outline_text(path, old), outline_text(path, new)))


def test_spans_are_of_the_old_file():
    assert old_spans(b"a\nb\nc\n", b"a\nB\nc\n") == [(2, 2)]
    assert old_spans(b"a\nb\n", b"a\nx\nb\n") == [(1, 1)]
    assert old_spans(b"a\n", b"a\n") == []


def test_the_definitions_around_changed_lines():
    new = OLD.replace(b"return 1", b"return 3").replace(b"x / 2", b"x * 2")
    names = touched_names(outline_text("a.py", OLD), old_spans(OLD, new))
    assert names == ["_half", "Box", "size"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"def area(w, h)", b"def area(w)", ["a.py changes the signature of area"]),
        (b"def area(w, h)", b"def space(w, h)", ["a.py no longer defines area"]),
        (b"def size(self)", b"def size(self, n)", ["a.py changes the signature of Box.size"]),
        (b"def _half(x)", b"def _half(x, y)", []),
        (b"def _hidden(self)", b"def _other(self)", []),
        (b"return w * h", b"return h * w", []),
    ],
)
def test_public_definitions_of_python(old, new, words):
    assert changed("a.py", OLD, OLD.replace(old, new)) == words


def test_public_is_what_the_language_says():
    go = b"package a\n\nfunc Area(w int) int { return w }\n\nfunc half(x int) int { return x }\n"
    gone = b"package a\n"
    assert changed("a.go", go, gone) == ["a.go no longer defines Area"]
    rust = b"pub fn area(w: u32) -> u32 { w }\n\nfn half(x: u32) -> u32 { x }\n"
    assert changed("a.rs", rust, b"") == ["a.rs no longer defines area"]
