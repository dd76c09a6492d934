"""What a vLLM server says of its prefix cache, in tokens."""

import re
from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class PrefixCache:
    """Counters since the server started: tokens of prompts, and those that were found in the cache."""

    queries: int
    hits: int
    block: int  # tokens; only whole blocks are found


def prefix_cache(base_url: str) -> PrefixCache:
    """Read the counters of a server whose API is at `base_url` (`http://host:port/v1`)."""
    text = httpx.get(f"{base_url.removesuffix('/v1')}/metrics").raise_for_status().text

    def value(pattern: str) -> int:
        found = re.search(pattern, text, re.MULTILINE)
        assert found, f"the server's metrics have no {pattern}"
        return int(float(found[1]))

    return PrefixCache(
        value(r"^vllm:prefix_cache_queries_total\{.*\} (\S+)$"),
        value(r"^vllm:prefix_cache_hits_total\{.*\} (\S+)$"),
        value(r'^vllm:cache_config_info\{.*\bblock_size="(\d+)"'),
    )
