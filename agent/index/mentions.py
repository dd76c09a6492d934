"""What a task's text names outright: identifiers, paths, stack frames, test ids."""

import re
from collections import Counter
from dataclasses import dataclass

from moot.agent.index.terms import count_terms

__all__ = ["Frame", "Mentions", "read_mentions"]

_KEEP = 60_000  # characters of each end of a very long text
_MAX_TERMS = 200
_PYTHON_FRAME = re.compile(
    r'File "(?P<path>[^"\n]{1,400})", line (?P<line>\d{1,7})(?:, in (?P<name>[\w.<>]{1,200}))?'
)
_PLACE = re.compile(r"(?<![\w/.:-])(?P<path>[\w@+~./-]{1,300}\.\w{1,5}):(?P<line>\d{1,7})\b")
_TEST_ID = re.compile(r"(?P<path>[\w./-]{1,300}\.\w{1,5})::(?P<names>[\w:]{1,300})")
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
class Frame:
    """A line that a stack trace or a compiler names; `name` is the function, where it is given."""

    path: str
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class Mentions:
    """A task's text, read.

    Attributes:
        terms: its words as the index counts them, without the ones that say nothing.
        identifiers: words in it that look like code, or stand as code; first mention first.
        paths: what looks like a path or a file name.
        frames: the outermost first, as Python prints them.
        tests: (path, dotted name) of test ids.
        about_tests: the task asks for work on tests.
    """

    terms: dict[str, int]
    identifiers: tuple[str, ...]
    paths: tuple[str, ...]
    frames: tuple[Frame, ...]
    tests: tuple[tuple[str, str], ...]
    about_tests: bool


def read_mentions(text: str) -> Mentions:
    """Read a task. A very long text counts by its two ends, where requests and stack traces are."""
    if len(text) > 2 * _KEEP:
        text = text[:_KEEP] + "\n" + text[-_KEEP:]
    frames = tuple(Frame(m["path"], int(m["line"]), m["name"] or "") for m in _PYTHON_FRAME.finditer(text))
    # A frame's path says enough once: its folders (/usr/lib/python3) would count as words and as names.
    text = _PYTHON_FRAME.sub(" ", text)
    counts = {term: times for term, times in count_terms(text).items() if term not in _STOP}
    places = tuple(Frame(m["path"], int(m["line"]), "") for m in _PLACE.finditer(text))
    tests = tuple((m["path"], m["names"].replace("::", ".")) for m in _TEST_ID.finditer(text))
    return Mentions(
        terms=dict(Counter(counts).most_common(_MAX_TERMS)),
        identifiers=_identifiers(text),
        paths=tuple(dict.fromkeys(m[0] for m in _PATH.finditer(text))),
        frames=tuple(dict.fromkeys(frames + places)),
        tests=tuple(dict.fromkeys(tests)),
        about_tests=_ABOUT_TESTS.search(text) is not None,
    )


def _identifiers(text: str) -> tuple[str, ...]:
    found = [word for code in _CODE.findall(text) for word in (*_DOTTED.findall(code), *_WORD.findall(code))]
    found += _DOTTED.findall(text)
    found += _CALL.findall(text)
    found += [word for word in _WORD.findall(text) if _SHAPED.match(word)]
    last = [word.rpartition(".")[2] for word in found if "." in word]
    return tuple(dict.fromkeys(word for word in found + last if word.lower() not in _STOP))
