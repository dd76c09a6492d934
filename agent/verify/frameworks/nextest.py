"""cargo-nextest: its JUnit report, asked for in a configuration that comes after the repository's own.

https://nexte.st/docs/machine-readable/junit/ and https://nexte.st/docs/configuration/ (tool configuration).
"""

import json
import re
import shlex
from collections.abc import Sequence

from moot.agent.verify.frameworks.base import Evidence, Instrumented, Place, Reading
from moot.agent.verify.junit import parse
from moot.agent.verify.shell import Call

__all__ = ["Nextest"]

_REPORT = "nextest.xml"
_SETTINGS = "nextest.toml"
_NO_TESTS = 4
"""nextest's exit code when nothing ran."""

_STOPS = re.compile(r"--(no-fail-fast|nff|fail-fast|ff|max-fail(=.*)?)")
"""Options that say when to stop: nextest takes each once, not all together, and of two the last counts."""


class Nextest:
    """`cargo nextest run`."""

    name = "nextest"

    def claims(self, call: Call) -> bool:
        """Tell whether the call is `cargo nextest run …`."""
        words = [word for word in call.arguments if not word.startswith(("-", "+"))]
        return call.program == "cargo" and words[:2] == ["nextest", "run"]

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Ask for the report in a tool's configuration, go on after failures, and narrow by filterset."""
        at = call.words.index("run") + 1
        settings = f"[profile.default.junit]\npath = {json.dumps(f'{place.reports}/{_REPORT}')}\n"
        options = ["--tool-config-file", shlex.quote(f"moot:{place.reports}/{_SETTINGS}"), "--no-fail-fast"]
        names = [each.rpartition("::")[0] and each.split("::", 1)[1] for each in only]
        if names and all(names):
            pattern = "|".join(re.escape(name) for name in names)
            options += ["-E", shlex.quote(f"test(/(^|::)({pattern})$/)")]
        rest = call.words[at:]
        kept = [
            word
            for before, word in zip(("", *rest), rest, strict=False)
            if not _STOPS.fullmatch(word) and before != "--max-fail"
        ]
        words = (*call.prefix, *call.words[:at], *options, *kept)
        return Instrumented(words, files={_SETTINGS: settings})

    def read(self, evidence: Evidence) -> Reading:
        """Read what nextest writes when the run ends."""
        cases = parse(evidence.reports.read(_REPORT), evidence.place)
        nothing = not cases and evidence.result.exit_code == _NO_TESTS
        return Reading(cases or (), cases is not None, nothing)
