"""What a fusion costs: the same prompts to one model alone and to pools, on one local model server.

    PYTHONPATH=. python tests/bench/bench_overhead.py [--kind text|patch] [--prompts N] [--rounds N]
        [--outcomes FILE]

`text` asks for a change of a module of the standard library (`agent fuse`), `patch` has a small file changed
and tested (`agent run --fusion always`, beside `never`). Each prompt begins with a number of its own, so that
none finds another's in the server's cache. `alone` is one sample; the others are N samples of the same model
with the mode that is named, `slow` and `dead` two samples and a member that takes five times as long as the
server itself, or whose server is not there. Outcomes are added to a file of JSON lines; what it holds already
is not run again. The table has ratios to `alone` of the same prompt and round.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from moot.agent.core.config import load_settings
from moot.agent.models.serving import running_server
from tests.bench.fusion.overhead import ALONE, KINDS, TASKS, Outcome, ways

SLOWER = 5.0


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
        with suppress(ConnectionError):  # who asked has given up
            self.wfile.write(answer.content)

    do_GET = do_POST = _pass_on  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of http.server's
        """Say nothing."""


def main() -> None:
    """Run what is missing and print the table."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--kind", choices=list(KINDS), default="text")
    arguments.add_argument("--prompts", type=int, default=len(TASKS))
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--outcomes", type=Path)
    given = arguments.parse_args()
    server = running_server(load_settings().data_dir)
    if server is None:
        sys.exit("no model server is running: `agent model up`")
    file = given.outcomes or Path(tempfile.mkdtemp()) / "outcomes.jsonl"
    compared = ways(_slow(server.base_url))
    done = {(each.way, each.task, each.round) for each in _read(file)}
    for number in range(given.rounds):
        for task in range(given.prompts):
            for name, way in compared.items():
                if (name, task, number) in done:
                    continue
                ran = KINDS[given.kind](way, task)
                outcome = Outcome(**asdict(ran), way=name, task=task, round=number)
                with file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(asdict(outcome)) + "\n")
                print(outcome, flush=True)
                if name == ALONE and ran.exit_code:
                    break  # nothing can be compared with it
    _print(_read(file), list(compared))


def _slow(upstream: str) -> str:
    Slow.upstream = upstream.removesuffix("/v1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1"


def _read(file: Path) -> list[Outcome]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Outcome(**json.loads(line)) for line in lines]


def _print(outcomes: Sequence[Outcome], ways: Sequence[str]) -> None:
    base = {(each.task, each.round): each for each in outcomes if each.way == ALONE and not each.exit_code}
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
        late = statistics.quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
        well = sum(each.exit_code == 0 for each in mine)
        print(
            f"| {way} | {len(mine)} | {statistics.median(seconds):.2f} | {late:.2f} | {tokens:.2f} | "
            f"{fresh:.2f} | {well} |"
        )
    print("\nRatios to one sample of the same prompt; seconds from the first request to the answer.")


if __name__ == "__main__":
    main()
