"""Token counts: the server's, a local tokenizer's, an estimate."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from moot.agent.core.errors import ModelUnreachable, UsageError
from moot.agent.models.client import ClientOptions, OpenAIClient
from moot.agent.models.tokens import EstimatedTokens, LocalTokens, estimate
from tests.scripted import ScriptedServer, tokenize

FAST = ClientOptions(first_wait=0.01, read_timeout=5)
TEXTS = ["def add(a, b):\n    return a + b\n", "", "héllo wörld", "same", "same"]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    made = Tokenizer(models.WordLevel({"[UNK]": 0, "same": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def count(
    server: ScriptedServer, texts: Sequence[str], options: ClientOptions = FAST
) -> tuple[str, list[int]]:
    async def main() -> tuple[str, list[int]]:
        client = await OpenAIClient.connect(server.base_url, options)
        counts = await client.count(texts)
        assert await client.count(texts) == counts
        await client.close()
        return client.counts_with, counts

    return asyncio.run(main())


def test_the_server_counts_each_text_once() -> None:
    with ScriptedServer() as server:
        source, counts = count(server, TEXTS)
    assert source == "server"
    assert counts == [len(tokenize(text)) for text in TEXTS]
    asked = [request.body["prompt"] for request in server.requests if request.path == "/tokenize"]
    assert sorted(asked) == sorted(["a", TEXTS[0], TEXTS[2], "same"])


def test_many_texts() -> None:
    texts = [f"text {number}" for number in range(300)]
    with ScriptedServer() as server:
        assert count(server, texts)[1] == [len(tokenize(text)) for text in texts]


def test_lone_surrogates_are_counted() -> None:
    with ScriptedServer() as server:
        assert count(server, ["a\udcffb"])[1] == [len(tokenize("a?b"))]


def test_a_local_tokenizer_counts_where_the_server_does_not(tokenizer: Path) -> None:
    with ScriptedServer(tokenize=False) as server:
        source, counts = count(server, ["same same other", ""], ClientOptions(tokenizer=tokenizer))
    assert (source, counts) == ("tokenizer.json", [3, 0])


def test_without_any_tokenizer_it_is_estimated() -> None:
    with ScriptedServer(tokenize=False) as server:
        assert count(server, ["x" * 100])[0] == "estimate"


def test_a_local_tokenizer_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with pytest.raises(UsageError, match="cannot read the tokenizer"):
        asyncio.run(LocalTokens(path).count(["x"]))
    path.write_text("{}")
    with pytest.raises(UsageError, match="cannot read the tokenizer"):
        asyncio.run(LocalTokens(path).count(["x"]))


def test_a_server_that_stops_counting() -> None:
    async def main() -> None:
        with ScriptedServer() as server:
            client = await OpenAIClient.connect(server.base_url, FAST)
        with pytest.raises(ModelUnreachable):
            await client.count(["x"])
        await client.close()

    asyncio.run(main())


def test_the_estimate_is_on_the_high_side() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert len(text) / 3.5 < estimate(text) < len(text) / 2
    assert asyncio.run(EstimatedTokens().count(["", "a", "日本語"])) == [0, 1, 5]


@given(st.text(), st.text())
def test_the_estimate_grows_with_the_text(first: str, second: str) -> None:
    assert estimate(first) <= estimate(first + second) <= estimate(first) + estimate(second)
