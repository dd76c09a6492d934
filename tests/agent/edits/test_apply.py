import hashlib
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.errors import EditRejected
from moot.agent.core.types import TreeEntry
from moot.agent.edits.apply import Base, build_patch
from moot.agent.edits.forms import (
    DeleteFile,
    FileDiff,
    Hunk,
    RenameFile,
    ReplaceSpan,
    SearchReplace,
    SymbolEdit,
    WholeFile,
)
from moot.agent.edits.measure import measure
from moot.agent.index.live import outline_text
from moot.agent.syntax import syntax_errors
from tests.agent.edits import recorded

SOURCE = b"class C:\n    def f(self):\n        return 1\n\n\ndef g():\n    return 2\n"
FILES = {
    "a.py": SOURCE,
    "crlf.py": b"x = 1\r\ny = 2\r\n",
    "noeol.py": b"x = 1",
    "twice.py": b"x = 1\nx = 1\n",
    "data.bin": b"\0\1",
    "link": b"a.py",
}


def blob(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def make_base() -> Base:
    modes = {"link": "120000"}
    entries = {
        path: TreeEntry(path, modes.get(path, "100644"), blob(text), len(text))
        for path, text in FILES.items()
    }
    by_blob = {blob(text): text for text in FILES.values()}
    return Base(entries, by_blob.__getitem__, outline_text, syntax_errors)


def content(edit, path="a.py") -> bytes | None:
    patch = build_patch([edit], make_base())
    return {change.path: change.content for change in patch.changes}[path]


def test_search_replace():
    assert content(SearchReplace("a.py", "    return 2\n", "    return 3\n")).endswith(b"    return 3\n")


@pytest.mark.parametrize(
    ("path", "search", "new"),
    [
        ("a.py", "def g():\n    return 2\n", SOURCE[: SOURCE.index(b"def g")]),
        ("crlf.py", "y = 2\n", b"x = 1\r\n"),
        ("noeol.py", "x = 1", b""),
    ],
)
def test_lines_are_deleted_whole(path, search, new):
    assert content(SearchReplace(path, search, ""), path) == new


def test_lines_that_lack_their_indentation_are_deleted_whole():
    source = SOURCE.replace(b"return 1", b"return 1\n        # One.\n        # Two.")
    base = recorded.make_base({"a.py": source})
    for search in ("# One.\n        # Two.\n", "# One.\n# Two.\n", "# One.  \n# Two.  \n"):
        patch = build_patch([SearchReplace("a.py", search, "")], base)
        assert patch.changes[0].content == SOURCE


def test_line_endings_are_kept():
    assert content(SearchReplace("crlf.py", "y = 2\n", "y = 3\nz = 4\n"), "crlf.py") == (
        b"x = 1\r\ny = 3\r\nz = 4\r\n"
    )


def test_a_file_without_a_final_newline_stays_so():
    assert content(SearchReplace("noeol.py", "x = 1\n", "x = 2\n"), "noeol.py") == b"x = 2"


def test_a_symbol_is_replaced_by_name_with_its_indentation():
    new = content(SymbolEdit("a.py", "C.f", "def f(self):\n    return 7\n"))
    assert new == SOURCE.replace(b"return 1", b"return 7")


def test_a_span_is_replaced_in_the_very_blob_it_was_made_for():
    at = SOURCE.index(b"2")
    assert content(ReplaceSpan("a.py", blob(SOURCE), at, at + 1, "5")) == SOURCE.replace(b"2", b"5")
    with pytest.raises(EditRejected, match="not the file"):
        content(ReplaceSpan("a.py", blob(b"other"), at, at + 1, "5"))


def test_create_and_delete():
    assert content(SearchReplace("new.py", "", "z = 1\n"), "new.py") == b"z = 1\n"
    assert content(DeleteFile("a.py")) is None


def test_edits_of_one_answer_build_on_each_other():
    edits = [
        SearchReplace("a.py", "    return 2\n", "    return 3\n"),
        SearchReplace("a.py", "    return 3\n", "    return 4\n"),
    ]
    assert b"return 4" in (build_patch(edits, make_base()).changes[0].content or b"")


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (SearchReplace("../x.py", "a", "b"), "not a path inside"),
        (SearchReplace("/etc/passwd", "a", "b"), "not a path inside"),
        (WholeFile("a\\b.py", "x"), "not a path inside"),
        (WholeFile("x\0.py", "x"), "not a path inside"),
        (WholeFile(".git/config", "x"), "belongs to git"),
        (WholeFile("sub/.GIT/hooks/x", "x"), "belongs to git"),
        (WholeFile("link", "x"), "symbolic link"),
        (WholeFile("A.py", "x = 1\n"), "only by case"),
        (WholeFile("a.py/b.py", "x = 1\n"), "collides"),
        (SearchReplace("missing.py", "a", "b"), "does not exist"),
        (SearchReplace("a.py", "", "b"), "only creates new files"),
        (SearchReplace("twice.py", "x = 1\n", "x = 2\n"), "occurs 2 times"),
        (SearchReplace("data.bin", "\0", "y"), "binary"),
        (SearchReplace("a.py", "    return 2\n", "    return (\n"), "no longer parse"),
        (SearchReplace("a.py", "    return 2\n", "    return 2\n"), "changes nothing"),
        (SymbolEdit("a.py", "nope", "def nope(): ..."), "defines no symbol"),
        (DeleteFile("gone.py"), "cannot be deleted"),
        (WholeFile("n.py", "x = '\ud800'\n"), "in utf-8, which has no"),
        (WholeFile("big.txt", "x" * 2_000_001), "the limit is"),
    ],
)
def test_what_must_not_be_written_is_refused_with_a_reason(edit, reason):
    with pytest.raises(EditRejected, match=reason):
        build_patch([edit], make_base())


