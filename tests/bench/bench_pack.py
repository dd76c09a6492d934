"""Packs 256K tokens from a warm index of a 10,000-file repository.

    python tests/bench/bench_pack.py [--rounds N] [--tokenizer FILE]

The repository is CPython's standard library several times over, with every definition renamed. Tokens are
counted by a tokenizer.json: the one of a model that was pulled, or the one named. The reference of the same
run is that tokenizer alone, encoding the text that was packed.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from moot.agent.core.config import Settings
from moot.agent.models.tokens import LocalTokens
from moot.agent.pack.packer import ContextPacker, files_for
from moot.agent.working_index import WorkingIndex
from tests.bench.bench_index import QUERY, library, multiply

BUDGETS = (13_000, 50_000, 128_000, 256_000)
FILES = 10_000


def main() -> int:
    """Print the table; 1 when a pack is over its budget."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--tokenizer", type=Path, default=None)
    given = arguments.parse_args()
    tokenizer = given.tokenizer or next(Settings().data_dir.glob("models/*/tokenizer.json"), None)
    if tokenizer is None:
        sys.exit("no tokenizer at hand: `agent model pull` one, or name its file with --tokenizer")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        library(Path(folder) / "stdlib")
        multiply(Path(folder) / "stdlib", root, FILES)
        with WorkingIndex(
            Settings(data_dir=Path(folder) / "data"), root, lambda done, total: None
        ) as working:
            print(f"{working.update().files} files; median of {given.rounds} rounds (least-most)")
            working.index.search(QUERY)
            return max([measure(working, LocalTokens(tokenizer), budget, given.rounds) for budget in BUDGETS])


def measure(working: WorkingIndex, counter: LocalTokens, budget: int, rounds: int) -> int:
    """Print one line; return 1 when the budget is not kept."""
    times: list[float] = []
    alone: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        ranked = working.index.search(QUERY, files_for(budget))
        pack = asyncio.run(ContextPacker(working.index, working.read_many, counter).pack(ranked, budget))
        times.append(time.perf_counter() - began)
        began = time.perf_counter()
        (tokens,) = asyncio.run(counter.count([pack.text]))
        alone.append(time.perf_counter() - began)
    levels = {file.level.value for file in pack.files}
    counts = ", ".join(
        f"{sum(f.level.value == level for f in pack.files)} {level}" for level in sorted(levels)
    )
    print(
        f"{budget:7} tokens: {statistics.median(times):.2f} s ({min(times):.2f}-{max(times):.2f}), "
        f"tokenizer alone {statistics.median(alone):.2f} s; {100 * tokens / budget:.1f} % used; {counts}",
        flush=True,
    )
    return int(tokens > budget or tokens != pack.tokens)


if __name__ == "__main__":
    sys.exit(main())
