import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.errors import EditRejected
from moot.agent.edits.answer import parse_answer
from moot.agent.edits.forms import DeleteFile, SearchReplace, SymbolEdit, WholeFile

BLOCK = "<<<<<<< SEARCH a/b.py\nold\n=======\nnew\n>>>>>>> REPLACE\n"


def test_a_search_block_with_its_path_in_the_head():
    assert parse_answer(f"Sure:\n```python\n{BLOCK}```\n") == [SearchReplace("a/b.py", "old\n", "new\n")]


@pytest.mark.parametrize(
    "line", ["a/b.py", "`a/b.py`", "**a/b.py**", "### a/b.py", "File: a/b.py", "a/b.py:"]
)
def test_the_path_may_stand_on_the_line_before(line):
    text = f"{line}\n```python\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```"
    assert parse_answer(text) == [SearchReplace("a/b.py", "old\n", "new\n")]


def test_a_name_like_makefile_is_a_path():
    text = "Makefile\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n"
    assert parse_answer(text) == [SearchReplace("Makefile", "old\n", "new\n")]


def test_a_second_block_reuses_the_path_of_the_first():
    text = BLOCK + "<<<<<<< SEARCH\nmore\n=======\nless\n>>>>>>> REPLACE\n"
    assert parse_answer(text)[1] == SearchReplace("a/b.py", "more\n", "less\n")
    for line in (
        *("Then the call:", "In `b.py` again:", "In `a/b.py`, `f` as well:", "```\n\n```python"),
        *("And `self.total`:", "`Store.get` calls `os.path` since `3.11`:"),
    ):
        assert parse_answer(text.replace(f"{BLOCK}", f"{BLOCK}{line}\n", 1)) == parse_answer(text)


@pytest.mark.parametrize(
    "line", ["In `c.py`:", "And in `a/c.py`, too:\n```python", "From `a/b.py` to `c/b.py`:", "See `a.md`:"]
)
def test_a_second_block_below_the_name_of_another_file_needs_its_path(line):
    text = f"{BLOCK}\n{line}\n<<<<<<< SEARCH\nmore\n=======\nless\n>>>>>>> REPLACE\n"
    with pytest.raises(EditRejected, match="needs its file's path"):
        parse_answer(text)


@pytest.mark.parametrize("kind", ["DELETE", "FILE"])
def test_a_block_that_takes_a_whole_file_away_names_it(kind):
    text = f"{BLOCK}{{}}<<<<<<< {kind}\nold\n>>>>>>> END\n"
    with pytest.raises(EditRejected, match="needs its file's path"):
        parse_answer(text.format(""))
    assert parse_answer(text.format("`c.py`:\n"))[1].path == "c.py"


def test_symbol_file_and_delete_blocks():
    text = (
        "<<<<<<< SYMBOL a.py C.f\ndef f(self): ...\n>>>>>>> END\n"
        "<<<<<<< FILE b.py\nx = 1\n>>>>>>> END\n"
        "<<<<<<< DELETE c.py\n>>>>>>> END\n"
    )
    assert parse_answer(text) == [
        SymbolEdit("a.py", "C.f", "def f(self): ...\n"),
        WholeFile("b.py", "x = 1\n"),
        DeleteFile("c.py"),
    ]


def test_json_of_the_schema():
    edits = [
        {"kind": "search_replace", "path": "a.py", "search": "old", "replace": "new"},
        {"kind": "symbol", "path": "a.py", "symbol": "f", "text": "def f(): ..."},
        {"kind": "delete", "path": "b.py"},
    ]
    assert parse_answer(json.dumps({"edits": edits})) == [
        SearchReplace("a.py", "old", "new"),
        SymbolEdit("a.py", "f", "def f(): ..."),
        DeleteFile("b.py"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I would change the loop.", "no edit"),
        ("<<<<<<< SEARCH a.py\nold\n>>>>>>> REPLACE\n", "exactly one ======="),
        ("<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n", "needs its file's path"),
        ("Then add the tests:\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n", "needs its file's path"),
        ("Tests\n<<<<<<< FILE\nx\n>>>>>>> END\n", "needs its file's path"),
        ("<<<<<<< SYMBOL a.py\nx\n>>>>>>> END\n", "names a path and a symbol"),
        ('{"edits": []}', "at least 1 item"),
        ('{"edits": 3}', "not JSON of the given schema"),
        ("{broken", "not JSON of the given schema"),
    ],
)
def test_an_answer_without_a_complete_edit_is_rejected_with_a_reason(text, reason):
    with pytest.raises(EditRejected, match=reason):
        parse_answer(text)


ECHO = '<file path="b.xml">\n<list>\n</list>\n</file>\n'
DIFF = "```diff\n--- a/c.py\n+++ b/c.py\n@@ -1,2 +1,2 @@\n x\n-old\n+new\n"


@pytest.mark.parametrize(
    "rest",
    [
        DIFF,
        DIFF.partition("@@")[0],
        "diff --git a/c.py b/c.py\n",
        "<<<<<<< SEARCH b.py\nold\n=======\nne",
        "<<<<<<< DELETE src/app",
        ECHO.removesuffix("</file>\n"),
        '<file path="b.xml">\n<list>\n  <file name="c">\n  </file>\n',
        "*** Begin Patch\n*** Update File: c.py\n@@\n-old\n+ne",
    ],
)
def test_an_answer_that_was_cut_off_within_an_edit_is_refused_whole(rest):
    with pytest.raises(EditRejected, match="cut off"):
        parse_answer(BLOCK + rest, cut=True)


@pytest.mark.parametrize("text", ["I would", '{"edits": [{"kind": "delete", "path": "a'])
def test_an_answer_that_was_cut_off_before_any_edit_says_so(text):
    with pytest.raises(EditRejected, match="cut off"):
        parse_answer(text, cut=True)


@pytest.mark.parametrize("edit", [BLOCK, BLOCK.rstrip(), f"{DIFF}```\n", ECHO.rstrip(), "<<<<<<< DELETE a\n"])
def test_whole_edits_of_an_answer_that_was_cut_off_after_them_are_read(edit):
    for rest in ("", "\nThis chan"):
        assert parse_answer(edit + rest, cut=True) == parse_answer(edit)


def test_a_file_that_is_shown_again_after_its_edit_is_passed_over():
    assert parse_answer(ECHO + ECHO.removesuffix("</file>\n"), cut=True) == parse_answer(ECHO)


@pytest.mark.parametrize(
    "text",
    [
        '<a>\n  <file name="c">\n  </file>\n</a>\n',
        '<file path="c.xml">\n</file>\n',
        'END = """\n</file>\n"""\n',
        '<file name="c"><b/>\n</file>\n<file/>\n<file>d</file>\n',
    ],
)
@pytest.mark.parametrize("after", ["", "Done.\n", ECHO, BLOCK, "</file>\n", f"{DIFF} </file>\n"])
def test_the_text_of_a_file_may_hold_its_closing_tag(text, after):
    first = parse_answer(f'<file path="a.xml">\n{text}</file>\n{after}')[0]
    assert first == WholeFile("a.xml", text, echo=True)


@given(st.text(alphabet="<>=SEARCHREPLACE a.py\n{}\"'`\0é", max_size=300) | st.text())
def test_any_text_gives_edits_or_a_rejection(text):
    for cut in (False, True):
        with contextlib.suppress(EditRejected):
            assert parse_answer(text, cut=cut)
