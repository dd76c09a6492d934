"""What arguing an edit costs: the same tasks with and without it, on one local model server.

    PYTHONPATH=. python tests/bench/bench_overhead.py [--tasks N] [--rounds N] [--outcomes FILE]

Each run gets a repository of one module of the standard library with a test, begun anew with a number in its
first line, so that no run finds another's prompt in the server's cache. `alone` is --fusion never, all others
--fusion always: `best-of N` and `debate N` with N samples, `slow` and `dead` with a further member that takes
five times as long as the server itself, or whose server is not there. Outcomes are added to a file of JSON
lines; what it holds already is not run again. The table has ratios to `alone` of the same task and round.
"""

import argparse
import json
import os
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
TASKS = (
    ("bisect", "insort_left", "Let insort_left return the position at which it inserted."),
    ("colorsys", "rgb_to_yiq", "Let rgb_to_yiq raise a ValueError where a channel is negative."),
    ("fnmatch", "filter", "Let filter in fnmatch return an empty list at once where names is empty."),
    ("sched", "scheduler", "Give the scheduler of sched a method clear that removes all events."),
    ("reprlib", "repr", "Let repr1 in reprlib return '...' for a level below zero."),
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
    arguments.add_argument("--tasks", type=int, default=len(TASKS))
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
        for task in range(given.tasks):
            for way, flags in ways.items():
                if (way, task, number) not in done:
                    outcome = _attempt(way, flags, task, number)
                    with file.open("a", encoding="utf-8") as lines:
                        lines.write(json.dumps(asdict(outcome)) + "\n")
                    print(outcome, flush=True)
    _print(_read(file), list(ways))


def _ways(slow: str) -> Mapping[str, Sequence[str]]:
    """Return flags by name; the number of samples goes by the environment."""
    return {
        ALONE: ("--fusion", "never"),
        **{f"best-of {n}": ("--fusion", "always", "--mode", "best-of") for n in (1, 2, 3, 5)},
        "debate 3": ("--fusion", "always", "--mode", "debate"),
        "slow 3": ("--fusion", "always", "--pool", f"slow@{slow}"),
        "dead 3": ("--fusion", "always", "--pool", "dead@http://127.0.0.1:9/v1"),
    }


def _slow(upstream: str) -> str:
    Slow.upstream = upstream.removesuffix("/v1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1"


def _attempt(way: str, flags: Sequence[str], task: int, number: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        repo = _repository(Path(folder) / "repo", *TASKS[task][:2])
        samples = way.rpartition(" ")[2]
        command = [AGENT, "run", TASKS[task][2], "--repo", repo, "--no-lint", "--dry-run", "--output", "json"]
        environment = os.environ | {
            "MOOT_SAMPLES": samples if samples.isdigit() else "1",
            "MOOT_MAX_REPAIRS": "0",
        }
        done = subprocess.run(
            [*command, "--test", f"{sys.executable} -m pytest -q", *flags],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    result = json.loads(done.stdout)
    used = result["tokens"]
    total = used["prompt"] + used["completion"]
    return Outcome(way, task, number, done.returncode, result["seconds"], total, total - used["cached"])


def _repository(path: Path, module: str, name: str) -> Path:
    path.mkdir()
    source = Path(__import__(module).__file__ or "").read_text(encoding="utf-8")
    (path / f"{module}_copy.py").write_text(f"# {secrets.token_hex(8)}\n{source}", encoding="utf-8")
    test = f"from {module}_copy import {name}\n\n\ndef test_{name}():\n    assert callable({name})\n"
    (path / f"test_{module}.py").write_text(test, encoding="utf-8")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Begin"]):
        identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
        subprocess.run(["git", *identity, *words], cwd=path, check=True)
    return path


def _read(file: Path) -> list[Outcome]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Outcome(**json.loads(line)) for line in lines]


def _print(outcomes: Sequence[Outcome], ways: Sequence[str]) -> None:
    base = {(each.task, each.round): each for each in outcomes if each.way == ALONE}
    print("\n| way | runs | latency p50 | p95 | tokens p50 | not cached p50 | ended with 0 |")
    print("|---|---|---|---|---|---|---|")
    for way in ways:
        mine = [each for each in outcomes if each.way == way and (each.task, each.round) in base]
        pairs = [(each, base[each.task, each.round]) for each in mine]
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
    print("\nRatios to the same task without an argument; seconds are those of whole runs, tests included.")


if __name__ == "__main__":
    main()
