"""Every form on real text: diffs with what models get wrong, symbols, imports, renames, encodings."""

import json

import pytest

from moot.agent.core.errors import EditRejected
from moot.agent.edits.answer import parse_answer
from moot.agent.edits.apply import build_patch
from tests.agent.edits.recorded import make_base

PY = b'''"""Doc."""

import os


class C:
    @property
    def f(self):
        return 1

    def g(self):
        return 2


def h():
    return 1
'''
GO = b"package a\n\n// F does.\nfunc F() int {\n\treturn 1\n}\n\nfunc G() int {\n\treturn 1\n}\n"


def run(answer: str, **contents: bytes) -> dict[str, bytes | None]:
    files = {name.replace("_", "."): data for name, data in contents.items()} or {"a.py": PY}
    return {
        change.path: change.content for change in build_patch(parse_answer(answer), make_base(files)).changes
    }


def reason(answer: str, **contents: bytes) -> str:
    with pytest.raises(EditRejected) as caught:
        run(answer, **contents)
    return str(caught.value)


DIFF = "--- a/a.py\n+++ b/a.py\n@@ -99,7 +12,1 @@\n     def g(self):\n-        return 2\n+        return 3\n"


@pytest.mark.parametrize(
    "text",
    [
        DIFF,
        f"diff --git a/a.py b/a.py\nindex 1..2 100644\n{DIFF}",
        f"Here:\n```diff\n{DIFF}```\nDone.",
        f"{DIFF}\nThis changes g.",
        f"```diff\n{DIFF}```\n- This changes g.",
        DIFF.replace("a/a.py", "a.py").replace("b/a.py", "a.py"),
        DIFF.replace("@@ -99,7 +12,1 @@", "@@ ... @@"),
        DIFF.replace("@@ -99,7 +12,1 @@\n", ""),
        DIFF.replace("     def g", "    def g"),
        DIFF.replace("     def g(self):\n", ""),
        DIFF.replace("\n", "\r\n"),
        "*** Begin Patch\n*** Update File: a.py\n@@ def g(self):\n-        return 2\n+        return 3\n"
        "*** End Patch\n",
    ],
    ids=[
        "plain",
        "git",
        "fence",
        "prose",
        "bullet",
        "bare",
        "dots",
        "none",
        "space",
        "context",
        "crlf",
        "patch",
    ],
)
def test_a_diff_is_placed_by_its_content(text):
    assert run(text) == {"a.py": PY.replace(b"return 2", b"return 3")}


def test_an_ambiguous_hunk_shows_the_real_lines_and_a_heading_decides():
    hunk = "--- a/a.py\n+++ b/a.py\n@@ -90 +90 @@{}\n-    return 1\n+    return 9\n"
    text = b"def h():\n    return 1\n\n\ndef i():\n    return 1\n"
    assert "fits 2 places" in reason(hunk.format(""), a_py=text)
    assert "5-6" in reason(hunk.format(""), a_py=text) or "3-6" in reason(hunk.format(""), a_py=text)
    assert run(hunk.format(" def i():"), a_py=text)["a.py"] == text[:-9] + b"return 9\n"
    assert run(hunk.format("").replace("-90", "-6"), a_py=text)["a.py"] == text[:-9] + b"return 9\n"


def test_hunks_of_one_diff_meet_the_base_and_may_not_overlap():
    two = "--- a/a.txt\n+++ b/a.txt\n@@ @@\n-a\n+b\n@@ @@\n-b\n+c\n"
    assert run(two, a_txt=b"a\nb\n") == {"a.txt": b"b\nc\n"}
    assert "two hunks" in reason(two.replace("-b\n", "-a\n"), a_txt=b"a\nb\n")


def test_final_newlines_follow_the_base_unless_the_diff_says_otherwise():
    diff = "--- a/a.txt\n+++ b/a.txt\n@@ @@\n-b\n+c\n"
    assert run(diff, a_txt=b"a\nb") == {"a.txt": b"a\nc"}
    assert run(f"{diff}\\ No newline at end of file\n", a_txt=b"a\nb\n") == {"a.txt": b"a\nc"}


