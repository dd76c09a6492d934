"""How long work tells a person where it is."""

from typing import Protocol

__all__ = ["Progress", "silent"]


class Progress(Protocol):
    """Called often; must be quick and must not raise."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Report that `done` of `total` units of a stage are done; `total` is None while it is unknown."""
        ...


def silent(stage: str, done: int, total: int | None) -> None:
    """Report to nobody."""
