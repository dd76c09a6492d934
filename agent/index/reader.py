"""Reads texts that no commit holds within a limit on time: large ones in a process that is killed then.

What some texts take of the grammar's queries grows with the square of their length, and nothing but the end
of the process stops it.
"""

import threading

from moot.agent.core.types import Symbol
from moot.agent.index.extract import MAX_BYTES, extract
from moot.agent.index.languages import TEXT, language_of
from moot.agent.index.live import outline_text
from moot.agent.index.workers import Workers

__all__ = ["Reader"]

_QUICK = 1 << 16  # bytes of a text that takes a few seconds at worst


class Reader:
    """Safe for threads. The process starts with the first large text and ends with `close`."""

    def __init__(self, timeout: float) -> None:
        """Take the seconds that a text may take; one that takes longer is read line by line."""
        self._timeout = timeout
        self._lock = threading.Lock()
        self._workers: Workers | None = None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            workers, self._workers = self._workers, None
        if workers is not None:
            workers.close()

    def outline(self, path: str, data: bytes) -> list[Symbol]:
        """Return the definitions and imports of a text; see `outline_text`.

        Raises:
            UsageError: no parser process can run.
        """
        if _is_quick(path, data):
            return outline_text(path, data)
        return [each.at(path) for each in self._started().outline((language_of(path), data))]

    def imports(self, path: str, data: bytes) -> list[str]:
        """Return the modules that a text imports, as written.

        Raises:
            UsageError: no parser process can run.
        """
        if _is_quick(path, data):
            return extract(data, language_of(path)).links.imports
        return [
            module for links in self._started().links([(language_of(path), data)]) for module in links.imports
        ]

    def _started(self) -> Workers:
        with self._lock:
            if self._workers is None:
                self._workers = Workers(1, self._timeout)
            return self._workers


def _is_quick(path: str, data: bytes) -> bool:
    """Tell whether a text is short, or no grammar reads it."""
    return len(data) <= _QUICK or len(data) > MAX_BYTES or language_of(path) == TEXT
