"""What a starting vLLM is doing, read from its log."""

import re
from pathlib import Path

from moot.agent.models.progress import Progress

__all__ = ["Phases"]

# Lines of vLLM 0.32, in the order in which they come.
_PHASES = (
    (re.compile(r"Resolved architecture"), "reading the configuration"),
    (re.compile(r"Initializing a V\d LLM engine"), "starting the engine"),
    (re.compile(r"Starting to load model"), "loading weights"),
    (re.compile(r"Loading weights took"), "preparing weights"),
    (re.compile(r"KV cache size"), "warming up"),
    (re.compile(r"init engine .* took"), "opening the port"),
)
_SHARDS = re.compile(r"checkpoint shards: +(\d+)% Completed")


class Phases:
    """Reads what was added to a log and reports the phase when it changes."""

    def __init__(self, log: Path, progress: Progress) -> None:
        """Start at the beginning of `log`."""
        self._log = log
        self._progress = progress
        self._offset = 0
        self._reached = 0

    def look(self) -> None:
        """Report what the log says since the last look."""
        with self._log.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        # The last line may still be in the writing.
        added = added[: max(added.rfind(b"\n"), added.rfind(b"\r")) + 1]
        self._offset += len(added)
        for line in re.split(r"[\r\n]+", added.decode("utf-8", "replace")):
            self._read(line)

    def _read(self, line: str) -> None:
        shards = _SHARDS.search(line)
        if shards is not None:
            self._progress("loading weights", int(shards[1]), 100)
        for number, (pattern, phase) in enumerate(_PHASES, start=1):
            if number > self._reached and pattern.search(line):
                self._reached = number
                self._progress(phase, number, len(_PHASES) + 1)