@pytest.mark.parametrize(
    "diff",
    [
        "--- a/b.py\n+++ b/b.py\n@@ @@\n import os\n+import sys\n",
        "--- a/b.py\n+++ b/b.py\n@@ -3,0 +4 @@\n+import sys\n",
        "*** Begin Patch\n*** Update File: b.py\n@@\n import os\n+import sys\n*** End Patch\n",
    ],
)
def test_a_diff_of_a_file_that_is_not_there_creates_none_out_of_its_context(diff):
    assert reason(diff) == "b.py does not exist; did you mean a.py?"


def test_files_are_created_deleted_renamed_and_made_programs():
    assert run("--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1 @@\n+x\n") == {"n.txt": b"x\n"}
    assert run("<<<<<<< DELETE a.py\n>>>>>>> END") == {"a.py": None}
    assert run("<<<<<<< RENAME a.py -> b/c.py") == {"a.py": None, "b/c.py": PY}
    git = "diff --git a/a.py b/c.py\nrename from a.py\nrename to c.py\n"
    assert run(git) == {"a.py": None, "c.py": PY}
    assert run(git + DIFF.replace("b/a.py", "b/c.py"))["c.py"] == PY.replace(b"return 2", b"return 3")
    patch = build_patch(
        parse_answer("diff --git a/a.py b/a.py\nold mode 100644\nnew mode 100755\n"), make_base({"a.py": PY})
    )
    assert [(change.mode, change.content) for change in patch.changes] == [("100755", PY)]
    assert "100755 for a program" in reason("<<<<<<< MODE a.py 120000")


def test_a_symbol_is_replaced_inserted_beside_and_removed():
    new = run("<<<<<<< SYMBOL a.py C.g\ndef g(self):\n    return 7\n>>>>>>> END")["a.py"]
    assert new == PY.replace(b"return 2", b"return 7")
    new = run("<<<<<<< AFTER a.py C.g\ndef k(self):\n    return 7\n>>>>>>> END")["a.py"]
    assert b"        return 2\n\n    def k(self):\n        return 7\n\n\ndef h" in (new or b"")
    new = run("<<<<<<< REMOVE a.py h\n>>>>>>> END")["a.py"]
    assert new == PY[: PY.index(b"\n\n\ndef h")] + b"\n"


@pytest.mark.parametrize(
    ("path", "kept", "gone"),
    [
        ("a.js", "let i = 1;\n  --i;\n", ""),
        ("a.js", "let i = 1;\n  --i;\n", "  /**\n   * Of g.\n   */\n  // And more.\n"),
        ("a.rs", "// Sets.\n  *p = 1;\n", ""),
        ("a.rs", "/* Sets. */\n  *p = 1;\n", "  /// Of g.\n"),
    ],
)
def test_removing_a_definition_takes_its_comment_and_no_code_above_it(path, kept, gone):
    word = "fn" if path == "a.rs" else "function"
    text = f"{word} f() {{\n  {kept}{gone}  {word} g() {{}}\n}}\n"
    base = make_base({path: text.encode()})
    patch = build_patch(parse_answer(f"<<<<<<< REMOVE {path} f.g\n>>>>>>> END"), base)
    assert (patch.changes[0].content or b"").decode() == f"{word} f() {{\n  {kept}}}\n"


def test_a_comment_of_sql_goes_with_its_definition():
    sql = b"SELECT 1;\n-- Of t.\nCREATE TABLE t (a int);\n"
    assert run("<<<<<<< REMOVE a.sql t\n>>>>>>> END", a_sql=sql) == {"a.sql": b"SELECT 1;\n"}


def test_several_symbols_and_forms_of_one_file_build_on_each_other():
    text = (
        "<<<<<<< SYMBOL a.py h\ndef h():\n    x = 1\n    return x\n>>>>>>> END\n"
        "<<<<<<< SYMBOL a.py C.g\ndef g(self):\n    y = 2\n    return y\n>>>>>>> END\n"
        "<<<<<<< IMPORT a.py\nimport sys\nimport os\n>>>>>>> END\n"
        "<<<<<<< SEARCH a.py\n        return 1\n=======\n        return 5\n>>>>>>> REPLACE\n"
    )
    new = run(text)["a.py"] or b""
    for part in (b"    x = 1\n", b"        y = 2\n", b"import os\nimport sys\n", b"return 5"):
        assert new.count(part) == 1


