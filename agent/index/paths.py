"""The paths of a tree: what their names say, and which of them a text means."""

import re
from functools import cached_property

from moot.agent.core.testfiles import is_test
from moot.agent.index.terms import split_identifier

__all__ = ["Paths", "is_vendored", "test_subject"]

_WORD = re.compile(r"[^\W\d]\w+")
_TEST_STEM = re.compile(
    r"^(?:tests?_(?P<after>.+)|(?P<before>.+?)(?:_(?:unit)?tests?|[._-]spec|\.test|Tests?)|conftest)$"
)
_IN_TEST_FOLDER = re.compile(  # names that products have as well
    r"^(?:Test(?P<after>[A-Z]\w*)|(?P<before>\w*?[a-z0-9])(?:IT(?:Case)?|Spec|Suite))\.(?:java|kt|scala)$"
)
_PLAIN_TEST = re.compile(
    r"(?:^|/)__tests__/(?P<any>[^/]+)$|(?:^|/)tests/(?P<rust>[^/]+\.rs)$|(?P<bats>[^/]+\.bats)$"
)
_FAMILIES = {
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue"), "ecmascript"),
    **dict.fromkeys((".java", ".kt", ".scala"), "jvm"),
    **dict.fromkeys((".c", ".h", ".cc", ".hh", ".cpp", ".hpp", ".cxx", ".hxx"), "c"),
    **dict.fromkeys((".sh", ".bash", ".bats"), "bash"),
}
_MOST_SUBJECTS = 3
_VENDORED = re.compile(
    r"(?:^|/)(?:vendor|vendored|_vendor|Godeps|node_modules|third_party|dist|\.yarn)/|\.min\.(?:js|css)$|_pb2?\.\w+$"
    r"|(?:^|/)(?:package-lock\.json|[\w.-]+\.lock|go\.sum|pnpm-lock\.yaml)$"
)
_PACKAGE_STEMS = frozenset({"__init__", "index", "mod", "lib"})


class Paths:
    """Paths in order, numbered. What is known of them is found out when it is first asked."""

    def __init__(self, paths: list[str]) -> None:
        """Take sorted paths."""
        self.all = paths

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Path -> number."""
        return {path: number for number, path in enumerate(self.all)}

    def named(self, path: str) -> list[int]:
        """Return the files whose path is, or ends with, a path."""
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        if not parts:
            return []
        end = "/".join(parts)
        return [
            number
            for number in self._by_stem.get(_stem(parts[-1]), ())
            if self.all[number] == end or self.all[number].endswith(f"/{end}")
        ]

    def mentioned(self, path: str) -> list[int]:
        """Return the files that a path from elsewhere means: its longest end that a file here has."""
        parts = path.strip("/").split("/")
        for start in range(len(parts)):
            if found := self.named("/".join(parts[start:])):
                return found
        return []

    def subjects(self, test: str) -> list[int]:
        """Return the sources that a test is named after; none where many could be meant.

        They are of the test's language or of one that is mixed with it, share the most names of folders with
        the test, and of those are nearest to the top. A source may have an underscore before its name.
        """
        subject = test_subject(test)
        if subject is None:
            return []
        found = self._sources(subject, test) or self._sources(f"_{subject}", test)
        ranks = [_distance(test, self.all[number]) for number in found]
        least = min(ranks, default=None)
        best = [number for number, rank in zip(found, ranks, strict=True) if rank == least]
        return best if len(best) <= _MOST_SUBJECTS else []

    def _sources(self, stem: str, test: str) -> list[int]:
        family = _family(test)
        named = self._by_stem.get(stem, ())
        return [n for n in named if _family(self.all[n]) == family and not is_test(self.all[n])]

    @cached_property
    def terms(self) -> dict[str, tuple[list[int], list[int]]]:
        """Term -> the files whose path has it, and how often."""
        found: dict[str, tuple[list[int], list[int]]] = {}
        splits: dict[str, list[str]] = {}
        for number, path in enumerate(self.all):
            counts: dict[str, int] = {}
            for part in path.split("/"):
                terms = splits.get(part)
                if terms is None:
                    terms = [t for word in _WORD.findall(part) for t in split_identifier(word)]
                    splits[part] = terms
                for term in terms:
                    counts[term] = counts.get(term, 0) + 1
            for term, times in counts.items():
                numbers, all_times = found.setdefault(term, ([], []))
                numbers.append(number)
                all_times.append(times)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, path in enumerate(self.all):
            for stem in {_stem(path.rpartition("/")[2]), *_module_of(path)[-1:]}:
                found.setdefault(stem, []).append(number)
        return found


def test_subject(path: str) -> str | None:
    """Return the stem of the source that a test file is named after (`tests/test_x.py` -> `x`)."""
    name = path.rpartition("/")[2]
    for match in (_TEST_STEM.match(_stem(name)), _IN_TEST_FOLDER.match(name)):
        if match:
            return match["after"] or match["before"]
    plain = _PLAIN_TEST.search(path)
    return _stem(plain["any"] or plain["rust"] or plain["bats"]) if plain else None


def is_vendored(path: str) -> bool:
    """Tell whether a path says that no person writes the file here."""
    return _VENDORED.search(path) is not None


def _stem(name: str) -> str:
    dot = name.rfind(".")
    return name[:dot] if 0 < dot < len(name) - 1 else name


def _family(path: str) -> str:
    suffix = path[path.rfind(".") :]
    return _FAMILIES.get(suffix, suffix)


def _distance(test: str, source: str) -> tuple[int, int]:
    folders, around = set(test.split("/")[:-1]), source.split("/")[:-1]
    return -len(folders.intersection(around)), len(around)


def _module_of(path: str) -> tuple[str, ...]:
    *folders, name = path.split("/")
    stem = _stem(name)
    return tuple(folders) if stem in _PACKAGE_STEMS and folders else (*folders, stem)
