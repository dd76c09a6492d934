"""Finds out while a model writes that it only repeats itself."""

__all__ = ["RepetitionDetector", "find_repetition"]

WINDOW = 6_000
"""Characters of the tail that are looked at."""
KEY = 32
"""A repeated block's last characters, by which earlier copies are found."""
MIN_COPIES = 4
WORDY_LETTERS = 12
"""A block with as many letters is a sentence or a statement; with fewer, perhaps a row of a table."""
MIN_WORDY = 320
MIN_PLAIN = 2_000
"""Characters that the copies must cover. A chess board, a byte table or a ruler stays below the second."""
STEP = 40
"""Characters between two looks, about ten tokens."""


class RepetitionDetector:
    """Watches one growing text."""

    def __init__(self) -> None:
        self._seen = 0

    def find(self, text: str) -> int | None:
        """Return where to cut the text when its tail only repeats; looks again every `STEP` characters."""
        if len(text) - self._seen < STEP:
            return None
        self._seen = len(text)
        return find_repetition(text)


def find_repetition(text: str) -> int | None:
    """Return where the second copy of the repeated tail begins, in characters, or None.

    The tail counts as repeated when it is `MIN_COPIES` copies of one block or more, and long enough.
    """
    tail = text[-WINDOW:]
    if len(tail) < MIN_WORDY:
        return None
    key, end = tail[-KEY:], len(tail)
    at = tail.rfind(key, 0, end - 1)
    while at >= 0:
        period = end - KEY - at
        if period * MIN_COPIES > end:
            return None
        start = _start(tail, period)
        if end - start >= _needed(tail[-period:]):
            return len(text) - end + start + period
        at = tail.rfind(key, 0, at + KEY - 1)
    return None


def _start(tail: str, period: int) -> int:
    """Return where the stretch that repeats with this period begins."""
    start = len(tail) - period
    while start > 0 and tail[start - 1] == tail[start - 1 + period]:
        start -= 1
    return start


def _needed(block: str) -> int:
    letters = sum(character.isalpha() for character in set(block))
    wordy = letters >= WORDY_LETTERS // 2 and sum(map(str.isalpha, block)) >= WORDY_LETTERS
    return max(MIN_WORDY if wordy else MIN_PLAIN, MIN_COPIES * len(block))