def test_an_import_is_replaced_and_deleted_by_its_statement():
    assert b"import sys\n" in (run("<<<<<<< SYMBOL a.py import os\nimport sys\n>>>>>>> END")["a.py"] or b"")
    assert b"import os" not in (run("<<<<<<< REMOVE a.py import os\n>>>>>>> END")["a.py"] or b"")


def test_a_go_comment_in_the_new_text_takes_the_place_of_the_old_one():
    new = run("<<<<<<< SYMBOL a.go F\n// F is two.\nfunc F() int {\n    return 2\n}\n>>>>>>> END", a_go=GO)
    assert new["a.go"] == GO.replace(b"F does", b"F is two").replace(b"return 1", b"return 2", 1)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("<<<<<<< SYMBOL a.py C.f\ndef f(self):\n    return 2\n>>>>>>> END", "lacks its decorators"),
        (
            "<<<<<<< SYMBOL a.py C.g\nclass C:\n    def g(self):\n        return 2\n>>>>>>> END",
            "does not define",
        ),
        (
            "<<<<<<< SYMBOL a.py C.f\n@cache\ndef k(): ...\n\ndef f(self):\n    return 2\n>>>>>>> END",
            "lacks its decorators",
        ),
        ("<<<<<<< SYMBOL a.py C.g\ndef f(self):\n    return 2\n>>>>>>> END", "does not define"),
        ("<<<<<<< SYMBOL a.py h@x\ndef h():\n    return 2\n>>>>>>> END", "defines no symbol h@x"),
        ("<<<<<<< SYMBOL a.py hh\ndef hh(): ...\n>>>>>>> END", "it defines h"),
        ("<<<<<<< AFTER a.py C\n    def k(self): ...\n>>>>>>> END", "indented as if inside"),
        ("<<<<<<< FILE a.py\ndef h():\n    pass\n# ... rest of the code ...\n>>>>>>> END", "would lose code"),
        (
            "<<<<<<< SEARCH a.py\n    return 1\n=======\n  return 2\n    x = 1\n>>>>>>> REPLACE",
            "no longer parse",
        ),
        ('<file path="a.py">\ndef h():\n    return 2\n</file>', "lacks C"),
        ("--- a/a.py\n+++ b/a.py\n@@ -1,0 +2 @@\n+x = 1\n", "only adds lines"),
        ("--- a/a.py\n+++ b/b.py\n@@ @@\n-x\n+y\n", "rename from"),
        ("--- /dev/null\n+++ b/a.py\n@@ @@\n+y\n", "a.py exists"),
        (
            "<<<<<<< SEARCH A/b.py\n=======\nx\n>>>>>>> REPLACE\n<<<<<<< FILE a/c.py\nx\n>>>>>>> END",
            "by case",
        ),
        ("<<<<<<< FILE .g\u200cit/config\nx\n>>>>>>> END", "belongs to git"),
        ("<<<<<<< FILE git~1/config\nx\n>>>>>>> END", "belongs to git"),
        ("<<<<<<< FILE b.md\n<<<<<<< HEAD\nx\n>>>>>>> BRANCH\ny\n>>>>>>> END", "use a diff"),
        (
            "```diff\n--- a/a.py\n+++ b/a.py\n@@ @@\n-import os\n+import sys\n```\n-x = 1\n```",
            "breaks off at a line of ```",
        ),
    ],
)
def test_what_would_go_wrong_in_silence_is_refused(answer, why):
    assert why in reason(answer)


def test_attributes_of_csharp_are_repeated():
    base = b"class A {\n    [Obsolete]\n    public int F() { return 1; }\n}\n"
    answer = "<<<<<<< SYMBOL a.cs A.F\npublic int F() { return 2; }\n>>>>>>> END"
    assert "lacks its attributes" in reason(answer, a_cs=base)
    new = run(answer.replace("public", "[Obsolete]\npublic"), a_cs=base)
    assert new == {"a.cs": base.replace(b"1", b"2")}


