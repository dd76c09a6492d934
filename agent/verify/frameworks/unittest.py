"""unittest: its own runner, started by a small script that notes each outcome."""

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from moot.agent.verify.frameworks.base import Evidence, Instrumented, Place, Reading
from moot.agent.verify.frameworks.records import read_records
from moot.agent.verify.shell import Call

__all__ = ["FIXTURE", "Unittest"]

_REPORT = "unittest.jsonl"
_SCRIPT = "unittest_report.py"

FIXTURE = re.compile(r"(?:setUp|tearDown)(?:Class|Module) \((.+)\)")
"""The id of a fixture that failed: in the parentheses is the class or the module."""


class Unittest:
    """Python's unittest, without anything installed beside it."""

    name = "unittest"

    def claims(self, call: Call) -> bool:
        """Tell whether the call is `python -m unittest …`."""
        return call.is_module and call.program == "unittest"

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Run the script in place of the module; it selects what the original call would have found.

        A fixture that failed is no test, so the tests of its class or module run in place of it.
        """
        script = Path(__file__).with_name(_SCRIPT).read_text(encoding="utf-8")
        names = [found[1] if (found := FIXTURE.fullmatch(each)) else each for each in only]
        local = [place.local(each) if each.endswith(".py") else each for each in names]
        added = (f"{place.reports}/{_SCRIPT}", f"{place.reports}/{_REPORT}", json.dumps(local))
        words = (*call.prefix[:-1], *map(shlex.quote, added), *call.words[1:])
        return Instrumented(words, files={_SCRIPT: script})

    def read(self, evidence: Evidence) -> Reading:
        """Read the script's lines."""
        return read_records(evidence, _REPORT)
