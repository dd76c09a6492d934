"""What a fusion costs: the same prompts to one model alone and to pools, on one local model server.

    PYTHONPATH=. python tests/bench/bench_overhead.py [--prompts N] [--rounds N] [--outcomes FILE]

Each prompt asks for a change of a module of the standard library and begins with a number of its own, so
that none finds another's in the server's cache. `alone` is one sample; the others are N samples of the same
model with the mode that is named, `slow` and `dead` two samples and a member that takes five times as long as
the server itself, or whose server is not there. Outcomes are added to a file of JSON lines; what it holds
already is not run again. The table has ratios to `alone` of the same prompt and round.
"""

import argparse
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from moot.agent.core.config import load_settings
from moot.agent.models.serving import running_server

AGENT = Path(sys.executable).with_name("agent")
SLOWER = 5.0
ALONE = "alone"
ANSWER_TOKENS = 192
TASKS = (
    ("bisect", "Let insort_left return the position at which it inserted."),
    ("colorsys", "Let rgb_to_yiq raise a ValueError where a channel is negative."),
    ("fnmatch", "Let filter in fnmatch return an empty list at once where names is empty."),
    ("sched", "Give the scheduler of sched a method clear that removes all events."),
    ("reprlib", "Let repr1 in reprlib return '...' for a level below zero."),
)


@dataclass(frozen=True)
class Outcome:
    """One run: seconds in all, tokens read and written, and those of them that were not cached."""

    way: str
    task: int
    round: int
    exit_code: int
    seconds: float
    tokens: int
    fresh: int


class Slow(BaseHTTPRequestHandler):
    """Passes requests on and holds each answer back until it took five times as long."""

    upstream = ""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        started = time.monotonic()
        url = f"{self.upstream}{self.path}"
        headers = {"Content-Type": self.headers.get("Content-Type") or "application/json"}
        answer = httpx.request(self.command, url, content=body or None, headers=headers, timeout=600)
        time.sleep((SLOWER - 1) * (time.monotonic() - started))
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = _pass_on  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of http.server's
        """Say nothing."""


def main() -> None:
    """Run what is missing and print the table."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--prompts", type=int, default=len(TASKS))
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--outcomes", type=Path)
    given = arguments.parse_args()
    server = running_server(load_settings().data_dir)
    if server is None:
        sys.exit("no model server is running: `agent model up`")
    file = given.outcomes or Path(tempfile.mkdtemp()) / "outcomes.jsonl"
    ways = _ways(_slow(server.base_url))
    done = {(each.way, each.task, each.round) for each in _read(file)}
    for number in range(given.rounds):
        for task in range(given.prompts):
            for way, (mode, pool) in ways.items():
                if (way, task, number) not in done:
                    outcome = _attempt(way, mode, pool, task, number)
                    with file.open("a", encoding="utf-8") as lines:
                        lines.write(json.dumps(asdict(outcome)) + "\n")
                    print(outcome, flush=True)
    _print(_read(file), list(ways))


def _ways(slow: str) -> Mapping[str, tuple[str, str]]:
    """Return modes and pools by name."""
    return {
        ALONE: ("best-of", "local x1"),
        **{f"best-of {n}": ("best-of", f"local x{n}") for n in (2, 3, 5)},
        "merge 3": ("merge", "local x3"),
        "debate 3": ("debate", "local x3"),
        "best-of 2 and slow": ("best-of", f"local x2, slow@{slow}"),
        "best-of 2 and dead": ("best-of", "local x2, dead@http://127.0.0.1:9/v1"),
    }


def _slow(upstream: str) -> str:
    Slow.upstream = upstream.removesuffix("/v1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1"


def _attempt(way: str, mode: str, pool: str, task: int, number: int) -> Outcome:
    module, change = TASKS[task]
    source = Path(__import__(module).__file__ or "").read_text(encoding="utf-8")
    prompt = f"# {secrets.token_hex(8)}\n{source}\n\n{change} Write the changed function alone."
    command = [AGENT, "fuse", "-", "--mode", mode, "--pool", pool, "--output", "json"]
    done = subprocess.run(
        [*command, "--answer-tokens", str(ANSWER_TOKENS)],
        input=prompt,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return Outcome(way, task, number, done.returncode, 0.0, 0, 0)
    ledger = json.loads(done.stdout)["ledger"]
    used = ledger["tokens"]
    total = used["read"] + used["written"]
    return Outcome(way, task, number, 0, ledger["seconds"], total, total - used["cached"])


def _read(file: Path) -> list[Outcome]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Outcome(**json.loads(line)) for line in lines]


def _print(outcomes: Sequence[Outcome], ways: Sequence[str]) -> None:
    base = {(each.task, each.round): each for each in outcomes if each.way == ALONE}
    print("\n| way | runs | latency p50 | p95 | tokens p50 | not cached p50 | ended with 0 |")
    print("|---|---|---|---|---|---|---|")
    for way in ways:
        mine = [each for each in outcomes if each.way == way and (each.task, each.round) in base]
        pairs = [(each, base[each.task, each.round]) for each in mine if each.exit_code == 0]
        if not pairs:
            continue
        seconds = [each.seconds / alone.seconds for each, alone in pairs]
        tokens = statistics.median(each.tokens / alone.tokens for each, alone in pairs)
        fresh = statistics.median(each.fresh / alone.fresh for each, alone in pairs)
        late = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
        well = sum(each.exit_code == 0 for each in mine)
        print(
            f"| {way} | {len(mine)} | {statistics.median(seconds):.2f} | {late:.2f} | {tokens:.2f} | "
            f"{fresh:.2f} | {well} |"
        )
    print("\nRatios to one sample of the same prompt; seconds from the first request to the answer.")


if __name__ == "__main__":
    main()
