"""How long the command takes to start: `agent --help` beside a bare interpreter, in turns.

Usage: python tests/bench/bench_start.py [--runs N]
Exit code 1 when the median of `agent --help` is over the goal.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

GOAL_MS = 150.0


def main() -> int:
    """Print a table of medians and tenths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    program = str(Path(sys.executable).with_name("agent"))
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "agent --help": [program, "--help"],
        "agent run --help": [program, "run", "--help"],
        "agent model list": [program, "model", "list"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            times[name].append(_milliseconds(command))
    print(f"{'command':<20} {'median ms':>10} {'p10':>7} {'p90':>7}")
    for name, values in times.items():
        warm = sorted(values[1:])
        tenth = len(warm) // 10
        print(f"{name:<20} {statistics.median(warm):>10.1f} {warm[tenth]:>7.1f} {warm[-1 - tenth]:>7.1f}")
    return int(statistics.median(times["agent --help"][1:]) > GOAL_MS)


def _milliseconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    sys.exit(main())
