"""Ask a served model for small edits on real files, in every form, and keep its answers as test data.

Usage: python tests/live/record_edits.py PROFILE      (while `agent model up PROFILE` runs)

The prompts are the product's own, so the answers are what a run would get. They go to
`tests/agent/edits/data/answers-PROFILE.jsonl`; `tests/bench/bench_edits.py` measures them.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from moot.agent.core.config import load_settings
from moot.agent.core.messages import ChatMessage, ChatRequest
from moot.agent.core.types import EditFormat
from moot.agent.edits.json_answer import ANSWER_SCHEMA
from moot.agent.models.client import OpenAIClient
from moot.agent.models.serving import running_server
from moot.agent.models.transport import ClientOptions
from moot.agent.pack.render import whole_block
from moot.prompts import render

DATA = Path(__file__).parents[1] / "agent" / "edits" / "data"
ANSWER_TOKENS = 1024
AT_ONCE = 32


def main() -> int:
    """Record one profile's answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile")
    profile = parser.parse_args().profile
    server = running_server(load_settings(Path()).data_dir)
    if server is None or server.profile != profile:
        raise SystemExit(f"start the model first: agent model up {profile}")
    started = time.monotonic()
    answers = asyncio.run(record(server.base_url))
    lines = [json.dumps(answer) + "\n" for answer in answers]
    (DATA / f"answers-{profile}.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{len(answers)} answers in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


async def record(base_url: str) -> list[dict[str, object]]:
    """Return all answers in order of task and form; greedy, so that a record can be made again."""
    client = await OpenAIClient.connect(base_url, ClientOptions(read_timeout=600))
    slots = asyncio.Semaphore(AT_ONCE)
    # One form after the other: by the second, the server has every file's prefix in its cache.
    asked = [(task, form) for form in EditFormat for task in _lines("tasks")]
    try:
        answers = await asyncio.gather(*(_ask(client, slots, task, form) for task, form in asked))
    finally:
        await client.close()
    return sorted(answers, key=lambda answer: (str(answer["task"]), str(answer["form"])))


async def _ask(
    client: OpenAIClient, slots: asyncio.Semaphore, task: dict[str, str], form: EditFormat
) -> dict[str, object]:
    text = {file["path"]: file["text"] for file in _lines("files")}[task["path"]]
    prompt = render(
        "propose",
        context=whole_block(task["path"], text),
        task=task["task"],
        failures="",
        form=render(f"form_{form}"),
    )
    request = ChatRequest(
        (ChatMessage("system", render("system")), ChatMessage("user", prompt)),
        max_tokens=ANSWER_TOKENS,
        schema=ANSWER_SCHEMA if form is EditFormat.JSON else None,
    )
    async with slots:
        (answer,) = await client.chat(request)
    print(task["id"], form, answer.finish, answer.tokens, file=sys.stderr)
    return {"task": task["id"], "form": form, "finish": answer.finish, "text": answer.text}


def _lines(name: str) -> list[dict[str, str]]:
    text = (DATA / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


if __name__ == "__main__":
    sys.exit(main())
