"""Fill-in-the-middle prompts for a tokenizer that makes no control tokens of a text."""

import asyncio

import pytest

from moot.agent.core.messages import CompletionRequest
from moot.agent.models.client import OpenAIClient
from moot.agent.models.fim import fim_format
from tests.script import BLANK, spell
from tests.scripted import ScriptedServer

PROMPT = fim_format("codestral").prompt("before", "after")


def complete(server: ScriptedServer, *requests: tuple[str, ...]) -> None:
    async def main() -> None:
        client = await OpenAIClient.connect(server.base_url, probe=False)
        try:
            for prompts in requests:
                await client.complete(CompletionRequest(prompts, max_tokens=8))
        finally:
            await client.close()

    asyncio.run(main())


def asked(server: ScriptedServer, path: str) -> int:
    return len([request for request in server.requests if request.path == path])


def test_control_tokens_are_sent_as_ids_where_a_text_has_none() -> None:
    """In the order and with the blanks of mistral-common: the suffix has none before it, the prefix one."""
    with ScriptedServer(lambda _: "x", mistral=True) as server:
        complete(server, (PROMPT, "plain", fim_format("codestral").prompt("before", "")))
    [call] = server.calls
    after = [each for each in spell("after") if each != BLANK]
    assert call.body["prompt"] == [
        [1, 13, *after, 11, *spell("before")],
        [1, *spell("plain")],
        [1, 13, 11, *spell("before")],
    ]


def test_the_ids_are_looked_up_once() -> None:
    with ScriptedServer(lambda _: "x", mistral=True) as server:
        complete(server, (PROMPT,))
        looked = asked(server, "/detokenize")
        assert looked > 0
        server.requests.clear()
        complete(server, (PROMPT,), (PROMPT,))
    assert asked(server, "/detokenize") == looked


@pytest.mark.parametrize("options", [{}, {"tokenize": False}, {"owner": "somebody", "mistral": True}])
def test_a_text_is_sent_where_the_ids_cannot_be_had(options: dict[str, object]) -> None:
    with ScriptedServer(lambda _: "x", **options) as server:
        complete(server, (PROMPT,))
    assert server.calls[0].body["prompt"] == [PROMPT]


def test_other_forms_cost_no_look_up() -> None:
    prompt = fim_format("qwen").prompt("before", "after")
    with ScriptedServer(lambda _: "x", mistral=True) as server:
        complete(server, (prompt,))
    assert server.calls[0].body["prompt"] == [prompt]
    assert asked(server, "/tokenize") == 0
