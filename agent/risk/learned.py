"""What is worth an argument: sane constants, or those that this user's outcomes taught.

An argument pays where it mends more than it spoils:

    gain = [P(wrong) · P(fixed | wrong) − P(right) · P(broken | right)] · impact  >  cost
"""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from moot.agent.risk.isotonic import Knots

__all__ = ["DEFAULTS", "Learned", "load_learned", "save_learned"]

_FILE = "risk.json"


@dataclass(frozen=True, slots=True)
class Learned:
    """The constants of the decision.

    Attributes:
        fixed: P(fixed | wrong). CodeMonkeys (Ehrlich et al., 2025) chooses 57.4 % right where a random
            candidate is right in 45.8 %: of 54.2 % wrong ones it mends 11.6 points, a fifth.
        broken: P(broken | right). The goal of at most 1 %: no candidate replaces one that passes more tests.
        cost: of an argument, in the unit of the gain: a share of the price of the worst mistake. With
            it a quarter of ordinary changes is argued, which at 1.6 times the tokens of one makes
            1.15 times those of all.
        knots: raw -> calibrated probability; none: as the model says.
        outcomes: that were learned from; 0 for the defaults.
        learned: when, in ISO 8601 and UTC.
    """

    fixed: float = 0.21
    broken: float = 0.01
    cost: float = 0.015
    knots: Knots = field(default_factory=Knots)
    outcomes: int = 0
    learned: str = ""

    def probability(self, raw: float) -> float:
        """Return the calibrated probability."""
        return self.knots.at(raw)

    def gain(self, probability: float, impact: float) -> float:
        """Return what an argument is expected to be worth, as a share of the worst mistake's price."""
        return (probability * self.fixed - (1 - probability) * self.broken) * impact

    def argues(self, probability: float, impact: float) -> bool:
        """Tell whether an argument is worth more than it costs."""
        return self.gain(probability, impact) > self.cost


DEFAULTS = Learned()
_STORED = TypeAdapter(Learned)


def load_learned(data_dir: Path) -> Learned:
    """Return what `agent fusion calibrate` learned; the defaults where there is none, or it is damaged."""
    try:
        return _STORED.validate_json((data_dir / _FILE).read_bytes())
    except (OSError, ValidationError):
        return DEFAULTS


def save_learned(data_dir: Path, learned: Learned) -> Path:
    """Store it for the runs to come, entirely or not at all; return the file."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = data_dir / f".{_FILE}.{secrets.token_hex(4)}"
    new.touch(0o600)
    new.write_bytes(_STORED.dump_json(learned, indent=2))
    new.replace(data_dir / _FILE)
    return data_dir / _FILE
