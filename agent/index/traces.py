"""Stack traces and places in a text: which files, lines and functions they name, the innermost first."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Frame", "read_frames", "without_traces"]

_DRIVE = r"/?[A-Za-z]:(?=[/\\])"  # of Windows; behind file:// with a slash
_PATH = rf"(?:file://)?(?:{_DRIVE})?(?P<path>[\w@+~./\\$-]{{1,400}}\.\w{{1,6}})"
_ALONE = r"(?<![\w@+~./\\$:-])"  # a path begins here: each run of its characters is tried once
_LINE = r"(?P<line>\d{1,7})"
_NAME = r"[\w.$<>\[\]*#~]{1,200}"
_AT = r"^[ \t]*at "
_LAST_FRAME_FIRST = (
    # Java, Kotlin, Scala: a class and its file; the folders are those of the package.
    _AT + rf"(?P<name>[\w.$<>/]{{1,300}})\((?P<path>\w{{1,100}}\.(?:java|kts?|scala|groovy)):{_LINE}\)",
    # Rust: a numbered function and its place below it.
    rf"^[ \t]*\d+: (?P<name>[\w:<>{{}} ]{{1,200}})\n[ \t]+at {_PATH}:{_LINE}(?::\d+)?$",
    # JavaScript, TypeScript.
    _AT + rf"(?:(?:async |new )?(?P<name>{_NAME})(?: \[as \w+\])? \()?{_PATH}:{_LINE}:\d+\)?",
    # C#.
    _AT + rf"(?P<name>[\w.`<>]{{1,300}})\([^)\n]*\) in {_PATH}:line {_LINE}",
    # Go: the function, then its place below it.
    rf"^(?P<name>[\w./*()-]{{1,200}})\([^\n]*\)\n\t{_PATH}:{_LINE}(?: \+0x[0-9a-f]+)?$",
    # Ruby, and PHP.
    rf"{_ALONE}{_PATH}:{_LINE}:in [`'](?P<name>[^'\n]{{1,200}})'",
    rf"^#\d+ {_PATH}\({_LINE}\): (?P<name>[\w\\:>-]{{1,200}})",
)
_PYTHON = rf'File "(?P<path>[^"\n]{{1,400}})", line {_LINE}(?:, in (?P<name>[\w.<>]{{1,200}}))?'
_TRACES = (
    (re.compile(_PYTHON), True),  # the innermost frame is the last one
    *((re.compile(pattern, re.M), False) for pattern in _LAST_FRAME_FIRST),
)
_PLACE = re.compile(rf"{_ALONE}{_PATH}:{_LINE}\b")
_CAUSE = re.compile(r"^Caused by: ", re.M)
_BEFORE = re.compile(rf"^(?:file://)?(?:{_DRIVE})?")
_OWNER = re.compile(r"(?:.*[.:/)\\>]|^)(?P<last>\w+)\W*$", re.S)


@dataclass(frozen=True, slots=True)
class Frame:
    """A line that a stack trace or a compiler names; `name` is the function, where it is given."""

    path: str
    line: int
    name: str


def read_frames(text: str) -> tuple[Frame, ...]:
    """Return the frames of a text's stack traces, the innermost first, then other places (`x.c:12`).

    Of chained exceptions the cause comes first where it is printed last, as Java and Python do.
    """
    traced = [frame for cause in reversed(_CAUSE.split(text)) for frame in _traced(cause)]
    places = [Frame(_plain(m["path"]), int(m["line"]), "") for m in _PLACE.finditer(text)]
    return tuple(_distinct([*traced, *places]))


def without_traces(text: str) -> str:
    """Blank the frames out: the folders of a path (/usr/lib/python3) would count as words and as names."""
    for pattern, _ in _TRACES:
        text = pattern.sub(" ", text)
    return text


def _distinct(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield frames without those that were named before: by their path, an end of it, or one that ends so."""
    whole, ends = set[tuple[str, int]](), set[tuple[str, int]]()
    for frame in frames:
        parts = [part for part in frame.path.split("/") if part not in ("", ".", "..")]
        own = [("/".join(parts[start:]), frame.line) for start in range(len(parts))]
        if own and own[0] not in ends and whole.isdisjoint(own):
            whole.add(own[0])
            ends.update(own)
            yield frame


def _traced(text: str) -> Iterator[Frame]:
    for pattern, innermost_last in _TRACES:
        frames = [_frame(match) for match in pattern.finditer(text)]
        yield from reversed(frames) if innermost_last else frames


def _frame(match: "re.Match[str]") -> Frame:
    path, name = _plain(match["path"]), match["name"] or ""
    if path.endswith((".java", ".kt", ".kts", ".scala", ".groovy")) and "/" not in path:
        package = name.rpartition("/")[2].split(".")[:-2]  # of a module, the name behind the slash
        path = "/".join([*package, path])
    last = _OWNER.match(name) if not name.startswith("<") else None
    return Frame(path, int(match["line"]), last["last"] if last else name)


def _plain(path: str) -> str:
    """Return a path without a scheme or a drive, and with forward slashes, as the tree has them."""
    return _BEFORE.sub("", path).replace("\\", "/")
