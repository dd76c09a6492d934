"""How suspicious the tests' outcomes make each line that they execute."""

import math
from collections.abc import Collection

from moot.agent.core.spectrum import Spectrum

__all__ = ["ochiai"]


def ochiai(spectrum: Spectrum, failing: Collection[str]) -> dict[tuple[str, int], float]:
    """Return the suspiciousness of every line that a failing test executes, in (0, 1].

    Ochiai's coefficient ef / sqrt(F (ef + ep)), where ef and ep are the failing and the passing tests that
    execute the line and F is all failing ones: A. Ochiai, Bulletin of the Japanese Society of Scientific
    Fisheries 22 (1957), for species of fish; R. Abreu, P. Zoeteweij, A. van Gemund, "An evaluation of
    similarity coefficients for software fault localization", PRDC 2006, for lines.

    Args:
        failing: the tests to explain.
    """
    bad = spectrum.failed & frozenset(failing)
    scores: dict[tuple[str, int], float] = {}
    for place, tests in spectrum.lines.items():
        if hits := len(tests & bad):
            scores[place] = hits / math.sqrt(len(bad) * (hits + len(tests & spectrum.passed)))
    return scores
