"""Isotonic regression: the non-decreasing step function nearest to what was observed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

__all__ = ["Knots", "pool"]


@dataclass(frozen=True, slots=True)
class Knots:
    """A non-decreasing curve through points; straight between them, level beyond them."""

    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def at(self, value: float) -> float:
        """Return the curve's height; the value itself where there are no points."""
        return float(np.interp(value, self.x, self.y)) if self.x else value


def pool(points: Iterable[tuple[float, bool]]) -> Knots:
    """Fit by pooling adjacent violators (Ayer et al., 1955; for probabilities Zadrozny and Elkan, 2002).

    scikit-learn has it too, but would bring SciPy, 100 MB, for these lines. No height is 0 or 1: the
    rarest event in n observations is taken to have a chance of 1 / (n + 2), as Laplace's rule has it.

    Args:
        points: predicted probability, and whether the event happened; in any order.
    """
    blocks: list[tuple[float, float, int, int]] = []  # first x, last x, events, observations
    for x, group in groupby(sorted(points), key=lambda point: point[0]):
        happened = [event for _, event in group]
        blocks.append((x, x, sum(happened), len(happened)))
        while len(blocks) > 1 and _height(blocks[-2]) >= _height(blocks[-1]):
            last, before = blocks.pop(), blocks.pop()
            blocks.append((before[0], last[1], before[2] + last[2], before[3] + last[3]))
    least = 1 / (sum(block[3] for block in blocks) + 2)
    return _knots(blocks, least)


def _height(block: tuple[float, float, int, int]) -> float:
    return block[2] / block[3]


def _knots(blocks: Sequence[tuple[float, float, int, int]], least: float) -> Knots:
    points = dict[float, float]()
    for block in blocks:
        height = min(1 - least, max(least, _height(block)))
        points |= {block[0]: height, block[1]: height}
    return Knots(tuple(points), tuple(points.values()))
