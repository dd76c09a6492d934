"""How many recorded answers of real models become a patch, by model and form, with 95% Wilson intervals.

Usage: python tests/bench/bench_edits.py
`applied` became a patch; `right` also changed the definition that was asked for, and no other.
"""

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from moot.agent.core.types import EditFormat
from tests.agent.edits.recorded import answers, is_right, patch_of, recorded_profiles


def main() -> int:
    """Print the table."""
    print(f"{'model':<24} {'form':<15} {'answers':>7}  {'applied':<24} {'right':<24}")
    for profile in recorded_profiles():
        for form in EditFormat:
            asked = [answer for answer in answers(profile) if answer.form is form]
            patches = [(answer, patch_of(answer)) for answer in asked]
            applied = sum(patch is not None for _, patch in patches)
            right = sum(patch is not None and is_right(answer, patch) for answer, patch in patches)
            shown = [share(count, len(asked)) for count in (applied, right)]
            print(f"{profile:<24} {form:<15} {len(asked):>7}  {shown[0]:<24} {shown[1]:<24}")
    return 0


def share(count: int, total: int) -> str:
    """Return a share in per cent with its interval."""
    low, high = wilson(count, total)
    return f"{100 * count / total:.0f}% ({100 * low:.0f}-{100 * high:.0f}%)"


def wilson(count: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95% score interval of a proportion (Wilson 1927)."""
    share, square = count / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return middle - half, middle + half


if __name__ == "__main__":
    sys.exit(main())
