"""What a task's text names outright: identifiers, paths, stack frames, test ids."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from moot.agent.index.terms import count_terms, split_identifier
from moot.agent.index.traces import Frame, read_frames, without_traces

__all__ = ["Mentions", "read_mentions"]

_KEEP = 60_000  # characters of each end of a very long text
_MAX_TERMS = 200
_TEST_ID = re.compile(r"(?P<path>[\w./-]{1,300}\.\w{1,5})::(?P<names>[\w:]{1,300})")
_GO_TEST = re.compile(r"^[ \t]*--- FAIL: (?P<name>Test\w*)", re.M)
_RUST_TEST = re.compile(r"^(?:test |---- )(?P<name>\w+(?:::\w+)+)(?: \.\.\. FAILED| stdout ----)", re.M)
_JAVA_TEST = re.compile(
    r"(?<![\w.])(?P<name>(?:\w{1,60}\.){0,12}\w{0,60}Tests?)(?:[#.]| > )(?P<case>\w{1,100})"
)
_SCRIPT_TEST = re.compile(
    r"(?:FAIL|×|✗|●)\s+(?P<path>[\w@./-]{1,300}\.[cm]?[jt]sx?)(?: > (?P<names>[^\n]{1,200}))?"
)
_SCOPE = re.compile(r"^\s*(?:\w+\((?P<type>[\w./@-]{1,60})\)!?|(?P<area>[a-z][\w./-]{1,60})):\s")
_KINDS = frozenset(
    {
        "fix",
        "feat",
        "feature",
        "bug",
        "perf",
        "refactor",
        "chore",
        "docs",
        "test",
        "tests",
        "build",
        "ci",
        "style",
        "note",
    }
)
_PATH = re.compile(
    r"(?<![\w/.-])[\w@+~.-]{0,100}(?:/[\w@+~.-]{1,100}){1,30}|(?<![\w/.-])[\w-]{1,100}\.[A-Za-z]{1,5}\b"
)
_DOTTED = re.compile(r"(?<![\w./])[^\W\d]\w{0,100}(?:\.[^\W\d]\w{0,100}){1,10}")
_CODE = re.compile(r"`([^`\n]{1,200})`")
_CALL = re.compile(r"\b([^\W\d]\w{1,100})\(")
_WORD = re.compile(r"[^\W\d]\w{2,100}")
_SHAPED = re.compile(r"^_*(?:[^\W_]+_\w+|[a-z0-9]+[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*|[A-Z]{2,}[a-z]\w*)$")
_STOP_WORDS = (
    "a about above after all also an and any are as at be because been before being but by can cannot "
    "could did do does doing don done during each either else etc even every few for from had has "
    "have having how however if in instead into is it its just like make may me might more most must "
    "my need needs no nor not now of off on once only or other our out over own please rather same "
    "should since so some such than that the their them then there these they this those though "
    "through to too under until up us use used using very via want was we were what when where which "
    "while who why will with within without would you your fix bug issue error fixes add "
)
_STOP = frozenset(_STOP_WORDS.split())
_ABOUT_TESTS = re.compile(
    r"\b(?:write|add|extend|improve|update|fix|more|missing|flaky)\b[^.\n]{0,40}\btests?\b", re.I
)


@dataclass(frozen=True, slots=True)
class Mentions:
    """A task's text, read.

    Attributes:
        terms: its words as the index counts them, without the ones that say nothing.
        identifiers: words in it that look like code, or stand as code; first mention first.
        paths: what looks like a path or a file name.
        frames: the innermost first.
        tests: (path, dotted name) of test ids; the path is empty where a runner prints none.
        pairs: terms that follow each other in a line.
        about_tests: the task asks for work on tests.
        scope: the subject that its first line begins with, in lower case; empty without one.
    """

    terms: dict[str, int]
    identifiers: tuple[str, ...]
    paths: tuple[str, ...]
    frames: tuple[Frame, ...]
    tests: tuple[tuple[str, str], ...]
    pairs: tuple[tuple[str, str], ...]
    about_tests: bool
    scope: str


def read_mentions(text: str) -> Mentions:
    """Read a task. A very long text counts by its two ends, where requests and stack traces are."""
    if len(text) > 2 * _KEEP:
        text = text[:_KEEP] + "\n" + text[-_KEEP:]
    frames = read_frames(text)
    text = without_traces(text)
    counts = {term: times for term, times in count_terms(text).items() if term not in _STOP}
    return Mentions(
        terms=dict(Counter(counts).most_common(_MAX_TERMS)),
        identifiers=_identifiers(text),
        paths=tuple(dict.fromkeys(m[0] for m in _PATH.finditer(text))),
        frames=frames,
        tests=tuple(dict.fromkeys(_tests(text))),
        pairs=_pairs(text),
        about_tests=_ABOUT_TESTS.search(text) is not None,
        scope=_scope(text),
    )


def _tests(text: str) -> Iterator[tuple[str, str]]:
    for match in (*_TEST_ID.finditer(text), *_SCRIPT_TEST.finditer(text)):
        yield match["path"], (match["names"] or "").replace("::", ".")
    for match in (*_GO_TEST.finditer(text), *_RUST_TEST.finditer(text)):
        yield "", match["name"].replace("::", ".")
    for match in _JAVA_TEST.finditer(text):
        yield "", f"{match['name']}.{match['case']}"


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for line in text.splitlines():
        terms = [part for word in _WORD.findall(line) for part in split_identifier(word) if part not in _STOP]
        found |= dict.fromkeys((a, b) for a, b in pairwise(terms) if a != b)
        if len(found) > _MAX_TERMS:
            break
    return tuple(found)[:_MAX_TERMS]


def _scope(text: str) -> str:
    """Return what the first line names as its subject: `fix(parser): …`, `parser: …`."""
    match = _SCOPE.match(text)
    scope = (match["type"] or match["area"] or "").lower() if match else ""
    return "" if scope in _KINDS else scope


def _identifiers(text: str) -> tuple[str, ...]:
    found = [word for code in _CODE.findall(text) for word in (*_DOTTED.findall(code), *_WORD.findall(code))]
    found += _DOTTED.findall(text)
    found += _CALL.findall(text)
    found += [word for word in _WORD.findall(text) if _SHAPED.match(word)]
    last = [word.rpartition(".")[2] for word in found if "." in word]
    return tuple(dict.fromkeys(word for word in found + last if word.lower() not in _STOP))
