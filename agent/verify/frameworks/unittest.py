"""unittest: its own runner, started by a small script that notes each outcome."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from moot.agent.verify.frameworks.base import Evidence, Instrumented, Place, Reading
from moot.agent.verify.frameworks.records import read_records
from moot.agent.verify.shell import Call

__all__ = ["Unittest"]

_REPORT = "unittest.jsonl"
_SCRIPT = "unittest_report.py"


class Unittest:
    """Python's unittest, without anything installed beside it."""

    name = "unittest"

    def claims(self, call: Call) -> bool:
        """Tell whether the call is `python -m unittest …`."""
        return call.is_module and call.program == "unittest"

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Run the script in place of the module; it selects what the original call would have found."""
        script = Path(__file__).with_name(_SCRIPT).read_text(encoding="utf-8")
        local = [place.local(each) if each.endswith(".py") else each for each in only]
        added = (f"{place.reports}/{_SCRIPT}", f"{place.reports}/{_REPORT}", json.dumps(local))
        words = (*call.prefix[:-1], *map(shlex.quote, added), *call.words[1:])
        return Instrumented(words, files={_SCRIPT: script})

    def read(self, evidence: Evidence) -> Reading:
        """Read the script's lines."""
        return read_records(evidence, _REPORT)
