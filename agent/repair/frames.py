"""Places in the source that a message names, and the words that it shares with a line."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

__all__ = ["identifiers", "own_name", "places", "shared_words", "words"]

_PLACE = re.compile(
    r"(?<![\w@./\\+-])(?P<path>[\w@./\\+-]+\.(?:py|jsx?|[mc]js|tsx?|[mc]ts|go|rs))"
    r'(?:", line |\((?=\d)|:)(?P<line>\d{1,9})(?!\d)'
)
"""A path begins where no character of one stands before it, or a long word would be read once from each."""
_WORD = re.compile(r"[A-Za-z][a-z]+|[A-Z]+(?![a-z])")
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]{2,}")
_COMMON_TEXT = """
    the an of to in is it for and or with that this be was are not if does do did as on by from return
    returns self def none null nil true false you would what expected expect like but should when which
    const let var func fn pub raise assert error
"""
_COMMON = frozenset(_COMMON_TEXT.split())


def own_name(test: str) -> str:
    """Return a test's name without its file, module, class or suites, and pytest's parameters."""
    name = test.partition("[")[0] if "::" in test else test
    name = re.split(r"::| > ", name)[-1].strip()
    return name if " " in name else name.rpartition(".")[2]


def places(text: str, files: Iterable[str]) -> list[tuple[str, int]]:
    """Return (path, line) of each source line named in a traceback, innermost frame first.

    A path in the text leads to the file of the workspace that is the longest end of it.
    """
    by_name: dict[str, list[str]] = {}
    for path in files:
        by_name.setdefault(path.rsplit("/", 1)[-1], []).append(path)
    found: list[tuple[str, int]] = []
    for match in _PLACE.finditer(text):
        named = "/" + match["path"].replace("\\", "/").lstrip("./")
        ends = [path for path in by_name.get(named.rsplit("/", 1)[-1], ()) if _same(named, path)]
        if ends:
            found.append((max(ends, key=len), int(match["line"])))
    innermost_last = any(path.endswith(".py") for path, _ in found)
    return list(dict.fromkeys(reversed(found) if innermost_last else found))


def _same(named: str, path: str) -> bool:
    return named.endswith("/" + path) or ("/" + path).endswith(named)


def identifiers(text: str) -> frozenset[str]:
    """Return the names that a text uses, of three characters or more."""
    return frozenset(_IDENTIFIER.findall(text))


def words(text: str) -> frozenset[str]:
    """Split identifiers and prose into lower-case words without the most common ones."""
    return frozenset(word.lower() for word in _WORD.findall(text)) - _COMMON


def shared_words(
    query: frozenset[str], texts: Mapping[tuple[str, int], tuple[str, str]]
) -> dict[tuple[str, int], float]:
    """Score lines by the rare words they share with a query, in [0, 1].

    Args:
        query: words of the task and of the failing tests.
        texts: for each place the text of its line and the name of its function; a word weighs by its
            inverse document frequency over these (K. Sparck Jones, 1972), half as much in the name.
    """
    bags = {place: (words(line), words(name)) for place, (line, name) in texts.items()}
    frequency = Counter(word for line, name in bags.values() for word in line | name)
    scores = {
        place: _idf(query & line, frequency, len(bags)) / math.sqrt(1 + len(line))
        + _idf(query & name, frequency, len(bags)) / 2
        for place, (line, name) in bags.items()
    }
    top = max(scores.values(), default=0.0)
    return {place: score / top for place, score in scores.items()} if top else scores


def _idf(shared: Iterable[str], frequency: Mapping[str, int], documents: int) -> float:
    return sum(math.log(1 + documents / frequency[word]) for word in shared)
