"""`agent complete`: a place in a file -> what fits there, with what the repository says about it."""

import re
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, ValidationError

from moot.agent.connection import connect, infilling
from moot.agent.core.config import Settings
from moot.agent.core.errors import UsageError
from moot.agent.core.messages import ModelInfo, Usage
from moot.agent.fim.engine import Filled, Helpers, Limits, fill
from moot.agent.fim.neighbours import neighbours
from moot.agent.fim.trim import Hole
from moot.agent.syntax import LANGUAGES, language_of, path_in
from moot.agent.working_index import WorkingIndex

__all__ = ["Completed", "Wanted", "complete", "hole_at", "hole_in"]

_PROMPT_TOKENS = 1024
"""Tokens of a prompt: more is slow without a GPU, and what is far from the cursor helps little."""
_SPARE_TOKENS = 64
_PLACE = re.compile(r"(.+):(\d{1,9}):(\d{1,9})", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes:
        hole: its path tells the language.
        path: of the file, where there is one: absolute, or from `repo` on.
        repo: a folder inside the repository.
        max_tokens: bound of one completion.
        count: completions.
        context: whether other files are looked at.
    """

    hole: Hole
    path: Path | None
    repo: Path
    max_tokens: int
    count: int = 1
    context: bool = True


@dataclass(frozen=True, slots=True)
class Completed:
    """What came of it; `note` says why no other file was looked at, and `seconds` is for everything."""

    filled: Filled
    model: str
    form: str
    usage: Usage
    seconds: float
    note: str


class _Given(BaseModel):
    """What an editor sends."""

    model_config = ConfigDict(extra="forbid")

    prefix: str
    suffix: str
    path: str = ""
    language: str | None = None


def hole_at(place: str, repo: Path) -> tuple[Hole, Path]:
    """Return the hole at FILE:LINE:COL, and FILE; the file is read from the disk, with line ends as `\\n`.

    Args:
        place: LINE and COL count from 1, COL in characters; a column after the last one is the line's end.
        repo: where a relative FILE starts.

    Raises:
        UsageError: no such file, line or column, or not UTF-8 text.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise UsageError(f"{place!r} is no place: pass FILE:LINE:COL, like src/app.py:12:5, or `-`")
    path, row, column = match[1], int(match[2]), int(match[3])
    text = _text(repo / path)
    lines = text.split("\n")
    if not 1 <= row <= len(lines):
        raise UsageError(f"{path} has no line {row}: it has lines 1 to {len(lines)}")
    if not 1 <= column <= len(lines[row - 1]) + 1:
        raise UsageError(f"line {row} of {path} has no column {column}: 1 to {len(lines[row - 1]) + 1}")
    at = sum(len(each) + 1 for each in lines[: row - 1]) + column - 1
    return Hole(path, text[:at], text[at:]), Path(path)


def hole_in(content: bytes) -> tuple[Hole, Path | None]:
    """Return the hole that JSON describes, and the path in it, if there is one.

    Args:
        content: an object with `prefix` and `suffix`, and `path` or `language` where they are known.

    Raises:
        UsageError: it is none, or the language has no grammar here.
    """
    try:
        given = _Given.model_validate_json(content)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "stdin"
        raise UsageError(
            f"bad {where}: {first['msg']}: pass a JSON object with prefix, suffix, path and language"
        ) from exc
    if given.language and given.language not in LANGUAGES:
        raise UsageError(f"unknown language {given.language!r}: use one of {', '.join(LANGUAGES)}")
    name = path_in(given.language) if given.language else given.path
    prefix, suffix = (text.replace("\r\n", "\n") for text in (given.prefix, given.suffix))
    return Hole(name, prefix, suffix), Path(given.path) if given.path else None


async def complete(settings: Settings, wanted: Wanted) -> Completed:
    """Complete the text at a hole.

    Raises:
        MootError: the server does not answer, or the model has no form for it.
    """
    started = time.monotonic()
    client, profile = await connect(settings, probe=False)
    with ExitStack() as stack:
        try:
            form = infilling(settings, profile, client.info.id)
            limits = _limits(settings, wanted, client.info)
            hole, helpers, note = await to_thread.run_sync(_helpers, settings, wanted, stack)
            filled = await fill(client, form, hole, limits, helpers)
        finally:
            await client.close()
    seconds = time.monotonic() - started
    return Completed(filled, client.info.id, form.name, client.usage, seconds, note)


def _limits(settings: Settings, wanted: Wanted, model: ModelInfo) -> Limits:
    room = model.context - wanted.max_tokens - _SPARE_TOKENS
    if room < _SPARE_TOKENS:
        raise UsageError(f"{model.id} has room for {model.context} tokens in all: lower --max-tokens")
    return Limits(min(settings.context_tokens or _PROMPT_TOKENS, room), wanted.max_tokens, wanted.count)


def _helpers(settings: Settings, wanted: Wanted, stack: ExitStack) -> tuple[Hole, Helpers | None, str]:
    """Return the hole with its path in the repository, and what looks there, or why nothing does.

    A path that does not tell the hole's language is only looked from.
    """
    hole = wanted.hole
    if not (wanted.context and wanted.path):
        return hole, None, "not asked for" if wanted.path else "no path was given"
    try:
        opened = stack.enter_context(WorkingIndex(settings, wanted.repo, lambda done, total: None))
        opened.update()
        path = (wanted.repo / wanted.path).resolve().relative_to(opened.root.resolve()).as_posix()
    except UsageError as exc:
        return hole, None, str(exc)
    except ValueError:
        return hole, None, "the file is outside of the repository"
    placed = Hole(path, hole.prefix, hole.suffix)
    told = language_of(path) == language_of(hole.path)
    return placed if told else hole, partial(neighbours, placed, opened.index), ""


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode().replace("\r\n", "\n")
    except OSError as exc:
        raise UsageError(f"cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path} is not UTF-8 text: only such files can be completed") from exc
