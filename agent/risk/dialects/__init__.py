"""How each language writes tests."""

from moot.agent.risk.dialects.base import Dialect
from moot.agent.risk.dialects.golang import GO
from moot.agent.risk.dialects.python import PYTHON
from moot.agent.risk.dialects.rust import RUST
from moot.agent.risk.dialects.script import SCRIPT

__all__ = ["DIALECTS"]

DIALECTS: dict[str, Dialect] = {
    "python": PYTHON,
    "javascript": SCRIPT,
    "typescript": SCRIPT,
    "tsx": SCRIPT,
    "go": GO,
    "rust": RUST,
}
"""Languages whose tests are read."""