TS = b"""\
class S {
  @Post() @Audited()
  @Roles('admin')
  create() { return 1; }

  @Get()
  list() { return 2; }
}
"""


def test_a_method_of_typescript_has_its_decorators():
    new = run("<<<<<<< REMOVE a.ts S.create\n>>>>>>> END", a_ts=TS)["a.ts"]
    assert new == TS[: TS.index(b"  @Post")] + b"\n" + TS[TS.index(b"  @Get") :]
    new = run("<<<<<<< BEFORE a.ts S.create\nmake() {}\n>>>>>>> END", a_ts=TS)["a.ts"]
    assert new == TS.replace(b"  @Post", b"  make() {}\n\n  @Post")
    answer = "<<<<<<< SYMBOL a.ts S.create\ncreate() { return 3; }\n>>>>>>> END"
    assert "lacks its decorators" in reason(answer, a_ts=TS)
    new = run(answer.replace("\ncreate", "\n@Roles('all')\ncreate"), a_ts=TS)["a.ts"]
    assert new == TS.replace(b"  @Post() @Audited()\n  @Roles('admin')", b"  @Roles('all')").replace(
        b"1", b"3"
    )


def test_a_text_of_nothing_but_fences_is_empty():
    fences = "```\n" * 3000
    assert "is empty" in reason(f"<<<<<<< SYMBOL a.py h\n{fences}>>>>>>> END")


def test_an_import_of_a_scoped_package_is_named_by_its_statement():
    base = b"import { a } from '@b/c';\nimport { d } from '@b/d';\nlet x = 1;\n"
    new = run("<<<<<<< REMOVE a.ts import { a } from '@b/c';\n>>>>>>> END", a_ts=base)
    assert new == {"a.ts": base.partition(b"\n")[2]}


LICENCE = b"# Copyright A.\n# Licensed under B.\ndef f():\n    return 1\n"


@pytest.mark.parametrize(
    ("block", "old", "new"),
    [
        ("SYMBOL a.py f\n# One.\ndef f():\n    return 1", b"def f", b"# One.\ndef f"),
        (f"SYMBOL a.py f\n{LICENCE.decode().replace('B.', 'C.')}", b"B.", b"C."),
        ("BEFORE a.py f\ndef e(): ...", b"def f", b"def e(): ...\n\ndef f"),
    ],
)
def test_a_licence_directly_above_a_function_stays(block, old, new):
    for head in (b"", b"#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n"):
        base = head + LICENCE
        assert run(f"<<<<<<< {block}\n>>>>>>> END", a_py=base) == {"a.py": base.replace(old, new)}


def test_deep_nesting_is_refused_and_not_a_crash():
    assert "no longer parse" in reason(f"<<<<<<< FILE n.py\nx = {'(' * 20_000}\n>>>>>>> END")
    assert "not JSON" in reason('{"edits": ' + "[" * 100_000)