def test_a_near_miss_shows_the_real_lines():
    with pytest.raises(EditRejected, match=r"closest lines are 3-7:[\s\S]*return 2"):
        build_patch([SearchReplace("a.py", "def g( ):\n    return 2\n", "")], make_base())


TOKEN = f"ghp_{'k3Y' * 12}"
SECRETS = {
    ".env": b"TOKEN=hunter2\nTOKEN=hunter2\n",
    "id_rsa": b"hunter2\nhunter2\n",
    "conf.py": f"@on('hunter2')\ndef f():\n    return 1\n\n\nKEY = '{TOKEN}'\nKEY = '{TOKEN}'\n".encode(),
}


@pytest.mark.parametrize(
    "edits",
    [
        [SearchReplace(".env", "FOO=1\n", "DEBUG=1\n")],
        [SearchReplace(".env", "TOKEN=hunter\n", "DEBUG=1\n")],
        [SearchReplace(".env", "TOKEN=hunter2\n", "DEBUG=1\n")],
        [SearchReplace("id_rsa", "x\n", "y\n")],
        [RenameFile("id_rsa", "a.txt"), SearchReplace("a.txt", "x\n", "y\n")],
        [FileDiff(".env", (Hunk((("-", "FOO"), ("+", "DEBUG"))),))],
        [FileDiff(".env", (Hunk((("-", "TOKEN=hunter2"), ("+", "DEBUG"))),))],
        [SearchReplace("conf.py", "KEY = ''\n", "KEY = 1\n")],
        [SearchReplace("conf.py", f"KEY = '{TOKEN}'\n", "KEY = 1\n")],
        [SearchReplace("conf.py", "    return 1\n", "    return (\n")],
        [SymbolEdit("conf.py", "f", "def f():\n    return 2\n")],
    ],
)
def test_a_refusal_shows_no_line_that_the_screen_keeps_back(edits):
    with pytest.raises(EditRejected) as caught:
        build_patch(edits, recorded.make_base(SECRETS))
    assert not re.search(r"hunter2|ghp_|\n|return", str(caught.value))


def test_one_bad_edit_refuses_all():
    edits = [SearchReplace("a.py", "    return 2\n", "    return 3\n"), WholeFile("../x", "")]
    with pytest.raises(EditRejected):
        build_patch(edits, make_base())


@given(
    path=st.sampled_from([*FILES, "n.py", "../a"]), search=st.text(max_size=20), replace=st.text(max_size=20)
)
def test_any_edit_gives_a_patch_that_parses_or_a_rejection(path, search, replace):
    base = make_base()
    try:
        patch = build_patch([SearchReplace(path, search, replace)], base)
    except EditRejected:
        return
    for change in patch.changes:
        old, new = FILES.get(change.path, b""), change.content or b""
        assert len(syntax_errors(change.path, new)) <= len(syntax_errors(change.path, old))


def test_a_file_is_not_read_from_the_base_for_each_edit():
    base, read = make_base(), list[str]()

    def counted(blob: str) -> bytes:
        read.append(blob)
        return base.read(blob)

    edits = [SearchReplace("a.py", f"    return {n}\n", f"    return {n + 1}\n") for n in range(2, 50)]
    build_patch(edits, replace(base, read=counted))
    assert len(read) < 10


def test_measure_counts_lines():
    patch = build_patch([SearchReplace("a.py", "    return 2\n", "    x = 3\n    return x\n")], make_base())
    (delta,) = measure(patch, make_base().read)
    assert (delta.added, delta.removed, delta.existed, delta.exists) == (2, 1, True, True)
