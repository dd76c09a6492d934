"""What confining a command costs: /bin/true in each sandbox beside plain asyncio, in turns.

Usage: python tests/bench/bench_sandbox.py [--runs N]
Prints medians with a 95 % interval (bootstrap) of the time over plain spawn, and the ratio.
Exit code 1 when the median overhead of a sandbox that confines is over the goal.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from moot.agent.core.commands import Command
from moot.sandbox.choose import CONFINING, choose

GOAL_MS = 10.0


async def plain() -> None:
    """Start and reap, with both streams read, as every sandbox does."""
    process = await asyncio.create_subprocess_exec(
        "/bin/true",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.communicate()


async def measure(starts: dict[str, Callable[[], Awaitable[object]]], runs: int) -> dict[str, list[float]]:
    """Return milliseconds by name; the first turn warms up and is dropped."""
    times: dict[str, list[float]] = {name: [] for name in starts}
    for _ in range(runs + 1):
        for name, start in starts.items():
            began = time.perf_counter()
            await start()
            times[name].append((time.perf_counter() - began) * 1000)
    return {name: values[1:] for name, values in times.items()}


def interval(values: list[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the median."""
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(1000))
    return medians[25], medians[974]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    runs = parser.parse_args().runs
    sandboxes = {name: choose(name) for name in (*CONFINING, "none")}
    with tempfile.TemporaryDirectory(prefix="moot-bench-") as folder:
        command = Command(("/bin/true",), Path(folder))
        starts: dict[str, Callable[[], Awaitable[object]]] = {"plain": plain}
        starts |= {name: lambda box=box: box.run(command) for name, box in sandboxes.items()}
        times = asyncio.run(measure(starts, runs))
    base = statistics.median(times["plain"])
    print(f"{'sandbox':<12} {'median ms':>9} {'over plain ms':>13} {'95 % interval':>15} {'ratio':>6}")
    worst = 0.0
    for name, values in times.items():
        over = [value - first for value, first in zip(values, times["plain"], strict=True)]
        low, high = interval(over)
        median = statistics.median(over)
        worst = max(worst, median if name in CONFINING else 0.0)
        ratio = statistics.median(values) / base
        print(f"{name:<12} {base + median:>9.1f} {median:>13.1f} {low:>7.1f}-{high:<7.1f} {ratio:>6.1f}")
    return int(worst > GOAL_MS)


if __name__ == "__main__":
    sys.exit(main())
