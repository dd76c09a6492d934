"""Stack traces of each language, as their runtimes print them."""

import time

import pytest

from moot.agent.index.mentions import read_mentions
from moot.agent.index.traces import read_frames

TRACES = {
    "python": (
        'Traceback (most recent call last):\n  File "/u/app/main.py", line 3, in <module>\n    run()\n'
        '  File "/u/app/core.py", line 10, in run\n    raise ValueError\nValueError\n',
        [("/u/app/core.py", 10, "run"), ("/u/app/main.py", 3, "<module>")],
    ),
    "javascript": (
        "TypeError: x is not a function\n    at Object.foo [as bar] (/u/src/a.ts:10:5)\n"
        "    at async Promise.all (index 0)\n    at file:///u/src/b.mjs:3:1\n"
        "    at new Thing (src/thing.js:7:9)\n",
        [("/u/src/a.ts", 10, "foo"), ("/u/src/b.mjs", 3, ""), ("src/thing.js", 7, "Thing")],
    ),
    "go": (
        "panic: runtime error\n\ngoroutine 1 [running]:\n"
        "main.(*T).Foo(0xc0000, 0x1)\n\t/u/go/foo.go:12 +0x1d\n"
        "main.main()\n\t/u/go/main.go:5 +0x20\n",
        [("/u/go/foo.go", 12, "Foo"), ("/u/go/main.go", 5, "main")],
    ),
    "rust": (
        "thread 'main' panicked at src/main.rs:4:5:\nindex out of bounds\nstack backtrace:\n"
        "   3: mine::module::function\n             at ./src/lib.rs:10:9\n   4: mine::main\n"
        "             at ./src/main.rs:4:5\n",
        [("./src/lib.rs", 10, "function"), ("./src/main.rs", 4, "main")],
    ),
    "java": (
        'Exception in thread "main" java.lang.RuntimeException: x\n\tat com.foo.Bar.baz(Bar.java:123)\n'
        "\tat java.base/java.lang.Thread.run(Thread.java:833)\nCaused by: java.lang.IllegalStateException\n"
        "\tat com.foo.impl.Deep.go(Deep.java:7)\n\t... 2 more\n",
        [
            ("com/foo/impl/Deep.java", 7, "go"),
            ("com/foo/Bar.java", 123, "baz"),
            ("java/lang/Thread.java", 833, "run"),
        ],
    ),
    "c#": ("   at Ns.Cls.Method(String s) in /src/Cls.cs:line 12\n", [("/src/Cls.cs", 12, "Method")]),
    "ruby": (
        "lib/foo.rb:12:in `bar': oops\n\tfrom bin/x.rb:1:in 'run'\n",
        [("lib/foo.rb", 12, "bar"), ("bin/x.rb", 1, "run")],
    ),
    "php": ("#0 /var/www/x.php(33): Foo\\Bar->baz()\n", [("/var/www/x.php", 33, "baz")]),
    "c# on windows": ("   at Ns.Cls.Method() in C:\\src\\Foo.cs:line 12\n", [("/src/Foo.cs", 12, "Method")]),
    "python on windows": (
        '  File "C:\\src\\proj\\agent\\parser.py", line 12, in parse\n',
        [("/src/proj/agent/parser.py", 12, "parse")],
    ),
    "javascript on windows": (
        "    at foo (D:\\src\\a.ts:10:5)\n    at file:///C:/src/b.mjs:3:1\n",
        [("/src/a.ts", 10, "foo"), ("/src/b.mjs", 3, "")],
    ),
    "files of one name": (
        'File "/u/app/cart/views.py", line 10, in show\nFile "/u/app/shop/views.py", line 10, in load\n'
        "see shop/views.py:10, ./views.py:10 and mail/views.py:10\n",
        [
            ("/u/app/shop/views.py", 10, "load"),
            ("/u/app/cart/views.py", 10, "show"),
            ("mail/views.py", 10, ""),
        ],
    ),
    "compiler on windows": (
        "c:\\x\\x.c:12:4: error\nsrc\\y.c:7: x\n",
        [("/x/x.c", 12, ""), ("src/y.c", 7, "")],
    ),
    "compiler": (
        "src/x.c:12:4: error: foo\nweb/a.ts:7:1 - error TS1\n",
        [("src/x.c", 12, ""), ("web/a.ts", 7, "")],
    ),
}


@pytest.mark.parametrize(("text", "frames"), TRACES.values(), ids=TRACES)
def test_frames_with_the_innermost_first(text, frames):
    assert [(frame.path, frame.line, frame.name) for frame in read_frames(text)] == frames


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("FAILED tests/test_h.py::TestH::test_x - assert 1", ("tests/test_h.py", "TestH.test_x")),
        (" FAIL  src/a.test.ts > suite > does it", ("src/a.test.ts", "suite > does it")),
        ("--- FAIL: TestParse (0.00s)\n    --- FAIL: TestParse/empty (0.00s)", ("", "TestParse")),
        ("test parser::tests::empty ... FAILED", ("", "parser.tests.empty")),
        ("[ERROR] com.foo.BarTest.returnsNull:12 expected", ("", "com.foo.BarTest.returnsNull")),
        ("BarTest > returnsNull() FAILED", ("", "BarTest.returnsNull")),
    ],
)
def test_test_ids(text, test):
    assert test in read_mentions(text).tests


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("fix(parser): be strict", "parser"),
        ("feat(compiler-sfc)!: more", "compiler-sfc"),
        ("net/http: close the body", "net/http"),
        ("fix: be strict", ""),
        ("Note: this is prose", ""),
        ("parser is broken", ""),
    ],
)
def test_the_subject_of_the_first_line(text, scope):
    assert read_mentions(text).scope == scope


def test_words_that_follow_each_other():
    found = read_mentions("The progress bar of `load_config` flickers\nat night")
    assert {("progress", "bar"), ("load", "config"), ("config", "flickers")} <= set(found.pairs)
    assert ("flickers", "night") not in found.pairs


@pytest.mark.parametrize("unit", ["a.", "$", "@~", "\n", "at ", "(", "Test.", "a/b.c:", "::a", "\t", "#1 a"])
def test_hostile_texts_are_read_in_linear_time(unit):
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        began = time.process_time()
        read_mentions(text)
        return time.process_time() - began

    assert seconds(100_000) < 50 * max(seconds(10_000), 0.01)
