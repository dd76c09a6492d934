"""A parser process: batches of blobs come in on standard input, what they hold goes out."""

import gc
import json
import math
import os
import resource
import signal
import sys
from array import array
from collections.abc import Sequence

import numpy as np

from moot.agent.index.extract import extract
from moot.agent.index.facts import Facts, encode_links
from moot.agent.index.live import outline_of
from moot.agent.index.segment import Builder, Vocabulary
from moot.agent.index.terms import count_words

__all__ = ["main"]

_MEMORY = 2 << 30  # bytes of address space; a grammar that runs away fails instead of swapping
_GRACE = 5  # seconds after which a worker that its parent has forgotten ends itself
_READABLE = ("parsed", "words")


class _Words(dict[bytes, int]):
    """Numbers words as they are first asked for, and collects the documents that they are of."""

    def __init__(self) -> None:
        super().__init__()
        self._vocabulary = Vocabulary()
        self._builder = Builder()

    def __missing__(self, word: bytes) -> int:
        number = self[word] = len(self)
        self._vocabulary.words.append(word)
        return number

    def add(self, facts: Facts, data: bytes) -> int:
        """Add a document and return its number."""
        counts = count_words(data if facts.state in _READABLE else b"")
        uses, times = array("I", map(self.__getitem__, counts)), array("I", counts.values())
        names = array("I", [self[_word(outlined.name)] for outlined in facts.outline])
        return self._builder.add(
            self._vocabulary, *(np.frombuffer(n, np.uint32) for n in (uses, times, names))
        )

    def segment(self) -> bytes:
        """Return the segment of all documents."""
        return self._builder.build()


def main() -> None:
    """Say `ready`, and answer requests until standard input ends.

    A request is a line of JSON, `[what, timeout, [[language, parse, size], …]]`, and the blobs; the answer,
    for each blob, is a line of JSON with the sizes of what follows it. `what` is `index`, `links` for what a
    blob says of others, `outline` for its definitions and import statements, or `segment` for the words of
    what was indexed: their size in a line, and they.
    """
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)  # no process can raise it
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    gc.disable()  # nothing here is cyclic, and looking for cycles took a tenth of the time
    words = _Words()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # nobody reads it from here on
    _write(b"ready")
    while line := sys.stdin.buffer.readline():
        what, timeout, files = json.loads(line)
        blobs = [sys.stdin.buffer.read(size) for _, _, size in files]
        signal.alarm(math.ceil(timeout) + _GRACE)
        if what == "segment":
            data, words = words.segment(), _Words()
            _write(b"%d" % len(data), data)
        for (language, parse, _), data in zip(files, blobs, strict=True):
            signal.alarm(math.ceil(timeout) + _GRACE)
            if what == "index":
                facts = extract(data, language, parse=parse, references=False)
                header = [words.add(facts, data), facts.state, len(facts.outline), facts.generated]
                _answer(header, [facts.encoded_symbols(), facts.encoded_imports().encode()])
            elif what == "outline":
                outline = outline_of(data, language, parse=parse)
                _answer([], [Facts("words", outline).encoded_symbols()])
            else:
                _answer([], [encode_links(extract(data, language, parse=parse).links)])
        signal.alarm(0)


def _word(name: str) -> bytes:
    return name.encode("utf-8", "replace")


def _answer(header: Sequence[object], parts: list[bytes]) -> None:
    _write(json.dumps([header, [len(part) for part in parts]]).encode(), *parts)


def _write(line: bytes, *parts: bytes) -> None:
    sys.stdout.buffer.write(b"\n".join((line, b"".join(parts))))
    sys.stdout.buffer.flush()