@pytest.mark.parametrize(
    ("base", "search", "new", "result"),
    [
        (b"a\r\nb\nc\r\n", "b", "x\ny", b"a\r\nx\r\ny\r\nc\r\n"),
        (b"\xef\xbb\xbfa\nb", "b", "x", b"\xef\xbb\xbfa\nx"),
        ("# coding: latin-1\né\n".encode("latin-1"), "é", "è", "# coding: latin-1\nè\n".encode("latin-1")),
        ("encoding: latin-1\né\n".encode(), "é", "ï", "encoding: latin-1\nï\n".encode()),
        ("é\n".encode("cp1252"), "é", "€", "€\n".encode("cp1252")),
        (b"f\n\tif a\n\t\tb\n", "    if a\n        b", "    if c\n        d", b"f\n\tif c\n\t\td\n"),
        (b"    x = 1\n    y\n", "x = 1\ny", "x = 2\ny", b"    x = 2\n    y\n"),
        (b"a  \nb\n", "a\nb", "a\nc", b"a  \nc\n"),
        (b"a = f(1, 2)\n", "f(1, 2)", "g(1)", b"a = g(1)\n"),
        (b"self.0.push(x2);\n", "push(x2)", "pop()", b"self.0.pop();\n"),
        ("# coding: latin-1\né\n".encode("latin-1"), "# coding: latin-1", "# é", "# é\né\n".encode()),
        (
            "# coding: latin-1\né\n".encode("latin-1"),
            "latin-1",
            "cp1252",
            "# coding: cp1252\né\n".encode("cp1252"),
        ),
        ("# coding: latin-1\né\n".encode("latin-1"), "latin-1", "cp1259", "# coding: cp1259\né\n".encode()),
        ("x\né\n".encode(), "x", "# coding: latin-1", "# coding: latin-1\né\n".encode("latin-1")),
    ],
)
def test_encoding_line_ends_and_indentation_are_the_files_own(base, search, new, result):
    block = f"<<<<<<< SEARCH a.txt\n{search}\n=======\n{new}\n>>>>>>> REPLACE\n"
    assert run(block, a_txt=base) == {"a.txt": result}


def test_a_whole_file_has_the_encoding_that_it_declares_and_one_byte_order_mark():
    new = run("<<<<<<< FILE a.txt\n\ufeffx\n>>>>>>> END\n", a_txt=b"\xef\xbb\xbfa\n")
    assert new == {"a.txt": b"\xef\xbb\xbfx\n"}
    new = run("<<<<<<< FILE n.py\n# coding: latin-1\nx = 'é'\n>>>>>>> END\n")
    assert new == {"n.py": "# coding: latin-1\nx = 'é'\n".encode("latin-1")}


@pytest.mark.parametrize("search", ["timeout = 1", "5", "1"])
def test_no_part_of_a_number_is_found(search):
    block = f"<<<<<<< SEARCH a.py\n{search}\n=======\n2\n>>>>>>> REPLACE\n"
    assert "the SEARCH text is not in" in reason(block, a_py=b"timeout = 1.5\n")


def test_ends_of_lines_in_json_are_the_files_own():
    edit = {"kind": "symbol", "path": "a.py", "symbol": "f", "text": "def f():\r\n    return 2\r\n"}
    base = b"def f():\r\n    return 1\r\n"
    assert run(json.dumps({"edits": [edit]}), a_py=base) == {"a.py": base.replace(b"1", b"2")}


def test_directives_above_a_function_are_no_comment_of_it():
    base = b"#include <stdio.h>\n#define LIMIT 3\nint f(void) {\n  return 1;\n}\n"
    answer = "<<<<<<< SYMBOL a.c f\n/* Doc. */\nint f(void) {\n  return 2;\n}\n>>>>>>> END\n"
    new = base.replace(b"int f", b"/* Doc. */\nint f").replace(b"1;", b"2;")
    assert run(answer, a_c=base) == {"a.c": new}


@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("a.js", "class A {\n  #count = 0;\n"),
        ("a.js", "class A {\n  /** @type {Cfg} */ cfg = {};\n"),
        ("a.ts", "class A {\n  #a = 0;\n  #b = 1;\n"),
        ("a.cpp", "class A {\n# define MAX 3\n"),
        ("a.cpp", "class A {\n  /* Doc.\n   * More. */ int x = 1;\n"),
    ],
)
def test_code_right_above_a_definition_stays(path, above):
    head = "int " if path == "a.cpp" else ""
    rest = f"  {head}g() {{ return 2; }}\n}};\n"
    base = make_base({path: f"{above}  {head}f() {{ return 1; }}\n{rest}".encode()})

    def edited(block: str) -> str:
        patch = build_patch(parse_answer(f"<<<<<<< {block}\n>>>>>>> END"), base)
        return (patch.changes[0].content or b"").decode()

    assert edited(f"REMOVE {path} A.f") == above + rest
    new = f"{head}f() {{ return 3; }}"
    assert edited(f"SYMBOL {path} A.f\n// Three.\n{new}") == f"{above}  // Three.\n  {new}\n{rest}"


