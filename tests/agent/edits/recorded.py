"""Answers that real models gave, the tasks they were asked, and the files they were about."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from moot.agent.core.errors import EditRejected
from moot.agent.core.types import EditFormat, TreeEntry
from moot.agent.edits.answer import parse_answer
from moot.agent.edits.apply import Base, build_patch
from moot.agent.fusion.member import CUT
from moot.agent.index.live import outline_text
from moot.agent.pack.render import whole_block
from moot.agent.syntax import syntax_errors
from moot.prompts import render

DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class Task:
    id: str
    path: str
    source: str
    task: str
    op: str
    symbol: str


@dataclass(frozen=True)
class Answer:
    task: str
    form: EditFormat
    finish: str
    text: str
    prompt: str


def lines(name: str) -> list[dict[str, str]]:
    text = (DATA / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@cache
def tasks() -> dict[str, Task]:
    return {line["id"]: Task(**line) for line in lines("tasks")}


@cache
def files() -> dict[str, bytes]:
    return {line["path"]: line["text"].encode() for line in lines("files")}


@cache
def answers(profile: str) -> tuple[Answer, ...]:
    return tuple(load_answers(DATA / f"answers-{profile}.jsonl"))


def load_answers(path: Path) -> list[Answer]:
    """Return the answers of a file, less a last line that an interruption cut off."""
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    found = [json.loads(line) for line in whole.splitlines()]
    return [Answer(**{**line, "form": EditFormat(line["form"])}) for line in found]


def question(task: Task, form: EditFormat) -> str:
    """Return what the product would ask, with the task's file as its context."""
    context = whole_block(task.path, files()[task.path].decode())
    return render("propose", context=context, task=task.task, failures="", form=render(f"form_{form}"))


@cache
def prompt_id(task: str, form: EditFormat) -> str:
    """Return what tells an answer to today's prompt from one to another."""
    text = render("system") + question(tasks()[task], form)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def recorded_profiles() -> list[str]:
    return sorted(path.stem.removeprefix("answers-") for path in DATA.glob("answers-*.jsonl"))


def blob(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def make_base(contents: dict[str, bytes], modes: dict[str, str] | None = None) -> Base:
    entries = {
        path: TreeEntry(path, (modes or {}).get(path, "100644"), blob(data), len(data))
        for path, data in contents.items()
    }
    blobs = {blob(data): data for data in contents.values()}
    return Base(entries, blobs.__getitem__, outline_text, syntax_errors)


def is_held_out(task: str) -> bool:
    """Tell whether a task came after the parser and the prompts: those up to 40 were used to make them."""
    return int(task.partition("-")[0]) > 40


def changed_by(answer: Answer) -> dict[str, bytes | None] | None:
    """Return the files that an answer changes; None when it is refused."""
    path = tasks()[answer.task].path
    try:
        edits = parse_answer(answer.text, cut=answer.finish in CUT)
        patch = build_patch(edits, make_base({path: files()[path]}))
    except EditRejected:
        return None
    return {change.path: change.content for change in patch.changes}


def is_right(answer: Answer, changed: Mapping[str, bytes | None]) -> bool:
    """Tell whether the task's symbol was changed, added or deleted, and no other definition."""
    task = tasks()[answer.task]
    if task.op == "create":
        return list(changed) == [task.symbol] and bool(changed[task.symbol])
    content = changed.get(task.path)
    if list(changed) != [task.path] or content is None:
        return False
    before, after = _definitions(task.path, files()[task.path]), _definitions(task.path, content)
    touched = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    owners = {name for name in touched if task.symbol.startswith(f"{name}.")}
    inner = {name for name in touched if name.startswith(f"{task.symbol}.")}
    there = {"change": (True, True), "add": (False, True), "delete": (True, False)}[task.op]
    return (task.symbol in before, task.symbol in after) == there and touched - owners - inner == {
        task.symbol
    }


def _definitions(path: str, data: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for symbol in outline_text(path, data):
        if symbol.kind != "import":
            text = data[symbol.start_byte : symbol.end_byte].decode()
            found.setdefault(symbol.qualified_name, []).append(text.rstrip())
    return found
