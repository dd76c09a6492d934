"""Answers beside the greedy one, over a real socket: the likeliest, or samples."""

import asyncio

import pytest

from moot.agent.graph.answers import SAMPLES, Asking, answers
from moot.agent.models.client import OpenAIClient
from tests.scripted import Reply, Request, ScriptedServer

GREEDY = "```python\nreturn a\n```\nDone."
LIKELY = {
    " a": {" a": -0.1, " b": -1.0, " c": -2.0, " d": -3.0, " e": -9.0},
    "return": {"return": -0.01, "yield": -2.5, "pass": -6.0},
    "Done": {"Done": -0.1, "So": -0.2},
}


def asked(server: ScriptedServer, *questions: str, how: Asking | None = None) -> list[list[str]]:
    async def run() -> list[list[str]]:
        client = await OpenAIClient.connect(server.base_url)
        try:
            found = await answers(client, questions, how or Asking())
        finally:
            await client.close()
        return [[answer.text for answer in own] for own in found]

    return asyncio.run(run())


def begun(request: Request) -> str | None:
    last = request.body["messages"][-1]
    return last["content"] if last["role"] == "assistant" else None


def reply(request: Request) -> Reply:
    """Write the greedy answer, or go on with what is begun."""
    return Reply(GREEDY, likely=LIKELY) if begun(request) is None else Reply(" + 1\n```")


def test_the_likeliest_answers_are_gone_on_with():
    with ScriptedServer(reply) as server:
        found = asked(server, "first?", "second?")
    beginnings = ["return b", "return c", "yield"]
    assert found == [[GREEDY, *(f"```python\n{text} + 1\n```" for text in beginnings)]] * 2
    gone_on = [call for call in server.calls if begun(call)]
    assert len(gone_on) == 2 * SAMPLES
    assert {begun(call) for call in gone_on} == {f"```python\n{text}" for text in beginnings}
    for call in server.calls:
        continued = call.body.get("continue_final_message"), call.body.get("add_generation_prompt")
        assert continued == ((True, False) if begun(call) else (None, None))
        assert (call.body["n"], call.body["temperature"]) == (1, 0)


def test_what_was_had_before_is_not_asked_for_again():
    with ScriptedServer(reply) as server:
        [found] = asked(server, "which?", how=Asking(turn=1))
        [none_left] = asked(server, "which?", how=Asking(turn=2))
    assert found == [f"```python\n{text} + 1\n```" for text in ("return d", "pass", "return e")]
    assert none_left == []


def test_a_beginning_may_be_whole():
    likely = {" a": {" a": -0.1, "": -1.0, " b": -2.0}}
    with ScriptedServer(
        lambda request: Reply("return a", likely=likely) if begun(request) is None else Reply("")
    ) as server:
        assert asked(server, "which?") == [["return a", "return", "return b"]]


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ({"owner": "somebody"}, Asking()),
        ({"refuses": ["top_logprobs"]}, Asking()),
        ({}, Asking(branching=False)),
    ],
)
def test_others_are_sampled_where_the_likeliest_are_not_to_be_had(options, how):
    with ScriptedServer(reply, **options) as server:
        assert asked(server, "first?", "second?", how=how) == [[GREEDY] * (1 + SAMPLES)] * 2
    assert not any(begun(call) for call in server.calls)
    answered = [
        (call.body["n"], call.body["temperature"] > 0)
        for call in server.calls
        if "top_logprobs" not in call.body
    ]
    assert sorted(answered) == [(1, False)] * 2 + [(SAMPLES, True)] * 2


def test_samples_alone_come_the_second_time():
    with ScriptedServer(reply) as server:
        asked(server, "which?", how=Asking(turn=1, branching=False))
    assert [(call.body["n"], call.body["temperature"]) for call in server.calls] == [(1 + SAMPLES, 0.8)]


def test_nothing_said_is_no_answer():
    with ScriptedServer(lambda request: Reply("")) as server:
        assert asked(server, "which?") == [[]]