FLAT = b'''\
class C:
    def f(self):
        """Say it.

        Twice.
        """
        text = """
one
  two
\x20\x20\x20
        """
        return text + 1
'''
SQL = b'''\
class C:
    def f(self):
        return 1 + """
            SELECT *
            FROM t
        """
'''


def in_class(text: str, margin: str) -> str:
    """Return the body of a class with another margin, but for lines that hang at the left."""
    lines = text.split("\n")[1:]
    return "\n".join(margin + line[4:] if line.startswith("    ") else line for line in lines)


@pytest.mark.parametrize("margin", ["", "    "])
@pytest.mark.parametrize(
    ("old", "new"), [("+ 1", "+ 2"), ("  two\n", "  two\nthree\n"), ("Twice.", "Thrice.\n\n        Or so.")]
)
def test_lines_of_a_string_stay_as_they_are(old, new, margin):
    wanted = FLAT.decode().replace(old, new)
    written = in_class(wanted, margin)
    assert run(f"<<<<<<< SYMBOL a.py C.f\n{written}>>>>>>> END", a_py=FLAT) == {"a.py": wanted.encode()}


@pytest.mark.parametrize("margin", ["", "    "])
def test_lines_of_a_string_that_is_indented_as_code_is_move_along(margin):
    wanted = SQL.decode().replace("FROM t", "FROM u\n            WHERE v")
    written = in_class(wanted, margin)
    assert run(f"<<<<<<< SYMBOL a.py C.f\n{written}>>>>>>> END", a_py=SQL) == {"a.py": wanted.encode()}
    beside = in_class(SQL.decode(), margin).replace("def f", "def g")
    new = run(f"<<<<<<< AFTER a.py C.f\n{beside}>>>>>>> END", a_py=SQL)["a.py"]
    assert new == SQL + b"\n" + SQL.partition(b"\n")[2].replace(b"def f", b"def g")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('T = """\none\n"""', "one\n"),
        ('T = """\n    one\n"""', "        one\n    "),
        ('@cache\ndef g():\n    return """\none\n"""', "one\n"),
        ('@cache\ndef g():\n    return """\n    one\n    """', "        one\n        "),
    ],
)
def test_lines_of_a_new_string_move_where_they_are_indented_as_the_code_is(text, lines):
    new = run(f"<<<<<<< AFTER a.py C.f\n{text}\n>>>>>>> END", a_py=SQL)["a.py"] or b""
    assert new.decode().endswith(f' """\n{lines}"""\n')


@pytest.mark.parametrize(
    ("path", "base", "text"),
    [
        (
            "a.ts",
            "class C {\n    f() {\n        return `\na\n  b\n`;\n    }\n}\n",
            "f() {\n    return `\na\n  c\n`;\n}",
        ),
        (
            "a.rs",
            'impl C {\n    fn f() {\n        g(r#"\na\n  b\n"#);\n    }\n}\n',
            'fn f() {\n    g(r#"\na\n  c\n"#);\n}',
        ),
        (
            "a.java",
            'class C {\n    void f() {\n        g("""\na\n  b\n""");\n    }\n}\n',
            'void f() {\n    g("""\na\n  c\n""");\n}',
        ),
        (
            "a.php",
            "<?php\nclass C {\n    function f() {\n        g(<<<A\na\n  b\nA);\n    }\n}\n",
            "function f() {\n    g(<<<A\na\n  c\nA);\n}",
        ),
    ],
)
def test_strings_of_other_languages_stay_as_they_are(path, base, text):
    patch = build_patch(
        parse_answer(f"<<<<<<< SYMBOL {path} C.f\n{text}\n>>>>>>> END"), make_base({path: base.encode()})
    )
    assert (patch.changes[0].content or b"").decode() == base.replace("  b\n", "  c\n")


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ('import "fmt"', ""),
        ('import (\n\t"fmt"\n\t"sort"\n)', 'import "sort"'),
        ('import (\n\t"sort"\n\n\t"fmt"\n\ts "strings"\n)', 'import (\n\t"sort"\n\ts "strings"\n)'),
        ('import "sort"\nimport "os"\nimport f "fmt"', 'import "sort"\nimport f "fmt"'),
    ],
)
def test_an_import_of_go_is_not_repeated(text, new):
    base = b'package a\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nvar x = 1\n'
    answer = f"<<<<<<< IMPORT a.go\n{text}\n>>>>>>> END\n"
    answer += "<<<<<<< SEARCH a.go\nvar x = 1\n=======\nvar x = 2\n>>>>>>> REPLACE\n"
    added = f"{new}\n" if new else ""
    wanted = base.replace(b"var x = 1", b"var x = 2").replace(b")\n", f")\n{added}".encode())
    assert run(answer, a_go=base) == {"a.go": wanted}


