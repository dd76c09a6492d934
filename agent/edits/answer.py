"""A model's answer -> edits: blocks, unified diffs, patches or JSON, whatever form was asked for."""

import re

from moot.agent.core.errors import EditRejected
from moot.agent.core.surrogates import has_surrogates
from moot.agent.edits.blocks import begins_edit, ends_block, read_block, read_echo
from moot.agent.edits.diff import read_diff
from moot.agent.edits.forms import Edit, WholeFile
from moot.agent.edits.json_answer import parse_json

__all__ = ["MAX_ANSWER", "parse_answer"]

MAX_ANSWER = 4_000_000
"""Characters of an answer that are read."""

_FENCED_JSON = re.compile(r"\s*```(?:json)?\s*\n(?P<json>\s*\{.*\})\s*\n```\s*$", re.DOTALL)

_CUT = "the answer was cut off: answer again, with whole edits and few words around them"


def parse_answer(text: str, *, cut: bool = False) -> list[Edit]:
    """Read every edit in an answer, in order; forms may be mixed.

    Args:
        text: of the answer.
        cut: whether it has no proper end; it may then break off outside of its edits, and not within one.

    Raises:
        EditRejected: there is none, or one is incomplete.
    """
    if len(text) > MAX_ANSWER:
        raise EditRejected(f"the answer has {len(text)} characters; the limit is {MAX_ANSWER}")
    if has_surrogates(text):
        raise EditRejected("the answer is not UTF-8: it holds a lone surrogate")
    try:
        return _edits(text.replace("\r\n", "\n"), cut)
    except EditRejected as exc:
        if cut:
            raise EditRejected(f"{exc}; {_CUT}") from exc
        raise


def _edits(text: str, cut: bool) -> list[Edit]:
    fenced = _FENCED_JSON.match(text)
    if fenced or text.lstrip().startswith("{"):
        return parse_json(fenced["json"] if fenced else text)
    edits = _scan(text.split("\n"), cut)
    if not edits:
        raise EditRejected("the answer holds no edit: answer with edits in the form that was shown")
    return edits


def _scan(lines: list[str], cut: bool) -> list[Edit]:
    edits: list[Edit] = []
    at = end = 0
    while at < len(lines):
        last = edits[-1].path if edits else ""
        if block := read_block(lines, at, last) or read_echo(lines, at, edits):
            edits.append(block[0])
            at = end = block[1]
        elif diff := read_diff(lines, at):
            edits += diff[0]
            at = max(diff[1], at + 1)
            end = at if diff[0] else end
        else:
            if ends_block(lines[at]) and _is_file(edits) and any(line.strip(" `") for line in lines[end:at]):
                raise EditRejected(
                    f"the text of {last} has a line of >>>>>>>, which ends a block: use a diff"
                )
            at += 1
    if cut and _breaks_off(lines, end):
        raise EditRejected("the last edit of the answer is not whole")
    return edits


def _is_file(edits: list[Edit]) -> bool:
    """Whether the last edit is a FILE block; after others small models repeat the prompt, blocks and all."""
    last = edits[-1] if edits else None
    return isinstance(last, WholeFile) and not last.echo


def _breaks_off(lines: list[str], end: int) -> bool:
    """Whether a cut answer ends within its last edit, which ends at a line, or in the head of another."""
    closed = lines[end - 1].strip().startswith((">>>>>", "</file>"))
    return (end == len(lines) and not closed) or any(begins_edit(line) for line in lines[end:])
