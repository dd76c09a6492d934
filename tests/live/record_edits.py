"""Ask a served model for small edits on real files, in every form, and keep its answers as test data.

Usage: python tests/live/record_edits.py PROFILE [--tasks 01-terms,4*] [--forms diff,json] [--again]

`agent model up PROFILE` must be running. The prompts are the product's own, so the answers are what a run
would get. Each is added to `tests/agent/edits/data/answers-PROFILE.jsonl` as it comes, and only what is
missing there, or was asked with another prompt, is asked: an interrupted recording is continued by the
same command. `tests/bench/bench_edits.py` measures the answers.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from moot.agent.core.config import load_settings
from moot.agent.core.messages import ChatMessage, ChatRequest
from moot.agent.core.types import EditFormat
from moot.agent.edits.json_answer import ANSWER_SCHEMA
from moot.agent.models.client import OpenAIClient
from moot.agent.models.serving import running_server
from moot.agent.models.transport import ClientOptions
from moot.prompts import render
from tests.agent.edits.recorded import DATA, Answer, Task, load_answers, prompt_id, question, tasks

ANSWER_TOKENS = 1024
AT_ONCE = 32

Asked = tuple[Task, EditFormat]


def main() -> int:
    """Record what is missing of one profile's answers."""
    chosen = _arguments()
    server = running_server(load_settings(Path()).data_dir)
    if server is None or server.profile != chosen.profile:
        raise SystemExit(f"start the model first: agent model up {chosen.profile}")
    path = DATA / f"answers-{chosen.profile}.jsonl"
    # One form after the other: by the second, the server has every file's prefix in its cache.
    wanted = [(task, form) for form in chosen.forms for task in chosen.tasks]
    missing = keep(path, wanted, chosen.again)
    print(f"{len(missing)} of {len(wanted)} answers to record", file=sys.stderr)
    started = time.monotonic()
    asyncio.run(record(server.base_url, missing, path))
    save(path, load_answers(path))
    print(f"{len(missing)} answers in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("profile")
    parser.add_argument("--tasks", type=_tasks, default="*", help="ids or patterns, with commas; all")
    parser.add_argument("--forms", type=_forms, default=",".join(EditFormat), help="with commas; all")
    parser.add_argument("--again", action="store_true", help="ask these again, whatever is there")
    return parser.parse_args()


def _tasks(text: str) -> list[Task]:
    found = [task for task in tasks().values() if any(fnmatch(task.id, part) for part in text.split(","))]
    if not found:
        raise argparse.ArgumentTypeError(f"no task matches {text}: the ids are in {DATA / 'tasks.jsonl'}")
    return found


def _forms(text: str) -> list[EditFormat]:
    if unknown := set(text.split(",")) - set(EditFormat):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose among {', '.join(EditFormat)}")
    return [EditFormat(part) for part in text.split(",")]


def keep(path: Path, wanted: Sequence[Asked], again: bool) -> list[Asked]:
    """Drop the answers that are to be asked once more from the file, and return what is to be asked."""
    known = load_answers(path) if path.exists() else []
    fresh = {
        (answer.task, answer.form)
        for answer in known
        if not again and answer.prompt == prompt_id(answer.task, answer.form)
    }
    missing = [(task, form) for task, form in wanted if (task.id, form) not in fresh]
    stale = {(task.id, form) for task, form in missing}
    save(path, [answer for answer in known if (answer.task, answer.form) not in stale])
    return missing


def save(path: Path, answers: Sequence[Answer]) -> None:
    """Write all answers, in order of task and form, in place of what was there."""
    ordered = sorted(answers, key=lambda answer: (answer.task, answer.form))
    scratch = path.with_suffix(".partial")
    scratch.write_text("".join(map(_line, ordered)), encoding="utf-8")
    scratch.replace(path)


def _line(answer: Answer) -> str:
    fields = ("task", "form", "finish", "prompt", "text")
    return json.dumps({name: getattr(answer, name) for name in fields}) + "\n"


async def record(base_url: str, wanted: Sequence[Asked], path: Path) -> None:
    """Ask greedily, so that a record can be made again, and add each answer to the file at once."""
    client = await OpenAIClient.connect(base_url, ClientOptions(read_timeout=600))
    slots = asyncio.Semaphore(AT_ONCE)
    try:
        for coming in asyncio.as_completed([_ask(client, slots, *asked) for asked in wanted]):
            answer = await coming
            with path.open("a", encoding="utf-8") as file:
                file.write(_line(answer))
    finally:
        await client.close()


async def _ask(client: OpenAIClient, slots: asyncio.Semaphore, task: Task, form: EditFormat) -> Answer:
    messages = ChatMessage("system", render("system")), ChatMessage("user", question(task, form))
    schema = ANSWER_SCHEMA if form is EditFormat.JSON else None
    async with slots:
        (answer,) = await client.chat(ChatRequest(messages, ANSWER_TOKENS, schema=schema))
    print(task.id, form, answer.finish, answer.tokens, file=sys.stderr)
    return Answer(task.id, form, answer.finish, answer.text, prompt_id(task.id, form))


if __name__ == "__main__":
    sys.exit(main())
