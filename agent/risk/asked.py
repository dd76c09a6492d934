"""Does the task ask for a change of tests or their settings? Told from its words alone, by fixed rules.

A task permits what it says in so many words: a verb of change right before the thing that is changed
("update the tests", "remove test_old", "skip the slow tests", "add a CI workflow"). "Fix the failing
tests" permits nothing: tests are fixed by fixing the code. A prohibition anywhere wins over all.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from moot.agent.core.verification import IntegrityFlag

__all__ = ["mark_asked"]

_FILLER = (
    r"(?:(?:the|a|an|this|that|these|those|all|any|every|each|some|its|their|our|my|of|in|for|to|existing|old"
    r"|new|failing|broken|flaky|slow|unit|integration|end-to-end|e2e|regression|obsolete|outdated|stale|related"
    r"|corresponding|affected|wrong|incorrect|remaining|expected|whole|test|tests|python|pytest|jest|go|rust"
    r"|file|files|function|functions|case|cases|suite|and|or|as|well|github|gitlab|`?[\w./:-]*[_./:][\w./:-]*`?)"
    r"(?:\s+|,\s*))*?"
)
_TEST_NAME = (
    r"`?(?:[\w./-]*\btest_\w+[\w./:\[\]-]*|\w+_tests?\b(?:\.\w+)?|Test[A-Z]\w*"
    r"|[\w./-]+\.(?:test|spec)\.\w+)`?"
)
_TESTS = (
    r"(?:tests?\b|test ?suite|assertions?|specs?\b|snapshots?|fixtures?|expectations?|test data"
    rf"|{_TEST_NAME})"
)
_OF_TESTS = r"(?:suites?|data|files?|cases?|assertions?|fixtures?|expectations?|snapshots?|functions?)\b"
_AS_IS = r"as (?:(?:they|it) )?(?:are|is)\b(?!\s+(?!(?:now|for|and|or|but|when|while|until|so)\b)\w)"
"""Not "as it is outdated", which says why."""

_NOT_A_WISH = (
    rf"(?!(?:\s+{_OF_TESTS})?\s+(?:should|must|will|can|may|pass|passes|still|then|to pass|that check|green"
    r"|(?:needs?|has|have|had|keeps?|continues?|remains?|stays?|(?:are|is) to|unchanged|untouched|intact"
    rf"|alone)\b|{_AS_IS}))"
)
"""What follows a thing of which something is said, so that no verb before it asks for its change."""
_CHANGE = (
    r"(?:update|updating|change|changing|adjust|adapt|rewrite|rewriting|modify|edit|rename|refactor|rework"
    r"|regenerate|replace|relax|loosen|weaken|correct|port|convert|migrate|move|simplify|clean ?up)"
)
_REMOVE = r"(?:remove|removing|delete|deleting|drop|dropping|get rid of|throw away)"
_SKIP = r"(?:skip|skipping|disable|disabling|xfail|ignore|ignoring|mute|quarantine|mark)"
_SET = r"(?:add|create|configure|set ?up|introduce|enable|raise|lower|fix|extend|write|put|bump|pin)"
_CI = (
    r"(?:ci\b(?! (?:pass|green|fail))|continuous integration|github actions?|gitlab-ci|jenkinsfile|pre-commit"
    r"|(?:github|gitlab|build|release)(?: ci)? (?:workflow|pipeline)s?\b)"
)
_COVERAGE = r"(?:coverage\b|fail_under|\.coveragerc|codecov|no cover)"
_RUNNER = (
    r"(?:pytest(?:'s)? (?:config\w*|settings?|options?|markers?|plugins?)|conftest(?:\.py)?|addopts|testpaths"
    r"|filterwarnings|tox(?:\.ini)?\b|nox(?:file)?|jest config\w*|vitest config\w*|pytest\.ini"
    r"|test (?:command|script|target|runner|config\w*|settings?|options?))"
)
_MOCK = r"(?:mock|stub|monkeypatch)"

_DENIED = r"(?:\b(?:not|dont|never|without|cannot|no need to|avoid)|n't)\s+"
_ALTER = rf"(?:touch|{_CHANGE}|{_REMOVE}|{_SKIP}|modifying|editing|alter)\w*"
_PROHIBITED = re.compile(
    rf"{_DENIED}(?:\w+\s+)?(?:{_ALTER}\s+{_FILLER}{_TESTS}"
    rf"|(?:{_ALTER}|{_SET}(?:ing)?)\s+{_FILLER}(?:{_CI}|{_COVERAGE}|{_RUNNER}))",
    re.I,
)
_LEFT_ALONE = re.compile(
    rf"{_DENIED}(?:\w+\s+){{0,2}}{_ALTER}"
    r"|\bno\s+(?:\w+\s+)?(?:changes?|edits?)\b|\bleav(?:e|ing)\b|\b(?:unchanged|untouched|intact|alone)\b"
    rf"|\b{_AS_IS}|\boff limits\b",
    re.I,
)
"""In a sentence that names a settings file: it is not to be changed."""

_REST = (
    rf"(?:{_DENIED}(?:\w+\s+){{0,2}}{_ALTER}|\b(?:leav(?:e|ing)|keep(?:ing)?))\s+"
    r"(?:(?:anything|any \w+)\s+(?:but|except|other than)\s+(?=\S*FILE)"
    r"|(?:anything else|any other|the rest|everything else|all else|(?:all )?(?:the )?others?)\b.*)"
)
"""That all but a file is left alone, or all but what is named before."""

_WRONG = re.compile(
    rf"^(?!.*{_DENIED}(?:\w+\s+){{0,2}}(?:assum|think|believ|conclud|suppos|say|claim|mean)\w*).*?"
    rf"\b{_TESTS}\s+(?:(?!not\b|never\b)\w+\s+)?(?:is|are|was|were|being)\s+(?:(?!not\b|never\b)\w+\s+)?"
    r"(?:wrong|outdated|incorrect|obsolete|stale|out of date)",
    re.I,
)


def _rule(verbs: str, things: str) -> re.Pattern[str]:
    """Match a verb, then the thing at once or after words that say nothing, or after `X and (its)`.

    What follows `and` is another verb ("and run tests", "and test it") unless it is said whose it is.
    """
    near = rf"\b{verbs}\s+{_FILLER}{things}{_NOT_A_WISH}"
    along = rf"\b{verbs}\s[^.;!?\n]{{1,60}}?\b(?:and|plus|as well as|(?:along|together) with)\s+"
    whose = rf"(?:(?:the|its|their|all)\s+(?:\w+\s+)?|(?!test\b(?! {_OF_TESTS})){_FILLER})"
    return re.compile(rf"{near}|{along}{whose}{things}{_NOT_A_WISH}", re.I)


_EDITS = frozenset({"weakened", "expected", "snapshot", "test-data", "mocked"})
_RULES = (
    (_rule(_CHANGE, _TESTS), _EDITS),
    (_WRONG, _EDITS),
    (_rule(_REMOVE, _TESTS), frozenset({"deleted", "weakened", "snapshot", "test-data", "vanished"})),
    (_rule(_SKIP, _TESTS), frozenset({"skipped", "vanished"})),
    (_rule(_MOCK, r"\w+"), frozenset({"mocked"})),
    (_rule(f"(?:{_SET}|{_CHANGE}|{_REMOVE}|{_SKIP})", _CI), frozenset({"ci"})),
    (_rule(f"(?:{_SET}|{_CHANGE}|{_REMOVE}|{_SKIP}|exclude)", _COVERAGE), frozenset({"coverage"})),
    (_rule(f"(?:{_SET}|{_CHANGE}|{_REMOVE}|{_SKIP})", _RUNNER), frozenset({"runner", "vanished"})),
)
_SETTINGS = frozenset({"ci", "coverage", "runner"})
_OF_MORE = frozenset({"pyproject.toml", "setup.cfg", "package.json", "Makefile", "Cargo.toml"})
"""Files that hold other settings, too, for which a task names them."""

_NAMES = re.compile(_TEST_NAME)
_LONGEST = 2_000
"""Characters of a sentence that are read: longer ones are pasted output."""


def mark_asked(
    flags: Iterable[IntegrityFlag], task: str, allow_all: bool = False
) -> tuple[IntegrityFlag, ...]:
    """Return the flags, each marked when the task asks for what it is about.

    Args:
        task: the user's own words.
        allow_all: the user permits every change of tests by a setting.
    """
    parts = re.split(r"(?<=[.!?;])\s+|\n", task.replace("\u2019", "'"))
    sentences = [sentence[:_LONGEST] for sentence in parts]
    permits = _permits(sentences)
    return tuple(
        replace(flag, asked=allow_all or _named(flag, sentences) or any(_covers(p, flag) for p in permits))
        for flag in flags
    )


def _permits(sentences: Sequence[str]) -> list[tuple[frozenset[str], frozenset[str]]]:
    """Return what each sentence permits: kinds, and the only tests that it names (none: all of them)."""
    if any(_PROHIBITED.search(sentence) for sentence in sentences):
        return []
    found: list[tuple[frozenset[str], frozenset[str]]] = []
    for sentence in sentences:
        names = frozenset(name.strip("`.,") for name in _NAMES.findall(sentence))
        found += [(kinds, names) for pattern, kinds in _RULES if pattern.search(sentence)]
    return found


def _covers(permit: tuple[frozenset[str], frozenset[str]], flag: IntegrityFlag) -> bool:
    kinds, names = permit
    if flag.kind not in kinds:
        return False
    if not names or flag.kind in _SETTINGS:
        return True
    return any(_same(name, flag) for name in names)


def _same(name: str, flag: IntegrityFlag) -> bool:
    path, _, test = name.partition("::")
    file = flag.path.rpartition("/")[2]
    if test:
        return flag.path.endswith(path) and test.rpartition("::")[2] == flag.test
    return name == flag.test or flag.path.endswith(name) or name == file.partition(".")[0]


def _named(flag: IntegrityFlag, sentences: Sequence[str]) -> bool:
    """A settings file that the task names is meant, unless any sentence says that it is left alone."""
    file = flag.path.rpartition("/")[2]
    if flag.kind not in _SETTINGS or file in _OF_MORE:
        return False
    name = re.compile(rf"(?<![\w.-]){re.escape(file)}(?![\w-])")
    rest = re.compile(_REST.replace("FILE", re.escape(file)), re.I)
    about = [said for said in (rest.sub("", one) for one in sentences) if name.search(said)]
    return bool(about) and not any(_LEFT_ALONE.search(sentence) for sentence in about)
