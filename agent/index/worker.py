"""A parser process: blobs come in on standard input, rows go out on standard output."""

import json
import math
import resource
import signal
import sys

from moot.agent.index.extract import extract

__all__ = ["main"]

_MEMORY = 2 << 30  # bytes of address space; a grammar that runs away fails instead of swapping
_GRACE = 5  # seconds after which a worker that its parent has forgotten ends itself


def main() -> None:
    """Answer requests until standard input ends.

    A request is a line `[language, parse, size, timeout]` and `size` bytes; the answer is a row's four lines.
    """
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    while header := sys.stdin.buffer.readline():
        language, parse, size, timeout = json.loads(header)
        data = sys.stdin.buffer.read(size)
        signal.alarm(math.ceil(timeout) + _GRACE)
        row = extract(data, language, parse=parse).row()
        signal.alarm(0)
        answer = "\n".join((row.header(), row.symbols, row.links, row.terms)) + "\n"
        sys.stdout.buffer.write(answer.encode())
        sys.stdout.buffer.flush()
