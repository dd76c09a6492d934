"""Values near a value: what a function is tried with beside what its tests pass to it.

It runs in the interpreter of the repository under test, so it needs Python 3.7 only; it is never imported by
the program itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["neighbours"]

_MOST = 8
"""Neighbours of one value."""


def neighbours(value: Any) -> list[Any]:
    """Return values of the same type near this one; none for types that are not known here."""
    near = _NEAR.get(value.__class__)
    found: list[Any] = []
    for other in near(value) if near else ():
        if not any(type(other) is type(one) and other == one for one in [value, *found]):
            found.append(other)
    return found[:_MOST]


def _truth(value: bool) -> Iterator[bool]:
    yield not value


def _integer(value: int) -> Iterator[int]:
    yield from (value + 1, value - 1, 2 * value, -value, 0)


def _real(value: float) -> Iterator[float]:
    yield from (value + 1.0, value / 2, -value, 0.0)


def _text(value: Any) -> Iterator[Any]:
    yield from (value[:-1], value[1:], value + value, value.swapcase(), value[:0])


def _sequence(value: Any) -> Iterator[Any]:
    make = value.__class__
    if value:
        yield from (value[1:], value[:-1], value + value[-1:], make(reversed(value)))
        for near in neighbours(value[0])[:2]:
            yield make([near, *value[1:]])
        yield value[:0]


def _mapping(value: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
    for key in list(value)[:3]:
        yield {name: inner for name, inner in value.items() if name != key}
        for near in neighbours(value[key])[:1]:
            yield {**value, key: near}


def _set(value: set[Any]) -> Iterator[Any]:
    for item in sorted(value, key=repr)[:3]:
        yield value - {item}


_NEAR: dict[type, Any] = {
    bool: _truth,
    int: _integer,
    float: _real,
    str: _text,
    bytes: _text,
    list: _sequence,
    tuple: _sequence,
    dict: _mapping,
    set: _set,
    frozenset: _set,
}
