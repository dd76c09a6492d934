"""What one candidate costs in a warm pytest, beside a call of pytest by itself, in turns.

Usage: PYTHONPATH=. python tests/bench/bench_warm.py [--candidates N] [--command COMMAND]
Prints seconds for each candidate both ways; the warm figure holds its share of starting the process.
Exit code 1 when the answers differ, or the warm one is no faster.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from moot.agent.core.ports import Sandbox
from moot.agent.verify.runner import TestRunner
from moot.agent.verify.warm.versions import Orders, Version, run_versions
from moot.sandbox.choose import choose
from tests.agent.projects import BUGGY, PYTEST, TEST

TARGET = "test_stats.py::test_mean"


async def measure(sandbox: Sandbox, candidates: int, command: str) -> bool:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        for folder in (top / "root", top / "work"):
            folder.mkdir()
            (folder / "stats.py").write_text(BUGGY)
            (folder / "test_stats.py").write_text(TEST)
        runner, work = TestRunner(sandbox, top / "root", 60), top / "work"
        texts = [BUGGY.replace("- 1", f"- {number % 3}") for number in range(candidates)]

        began = time.perf_counter()
        cold: list[bool] = []
        for text in texts:
            (work / "stats.py").write_text(text)
            cold.append((await runner.run(command, work, [TARGET])).status == "passed")
        middle = time.perf_counter()
        (work / "stats.py").write_text(BUGGY)
        versions = [Version(str(n), {"stats.py": text.encode()}) for n, text in enumerate(texts)]
        answers = await run_versions(runner, command, work, Orders(versions, [TARGET], [TARGET], 10, 60))
        end = time.perf_counter()

    warm = [answers[str(n)].tests[0][1] == "passed" for n in range(candidates)]
    each = (middle - began) / candidates, (end - middle) / candidates
    alone = sum(answer.seconds for answer in answers.values()) / candidates
    print(
        f"{candidates} candidates, seconds each: cold {each[0]:.3f}, warm {each[1]:.3f} ({alone:.3f} alone)"
    )
    same = "the same" if warm == cold else "NOT the same"
    print(f"{each[0] / each[1]:.1f} times as fast; the answers are {same}")
    return warm == cold and each[1] < each[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=24)
    parser.add_argument("--command", default=PYTEST)
    arguments = parser.parse_args()
    sys.exit(0 if asyncio.run(measure(choose("auto"), arguments.candidates, arguments.command)) else 1)


if __name__ == "__main__":
    main()
