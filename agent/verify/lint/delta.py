"""Compares what checkers say of two states of the same code: only what is new counts."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

from moot.agent.core.verification import Finding

__all__ = ["appeared", "suppressions"]

_Key = Callable[[Finding], Hashable]

_NUMBER = re.compile(r"\d+")
_SILENCER = re.compile(
    r"#\s*(?:noqa|type:\s*ignore|pyright:\s*ignore|mypy:\s*ignore-errors|ruff:\s*noqa)\b"
    r"|eslint-disable\b|@ts-(?:ignore|expect-error|nocheck)\b"
    r"|//\s*nolint\b|#!?\[(?:allow|expect)\(",
)


def appeared(before: Sequence[Finding], now: Sequence[Finding]) -> list[Finding]:
    """Return the findings of `now` that have no counterpart in `before`, in their order.

    Findings are counted, not only looked up: a second one of the same kind is new. Numbers in messages do not
    tell two apart (`101 > 100`, `defined in line 3`). Counterparts are sought first on a line with the same
    text, then anywhere in the file, then in any file, since code is moved and files are renamed.
    """
    old, new = list(before), list(now)
    keys: tuple[_Key, ...] = (_on_line, _in_file, _anywhere)
    for key in keys:
        old, new = _unpaired(old, new, key), _unpaired(new, old, key)
    return new


def _on_line(finding: Finding) -> Hashable:
    return (finding.path, finding.text, *_kind(finding))


def _in_file(finding: Finding) -> Hashable:
    return (finding.path, *_kind(finding))


def _anywhere(finding: Finding) -> Hashable:
    return _kind(finding)


def _kind(finding: Finding) -> tuple[str, str, str]:
    return finding.checker, finding.rule, _NUMBER.sub("0", finding.message)


def _unpaired(findings: Iterable[Finding], others: Iterable[Finding], key: _Key) -> list[Finding]:
    """Return findings without a counterpart; of several with one key the first ones have it."""
    counterparts: Counter[Hashable] = Counter(map(key, others))
    left: list[Finding] = []
    for finding in findings:
        if counterparts[key(finding)]:
            counterparts[key(finding)] -= 1
        else:
            left.append(finding)
    return left


def suppressions(path: str, text: str) -> list[Finding]:
    """Return the comments and attributes in a file that tell a checker to be silent."""
    return [
        Finding("suppression", path, number, "", f"`{match[0]}` silences a checker", line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        for match in _SILENCER.finditer(line)
    ]
