"""The failing test's own code, as much of it as a prompt has room for."""

import re
from textwrap import dedent

from moot.agent.core.commands import TestCase
from moot.agent.repair.frames import places
from moot.agent.repair.source import Source

__all__ = ["excerpt"]

_SIZE = 400
"""Characters; a failing line that is longer may have twice as many."""
_ABOVE, _BELOW = 10, 3
"""Lines around one that is in no named function, such as of `it("…", () => {…})`."""


def excerpt(case: TestCase, source: Source) -> str:
    """Return the lines of a test around the one that fails; empty where it is not known which that is.

    What stands above the line comes first: it makes what the assertion compares.
    """
    failing = _failing_line(case, source)
    if not failing:
        return ""
    function = source.function_at_line(failing)
    first, last = (
        (function.start_point.row + 1, function.end_point.row + 1)
        if function is not None
        else (max(1, failing - _ABOVE), min(len(source.lines), failing + _BELOW))
    )
    order = [*range(failing, first - 1, -1), *range(failing + 1, last + 1)]
    kept, size = {failing}, 0
    for number in order:
        size += len(source.line(number)) + 1
        if size > _SIZE and number != failing:
            break
        kept.add(number)
    text = "\n".join(source.line(number) for number in sorted(kept))
    return dedent(text)[: 2 * _SIZE]


def _failing_line(case: TestCase, source: Source) -> int:
    """Return the innermost line (1-based) of the file that the message names, else where the test begins."""
    named = [line for _, line in places(case.message, [source.path]) if line <= len(source.lines)]
    if named:
        return named[0]
    own = re.findall(r"\w+", case.id.partition("[")[0])[-1:]
    return next((node.start_point.row + 1 for name, node in source.functions() if [name] == own), 0)
