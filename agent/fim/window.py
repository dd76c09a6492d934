"""How much of a file a prompt shows: whole lines around the hole, within a size."""

__all__ = ["BYTES_PER_TOKEN", "window"]

BYTES_PER_TOKEN = 3
"""A low guess for code, so that a budget in tokens holds with every tokenizer."""


def window(before: str, after: str, room: int, keep: int = 0) -> tuple[str, str]:
    """Return the end of `before` and the beginning of `after`, in whole lines.

    Args:
        before: text before the hole; what is kept of it starts with a definition where one is near.
        after: text after the hole; it may take a quarter of the room, or what `before` leaves.
        room: characters for both together; a line that is longer than its share is cut.
        keep: lines at the start of `before` that stay in any case.
    """
    after = _first_lines(after, max(room // 4, room - len(before)))
    lines = before.splitlines(keepends=True)
    if len(before) <= room - len(after):
        return before, after
    head = "".join(lines[:keep])
    return head + _last_lines(lines[keep:], room - len(after) - len(head)), after


def _first_lines(text: str, size: int) -> str:
    if len(text) <= size:
        return text
    cut = text[:size]
    return cut[: cut.rfind("\n") + 1] or cut


def _last_lines(lines: list[str], size: int) -> str:
    """Return the last lines that fit, from a line at the margin on if the first third has one."""
    start, left = len(lines), size
    while start > 0 and len(lines[start - 1]) <= left:
        start -= 1
        left -= len(lines[start])
    if start == len(lines):
        return lines[-1][-size:] if lines and size > 0 else ""
    third = range(start, start + (len(lines) - start) // 3)
    border = next((number for number in third if not lines[number][:1].isspace()), start)
    return "".join(lines[border:])
