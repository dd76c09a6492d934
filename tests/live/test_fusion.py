"""Samples that are argued find the incumbent's prompt in vLLM's prefix cache: its own counters prove it."""

import asyncio
import colorsys
import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from moot.agent.connection import connect, connect_member
from moot.agent.core.config import load_settings
from moot.agent.core.messages import ChatMessage, ChatRequest, Usage
from moot.agent.fusion.ledger import Caps, Ledger
from moot.agent.fusion.member import Member
from moot.agent.fusion.seat import Table
from moot.agent.graph.conversation import read
from tests.agent.projects import make_repository
from tests.live.prefix_cache import prefix_cache
from tests.live.test_session import AGENT, base_url, commit

__all__ = ["base_url"]  # the fixture

KEPT = 0.95
"""Least share of each sample's prompt that the server must find in its cache."""
SAMPLES = 2


@pytest.fixture
def opening(tmp_path, base_url) -> tuple[ChatMessage, ...]:
    """Let a greedy answer be written in about 2,000 tokens of prompt; return what it was asked."""
    repo = make_repository(tmp_path / "repo", {"README": "Colours.\n"})
    shutil.copy(colorsys.__file__, repo / "colours.py")
    commit(repo)
    task = "In colours.py, give the function rgb_to_yiq the docstring 'RGB to YIQ.'"
    flags = ["--repo", repo, "--no-verify", "--dry-run", "--output", "json"]
    environment = os.environ | {"MOOT_MAX_REPAIRS": "0", "MOOT_SAMPLES": "1"}
    done = subprocess.run([AGENT, "run", task, *flags], env=environment, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    folder = max((load_settings(Path()).data_dir / "runs").iterdir())
    return read(folder).opening


async def sample(messages: tuple[ChatMessage, ...]) -> Usage:
    """Ask for samples as an argument does, and return what the ledger says of it."""
    client, _ = await connect(load_settings(Path()))
    table = Table(partial(connect_member, load_settings(Path())), Ledger(Caps()))
    try:
        seat = table.lend(Member("own"), client)
        await seat.ask(ChatRequest(messages, max_tokens=16, temperature=0.7, n=SAMPLES), "sample")
    finally:
        await client.close()
    [entry] = table.ledger.entries
    return entry.usage


def test_samples_share_the_incumbents_prompt(opening, base_url):
    before = prefix_cache(base_url)
    usage = asyncio.run(sample(opening))
    after = prefix_cache(base_url)
    hits, queries = after.hits - before.hits, after.queries - before.queries
    print(
        f"{SAMPLES} samples of a prompt of {usage.prompt} tokens: the server looked for {queries} tokens "
        f"and found {hits} of them in its cache, {hits / queries:.1%}"
    )
    assert queries >= SAMPLES * usage.prompt
    assert hits >= KEPT * queries
