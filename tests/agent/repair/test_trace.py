"""Stack traces in tasks, and failures that are like them."""

import pytest

from moot.agent.repair.source import Source
from moot.agent.repair.trace import read_trace, shows

FILES = {
    "shop/stats.py": b"x = 1\n\n\ndef mean(values):\n    return sum(values) / len(values)\n",
    "tests/test_stats.py": b"def test_mean():\n    mean([])\n",
    "web/stats.ts": b"export function first(v: any[]) {\n  return v[0].name;\n}\n",
    "stats.go": b"package shop\n\nfunc Last(v []int) int {\n\treturn v[len(v)-1]\n}\n",
    "src/lib.rs": b"pub fn last(v: &[i32]) -> i32 {\n    v[v.len() - 1]\n}\n",
}
PYTHON = """\
It crashes at night:

    Traceback (most recent call last):
      File "/srv/report.py", line 12, in <module>
        print(mean(rows))
              ~~~~^^^^^^
      File "/usr/lib/python3/site-packages/shop/stats.py", line 5, in mean
        return sum(values) / len(values)
    ZeroDivisionError: division by zero

Please mend it: see File "shop/stats.py".
"""
CHAINED = """\
Traceback (most recent call last):
  File "/srv/shop/stats.py", line 1, in <module>
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/shop/stats.py", line 99, in mean
  File "/usr/lib/python3/statistics.py", line 3, in _sum
shop.errors.NoValues
"""
JAVASCRIPT = """\
/srv/web/stats.ts:2
  return v[0].name;
TypeError [ERR_X]: Cannot read properties (reading 'a')
    at async Object.first (file:///srv/web/stats.ts:2:15)
    at report (file:///srv/report.js:7:3)
"""
GO = """\
panic: runtime error: index out of range [-1]

goroutine 1 [running]:
shop.Last(...)
\t/srv/stats.go:4
main.main()
\t/srv/main.go:9 +0x1d
"""
RUST = """\
thread 'main' panicked at src/lib.rs:2:5:
index out of bounds: the len is 0
"""
OLD_RUST = "thread 'main' panicked at 'index out of bounds: the len is 0', src/lib.rs:2:5\n"


def read(path: str) -> Source | None:
    return Source.parse(path, FILES[path]) if path in FILES else None


@pytest.mark.parametrize(
    ("text", "error", "says", "path", "function"),
    [
        (PYTHON, "ZeroDivisionError", "division by zero", "shop/stats.py", "mean"),
        (CHAINED, "NoValues", "", "shop/stats.py", "mean"),
        (JAVASCRIPT, "TypeError", "Cannot read properties (reading 'a')", "web/stats.ts", "first"),
        (GO, "panic", "runtime error: index out of range [-1]", "stats.go", "Last"),
        (RUST, "panicked", "index out of bounds: the len is 0", "src/lib.rs",
         "last"),
        (OLD_RUST, "panicked", "index out of bounds: the len is 0", "src/lib.rs", "last"),
    ],
)  # fmt: skip
def test_a_trace_is_read(text: str, error: str, says: str, path: str, function: str):
    trace = read_trace(text, list(FILES), read)
    assert trace is not None
    assert (trace.error, trace.text, trace.path, trace.function) == (error, says, path, function)


def test_the_function_is_of_the_frame_in_that_file():
    """Another file's frame has the same line."""
    other = PYTHON.replace('report.py", line 12, in <module>', 'report.py", line 5, in nightly')
    trace = read_trace(other, list(FILES), read)
    assert trace is not None
    assert trace.function == "mean"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mean() in shop/stats.py:5 is wrong",
        'File "shop/stats.py", line 5, in mean',
        PYTHON.replace("shop/", "elsewhere/"),
        "AssertionError: no\n    at tests (tests/test_stats.py:2)\n",
        "panic: see stats.go:4",
    ],
)
def test_what_is_no_trace_into_the_repository(text: str):
    assert read_trace(text, list(FILES), read) is None


def raised(error: str, line: int, code: str = "") -> str:
    """Return what pytest says of an error in the function."""
    return f"tests/test_stats.py:2:\n{code}\nE   {error}\n\nshop/stats.py:{line}: {error.partition(':')[0]}"


def test_a_failure_is_like_a_trace_by_its_error_and_its_function():
    trace = read_trace(PYTHON, list(FILES), read)
    assert trace is not None
    files = list(FILES)
    assert shows(raised("ZeroDivisionError: float division by zero", 5), trace, files, read)
    assert not shows(raised("TypeError: no number", 5), trace, files, read)
    assert not shows(raised("ZeroDivisionError: division by zero", 1), trace, files, read)
    assert not shows(
        raised("TypeError: no number", 5, "    # ZeroDivisionError: division"), trace, files, read
    )
    in_the_test = "E   ZeroDivisionError: division by zero\ntests/test_stats.py:2: ZeroDivisionError"
    assert not shows(in_the_test, trace, files, read)
    assert not shows("", trace, files, read)


def test_a_panic_is_like_a_trace_by_what_it_says():
    trace = read_trace(GO, list(FILES), read)
    assert trace is not None
    assert shows(GO.replace("[-1]", "[-7]"), trace, list(FILES), read)
    assert not shows(GO.replace("index out of range", "nil map"), trace, list(FILES), read)
