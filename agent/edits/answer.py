"""A model's answer -> edits: blocks, unified diffs, patches or JSON, whatever form was asked for."""

import re

from moot.agent.core.errors import EditRejected
from moot.agent.edits.blocks import read_block, read_echo
from moot.agent.edits.diff import read_diff
from moot.agent.edits.forms import Edit
from moot.agent.edits.json_answer import parse_json

__all__ = ["MAX_ANSWER", "parse_answer"]

MAX_ANSWER = 4_000_000
"""Characters of an answer that are read."""

_FENCED_JSON = re.compile(r"\s*```(?:json)?\s*\n(?P<json>\s*\{.*\})\s*\n```\s*$", re.DOTALL)


def parse_answer(text: str) -> list[Edit]:
    """Read every edit in an answer, in order; forms may be mixed.

    Raises:
        EditRejected: there is none, or one is incomplete.
    """
    if len(text) > MAX_ANSWER:
        raise EditRejected(f"the answer has {len(text)} characters; the limit is {MAX_ANSWER}")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise EditRejected("the answer is not UTF-8: it holds a lone surrogate")
    text = text.replace("\r\n", "\n")
    fenced = _FENCED_JSON.match(text)
    if fenced or text.lstrip().startswith("{"):
        return parse_json(fenced["json"] if fenced else text)
    edits = _scan(text.split("\n"))
    if not edits:
        raise EditRejected("the answer holds no edit: answer with edits in the form that was shown")
    return edits


def _scan(lines: list[str]) -> list[Edit]:
    edits: list[Edit] = []
    at = 0
    while at < len(lines):
        last = edits[-1].path if edits else ""
        if block := read_block(lines, at, last) or read_echo(lines, at, edits):
            edits.append(block[0])
            at = block[1]
        elif diff := read_diff(lines, at):
            edits += diff[0]
            at = max(diff[1], at + 1)
        else:
            at += 1
    return edits