def test_an_import_of_rust_is_not_repeated():
    base = b"use std::{fmt, io::{self, Read}};\n\nfn f() {}\n"
    others = "use std::fmt as f;\npub use std::fmt;\nuse a::*;"
    text = f"use std::fmt;\nuse std::io;\nuse std::io::{{Read, Write}};\n{others}"
    new = f"use std::io::Write;\n{others}"
    assert run(f"<<<<<<< IMPORT a.rs\n{text}\n>>>>>>> END", a_rs=base) == {
        "a.rs": base.replace(b";\n", f";\n{new}\n".encode(), 1)
    }
    parts = "use std::{fmt::{self as f}, io::{self, Read as R}};"
    assert run(f"<<<<<<< IMPORT a.rs\n{parts}\n>>>>>>> END", a_rs=base) == {
        "a.rs": base.replace(b";\n", b";\nuse std::fmt as f;\nuse std::io::Read as R;\n", 1)
    }
    deep = "{a::" * 20_000
    assert "no longer parse" in reason(f"<<<<<<< IMPORT a.rs\nuse {deep}\n>>>>>>> END", a_rs=base)


def test_an_import_with_an_attribute_is_one_of_its_own():
    base = b"use std::io;\n\nfn f() {}\n"
    text = "<<<<<<< IMPORT a.rs\nuse std::io;\n#[cfg(test)]\n// Of tests.\nuse std::io;\n>>>>>>> END"
    added = base.replace(b";\n", b";\n#[cfg(test)]\n// Of tests.\nuse std::io;\n", 1)
    assert run(text, a_rs=base) == {"a.rs": added}
    assert "changes nothing" in reason(text, a_rs=added)


def test_an_import_within_a_block_is_kept_there():
    block = "try:\n    import simplejson\nexcept ImportError:\n    import os as simplejson\n    import os\n"
    assert run(f"<<<<<<< IMPORT a.py\nimport os\n{block}>>>>>>> END") == {
        "a.py": PY.replace(b"import os\n", f"import os\n{block}".encode())
    }


def test_no_blank_line_is_left_of_imports_that_are_there():
    base = b"import os\nimport sys\n\nx = 1\n"
    text = "<<<<<<< IMPORT a.py\n{}\n>>>>>>> END"
    assert "changes nothing" in reason(text.format("import os\n\nimport sys"), a_py=base)
    assert run(text.format("import os\n\nimport re"), a_py=base) == {
        "a.py": base.replace(b"sys\n", b"sys\nimport re\n")
    }


def test_an_import_of_php_goes_below_what_opens_the_file():
    base = b"<?php\nnamespace A;\n\nfunction f() {\n    return 1;\n}\n"
    [content] = run("<<<<<<< IMPORT a.php\nuse B\\C;\n>>>>>>> END\n", a_php=base).values()
    assert content == base.replace(b"namespace A;\n", b"namespace A;\n\nuse B\\C;\n")


def test_what_an_encoding_cannot_hold_is_refused():
    block = "<<<<<<< SEARCH a.txt\né\n=======\n漢\n>>>>>>> REPLACE\n"
    assert "latin-1" in reason(block, a_txt="# coding: latin-1\né\n".encode("latin-1"))
    assert "UTF-16" in reason(block, a_txt="é\n".encode("utf-16"))
