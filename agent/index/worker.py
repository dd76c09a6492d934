"""A parser process: batches of blobs come in on standard input, what they hold goes out."""

import gc
import json
import math
import resource
import signal
import sys
from array import array
from collections.abc import Sequence

from moot.agent.index.extract import extract
from moot.agent.index.facts import Facts, encode_links
from moot.agent.index.terms import count_words

__all__ = ["main"]

_MEMORY = 2 << 30  # bytes of address space; a grammar that runs away fails instead of swapping
_GRACE = 5  # seconds after which a worker that its parent has forgotten ends itself
_READABLE = ("parsed", "words")


class _Numbers(dict[bytes, int]):
    """Numbers words as they are first asked for; `new` are those since it was last emptied."""

    def __init__(self) -> None:
        super().__init__()
        self.new: list[bytes] = []

    def __missing__(self, word: bytes) -> int:
        number = self[word] = len(self)
        self.new.append(word)
        return number


def main() -> None:
    """Answer batches until standard input ends.

    A request is a line of JSON, `[what, timeout, fresh, [[language, parse, size], …]]`, and the blobs;
    the answer, for each blob, is a line of JSON with the sizes of what follows it. `what` is `index`, or
    `links` for what a blob says of others. Words are numbered as they come up; `fresh` starts anew.
    """
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    gc.disable()  # nothing here is cyclic, and looking for cycles took a tenth of the time
    numbers = _Numbers()
    while line := sys.stdin.buffer.readline():
        what, timeout, fresh, files = json.loads(line)
        blobs = [sys.stdin.buffer.read(size) for _, _, size in files]
        numbers = _Numbers() if fresh else numbers
        for (language, parse, _), data in zip(files, blobs, strict=True):
            signal.alarm(math.ceil(timeout) + _GRACE)
            if what == "index":
                _answer(*_indexed(data, language, parse, numbers))
            else:
                _answer([], [encode_links(extract(data, language, parse=parse).links)])
        signal.alarm(0)


def _indexed(
    data: bytes, language: str, parse: bool, numbers: _Numbers
) -> tuple[Sequence[object], list[bytes]]:
    facts = extract(data, language, parse=parse, references=False)
    used, times, names = _words(facts, data, numbers)
    parts = [facts.encoded_symbols(), facts.encoded_imports().encode(), b"\n".join(numbers.new)]
    numbers.new.clear()
    header = [facts.state, len(facts.outline), facts.generated]
    return header, [*parts, used.tobytes(), times.tobytes(), names.tobytes()]


def _words(facts: Facts, data: bytes, numbers: _Numbers) -> "tuple[array[int], array[int], array[int]]":
    counts = count_words(data if facts.state in _READABLE else b"")
    return (
        array("I", map(numbers.__getitem__, counts)),
        array("I", counts.values()),
        array("I", [numbers[_word(outlined.name)] for outlined in facts.outline]),
    )


def _word(name: str) -> bytes:
    return name.encode("utf-8", "replace")


def _answer(header: Sequence[object], parts: list[bytes]) -> None:
    line = json.dumps([header, [len(part) for part in parts]]).encode()
    sys.stdout.buffer.write(b"\n".join((line, b"".join(parts))))
    sys.stdout.buffer.flush()
