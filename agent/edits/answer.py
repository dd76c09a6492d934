"""A model's answer -> edits: search/replace blocks, whole symbols, whole files, or JSON."""

import json
import re
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from moot.agent.core.errors import EditRejected

__all__ = [
    "ANSWER_SCHEMA",
    "Edit",
    "ReplaceSpan",
    "ReplaceSymbol",
    "SearchReplace",
    "WholeFile",
    "parse_answer",
]


@dataclass(frozen=True, slots=True)
class SearchReplace:
    """Replace text that occurs exactly once; an empty `search` creates the file."""

    path: str
    search: str
    replace: str


@dataclass(frozen=True, slots=True)
class ReplaceSymbol:
    """Replace a whole definition, found by its qualified name through the index."""

    path: str
    symbol: str
    text: str


@dataclass(frozen=True, slots=True)
class WholeFile:
    """Give a file's whole text; None deletes the file."""

    path: str
    text: str | None


@dataclass(frozen=True, slots=True)
class ReplaceSpan:
    """Replace the bytes [start, end) of a known blob: what fill-in-the-middle produces."""

    path: str
    blob: str
    start: int
    end: int
    text: str


Edit = SearchReplace | ReplaceSymbol | WholeFile | ReplaceSpan


class _JsonEdit(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["search_replace", "symbol", "file", "delete"]
    path: str
    target: str = ""
    text: str = ""


class _JsonAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    edits: list[_JsonEdit]


ANSWER_SCHEMA = _JsonAnswer.model_json_schema()
"""The grammar for servers with structured output; `target` is the text or the symbol to replace."""

_BLOCK = re.compile(
    r"^<{5,9} ?(?P<kind>SEARCH|SYMBOL|FILE|DELETE)\b[ \t]*(?P<head>[^\n]*)\n(?P<body>.*?)^>{5,9}[^\n]*$",
    re.MULTILINE | re.DOTALL,
)
_DIVIDER = re.compile(r"^={5,9}[ \t]*\n", re.MULTILINE)
_NAME_LINE = re.compile(r"^[#*`\s]*(?:[Ff]ile(?:name)?:?\s*)?`{0,3}(?P<path>[\w./@+ -]*\w)[`*:]*\s*$")


def parse_answer(text: str) -> list[Edit]:
    """Read every edit in an answer.

    Raises:
        EditRejected: there is none, or one is incomplete.
    """
    text = text.replace("\r\n", "\n")
    if text.lstrip().startswith("{"):
        return _parse_json(text)
    edits = [_from_block(match, text) for match in _BLOCK.finditer(text)]
    if not edits:
        raise EditRejected("the answer holds no edit: answer with SEARCH/REPLACE blocks as shown")
    return edits


def _parse_json(text: str) -> list[Edit]:
    try:
        answer = _JsonAnswer.model_validate(json.loads(text))
    except (json.JSONDecodeError, ValidationError) as exc:
        raise EditRejected(f"the answer is not JSON of the given schema: {exc}") from exc
    if not answer.edits:
        raise EditRejected("the answer holds no edit")
    return [_from_json(edit) for edit in answer.edits]


def _from_json(edit: _JsonEdit) -> Edit:
    match edit.kind:
        case "search_replace":
            return SearchReplace(edit.path, edit.target, edit.text)
        case "symbol":
            return ReplaceSymbol(edit.path, edit.target, edit.text)
        case "file":
            return WholeFile(edit.path, edit.text)
        case "delete":
            return WholeFile(edit.path, None)


def _from_block(match: re.Match[str], text: str) -> Edit:
    kind, head, body = match["kind"], match["head"].strip().strip("`"), match["body"]
    if kind == "SYMBOL":
        path, _, symbol = head.partition(" ")
        if not symbol:
            raise EditRejected("a SYMBOL block names a path and a symbol: <<<<<<< SYMBOL path name")
        return ReplaceSymbol(path, symbol.strip(), body)
    path = head or _path_before(text, match.start())
    if kind == "FILE":
        return WholeFile(path, body)
    if kind == "DELETE":
        return WholeFile(path, None)
    parts = _DIVIDER.split(body)
    if len(parts) != 2:
        raise EditRejected(f"the SEARCH block for {path} needs exactly one ======= line")
    return SearchReplace(path, parts[0], parts[1])


def _path_before(text: str, position: int) -> str:
    """Find the path on the lines above a block, past a code fence; a second block may reuse it."""
    for line in reversed(text[:position].splitlines()):
        if not line.strip() or line.lstrip().startswith("```"):
            continue
        if match := _NAME_LINE.match(line):
            return match["path"].strip()
        break
    earlier = [match["head"].strip() for match in _BLOCK.finditer(text[:position]) if match["head"].strip()]
    if earlier:
        return earlier[-1].split(" ")[0]
    raise EditRejected("a SEARCH block needs its file's path: <<<<<<< SEARCH path/to/file")
