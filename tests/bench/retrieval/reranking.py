"""What the model's own ranking of the first files gives over the search's, and what it costs.

    PYTHONPATH=. python tests/bench/retrieval/reranking.py REPOSITORIES [--shown 10] [--most 60]

A sample of the instances, as for localise.py, of the model that MOOT_BASE_URL or `agent model up` has.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from localise import Instance, Metrics, blobs_of, find, line, load, log_of, measure, tree

from moot.agent.app import connect
from moot.agent.core.config import load_settings
from moot.agent.graph.rerank import rerank
from moot.agent.index.index import CodeIndex

SEED = 0


async def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("repositories", type=Path)
    arguments.add_argument("--shown", type=int, default=10)
    arguments.add_argument("--most", type=int, default=60)
    arguments.add_argument("--split", choices=("report", "learn"), default="report")
    given = arguments.parse_args()
    sample = random.Random(SEED).sample(load(given.split), given.most)
    by_repository: defaultdict[str, list[Instance]] = defaultdict(list)
    for instance in sample:
        by_repository[instance.repository].append(instance)
    client, _ = await connect(load_settings(Path()))
    before: list[Metrics] = []
    after: list[Metrics] = []
    seconds: list[float] = []
    try:
        for repository, instances in by_repository.items():
            git_dir = find(given.repositories, repository)
            with tempfile.TemporaryDirectory() as folder, CodeIndex(Path(folder) / "index.sqlite") as index:
                for instance in instances:
                    entries = list(tree(git_dir, instance.parent))
                    index.update(entries, lambda blobs, at=git_dir: blobs_of(at, blobs))
                    index.remember(instance.parent, log_of(git_dir, instance.parent))
                    sizes = {entry.path: entry.size for entry in entries}
                    ranked = index.search(instance.query, 100)
                    before.append(measure([file.path for file in ranked], instance, sizes))
                    began = time.perf_counter()
                    ranked = await rerank(client, index, instance.query, ranked, given.shown)
                    seconds.append(time.perf_counter() - began)
                    after.append(measure([file.path for file in ranked], instance, sizes))
    finally:
        await client.close()
    print(f"{client.info.id}, {len(before)} commits, the first {given.shown} files shown")
    print(f"search     {line(before, intervals=True)}")
    print(f"reranked   {line(after, intervals=True)}")
    print(f"a call takes {statistics.median(seconds):.1f} s, the median")


if __name__ == "__main__":
    asyncio.run(main())
