"""The client against a real socket: what it returns, what it retries, and what it says when it gives up."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from moot.agent.core.errors import ModelAnswerError, ModelUnreachable
from moot.agent.core.messages import ChatMessage, ChatRequest, Completion, CompletionRequest, ToolCall, Usage
from moot.agent.models.client import MAX_SEQUENCES, ClientOptions, OpenAIClient
from moot.agent.models.drafts import Answer
from moot.agent.models.wire import Chunk
from tests.scripted import Call, Fault, Reply, Request, ScriptedServer

FAST = ClientOptions(first_wait=0.01, read_timeout=5, call_timeout=10)
ASK = ChatRequest((ChatMessage("user", "Why is the sky blue?"),), max_tokens=400)


@asynccontextmanager
async def connected(
    server: ScriptedServer, options: ClientOptions = FAST, **more: Any
) -> AsyncIterator[OpenAIClient]:
    client = await OpenAIClient.connect(server.base_url, options, **more)
    try:
        yield client
    finally:
        await client.close()


def ask(
    server: ScriptedServer, request: ChatRequest = ASK, options: ClientOptions = FAST, **more: Any
) -> list[Completion]:
    async def main() -> list[Completion]:
        async with connected(server, options) as client:
            return await client.chat(request, **more)

    return asyncio.run(main())


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())


# --- answers --------------------------------------------------------------------------------


def test_chat_streams_the_first_answer() -> None:
    seen: list[str] = []
    with ScriptedServer(["Because of Rayleigh scattering."]) as server:
        answers = ask(server, on_token=seen.append)
    assert answers == [Completion("Because of Rayleigh scattering.", "stop", 8, -0.25)]
    assert "".join(seen) == answers[0].text
    assert len(seen) > 3


def test_several_answers_keep_their_order_and_only_the_first_is_shown() -> None:
    seen: list[str] = []
    ended: list[Completion] = []
    with ScriptedServer([Reply(texts=["one", "two longer", "three"])]) as server:
        several = replace(ASK, n=3, temperature=0.8)
        answers = ask(server, several, on_token=seen.append, on_answer=ended.append)
    assert [answer.text for answer in answers] == ["one", "two longer", "three"]
    assert [answer.tokens for answer in answers] == [1, 2, 1]
    assert "".join(seen) == "one"
    assert sorted(ended, key=answers.index) == answers


def test_an_answer_is_seen_at_its_end_though_the_others_never_come() -> None:
    ended: list[Completion] = []
    fault = Fault.hang(30, after=3_000, reply=Reply(texts=["one", "and so on " * 50]))
    with ScriptedServer([fault]) as server, pytest.raises(ModelUnreachable):
        ask(server, replace(ASK, n=2), options=replace(FAST, read_timeout=0.5), on_answer=ended.append)
    assert [answer.text for answer in ended] == ["one"]


def test_every_call_sends_max_tokens_and_none_a_seed() -> None:
    with ScriptedServer(["yes"]) as server:
        ask(server)
    calls = [request for request in server.requests if "completions" in request.path]
    assert all(request.body["max_tokens"] > 0 for request in calls)
    assert not any("seed" in request.body for request in calls)


def test_length_and_stop() -> None:
    with ScriptedServer(["a b c d e f g h", "first END second"]) as server:
        assert ask(server, replace(ASK, max_tokens=5))[0].finish == "length"
        answer = ask(server, replace(ASK, stop=("END",)))[0]
    assert (answer.text, answer.finish) == ("first ", "stop")


def test_tool_calls_are_put_together() -> None:
    tool = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}
    calls = [Call("read", '{"path": "a.py"}'), Call("search", '{"q": "x"}', "call-2")]
    with ScriptedServer([Reply(tool_calls=calls)]) as server:
        answer = ask(server, replace(ASK, tools=(tool,)))[0]
    assert answer.finish == "tool_calls"
    assert answer.tool_calls == (
        ToolCall("call-1", "read", '{"path": "a.py"}'),
        ToolCall("call-2", "search", '{"q": "x"}'),
    )
    assert server.calls[0].body["tools"] == [tool]


def test_tool_results_are_sent_back() -> None:
    call = ToolCall("c1", "read", "{}")
    messages = (*ASK.messages, ChatMessage("assistant", "", (call,)), ChatMessage("tool", "text", (), "c1"))
    with ScriptedServer(["done"]) as server:
        ask(server, replace(ASK, messages=messages))
    sent = server.calls[0].body["messages"]
    assert sent[1]["tool_calls"][0]["function"] == {"name": "read", "arguments": "{}"}
    assert sent[2] == {"role": "tool", "content": "text", "tool_call_id": "c1"}


@pytest.mark.parametrize("structured", [True, False])
def test_a_schema_is_sent_where_the_server_obeys_it(structured: bool) -> None:
    with ScriptedServer(['{"ok": true}'], structured_output=structured) as server:
        ask(server, replace(ASK, schema={"type": "object"}))
    assert ("response_format" in server.calls[0].body) is structured


def test_completions_of_many_prompts_come_in_batches_and_in_order() -> None:
    prompts = tuple(f"prompt {number}" for number in range(MAX_SEQUENCES))

    def answer(request: Request) -> Reply:
        return Reply(texts=[f"{prompt} sample {sample}" for prompt in request.prompts for sample in range(2)])

    async def main() -> None:
        async with connected(server) as client:
            got = await client.complete(CompletionRequest(prompts, max_tokens=32, n=2))
            assert [[one.text for one in both] for both in got] == [
                [f"{prompt} sample 0", f"{prompt} sample 1"] for prompt in prompts
            ]
            assert client.usage.requests == 2

    with ScriptedServer(answer) as server:
        run(main)
    assert [len(call.prompts) for call in server.calls] == [32, 32]
    assert all(call.body["stream"] and call.body["logprobs"] == 0 for call in server.calls)


def test_an_empty_completion_is_an_answer() -> None:
    async def main() -> None:
        async with connected(server) as client:
            assert await client.complete(CompletionRequest(("a",), 8)) == [[Completion("", "stop", 0)]]
            assert await client.complete(CompletionRequest((), 8)) == []

    with ScriptedServer([""]) as server:
        run(main)


def test_repetition_ends_the_call_early() -> None:
    loop = "The same sentence is written once more. " * 200

    async def main() -> None:
        async with connected(server) as client:
            answer = (await client.chat(replace(ASK, max_tokens=4000)))[0]
            assert answer.finish == "repetition"
            assert answer.text.startswith("Well. The same sentence")
            assert len(answer.text) < 60
            assert client.usage.prompt == 6
            assert 50 < client.usage.completion < 400

    with ScriptedServer([Reply("Well. " + loop, pause=0.001)]) as server:
        run(main)
        assert server.wait_for_disconnects()


# --- accounting -----------------------------------------------------------------------------


def test_the_caller_ends_answers_while_they_are_written() -> None:
    """The server is hung up on when all of them have ended, and what was used until then is known."""
    request = CompletionRequest(("a", "b"), max_tokens=400)

    async def main() -> None:
        async with connected(server) as client:
            first, second = await client.complete(request, lambda text: text.count("\n") == 1)
            assert [each.text for each in (*first, *second)] == ["one\n", "uno\n"]
            assert {each.finish for each in (*first, *second)} == {"ended"}
            assert 0 < client.usage.completion < 20

    with ScriptedServer([Reply(texts=["one\n" + "x " * 300, "uno\n" + "y " * 300], pause=0.01)]) as server:
        run(main)
        assert server.wait_for_disconnects()


def test_usage_is_summed_and_told() -> None:
    told: list[tuple[str, Usage]] = []

    async def main() -> None:
        on_call = lambda purpose, usage, seconds: told.append((purpose, usage))  # noqa: E731
        async with connected(server, on_call=on_call) as client:
            await asyncio.gather(client.chat(ASK), client.chat(ASK))
            await client.complete(CompletionRequest(("one two", "three"), 9))
            assert client.usage == Usage(6 + 6 + 3, 12, 3 + 3 + 6, 3)

    with ScriptedServer(lambda _: Reply("a b c", cached=4, logprob=None)) as server:
        run(main)
    assert [purpose for purpose, _ in told] == ["chat", "chat", "complete"]
    assert told[0][1] == Usage(6, 4, 3, 1)


def test_a_server_that_counts_nothing_is_estimated() -> None:
    async def main() -> None:
        async with connected(server) as client:
            await client.chat(ASK)
            assert client.usage == Usage(8, 0, 2, 1)

    with ScriptedServer([Reply("two words", usage={})]) as server:
        run(main)


@pytest.mark.parametrize("field", ["logprobs", "stream_options"])
def test_extras_that_a_server_refuses_are_left_out(field: str) -> None:
    with ScriptedServer(["fine", "fine"], refuses=[field]) as server:
        assert ask(server)[0].text == "fine"
    assert [field in call.body for call in server.calls] == [True, False]


# --- faults that another attempt cures ------------------------------------------------------

TRANSIENT = [
    Fault.status(500, times=2),
    Fault.status(503, times=2),
    Fault.status(429, times=2),
    Fault.refuse(times=2),
    Fault.drop(after=0, times=2),
    Fault.drop(after=500, times=2),
    Fault.stream_error(times=2),
    Fault("body", times=2, body=b'data: {"choices": [{"index": 0, "delta": {"content": "half"}}]}\n\n'),
]


@pytest.mark.parametrize("fault", TRANSIENT, ids=lambda fault: f"{fault.kind}-{fault.code}-{fault.after}")
def test_transient_faults_are_retried(fault: Fault) -> None:
    with ScriptedServer([fault, "at last"]) as server:
        assert ask(server)[0].text == "at last"
    assert len(server.calls) == 3


@pytest.mark.parametrize("after", range(0, 1200, 37))
def test_a_stream_may_break_at_any_byte(after: int) -> None:
    reply = Reply("some words")
    with ScriptedServer([Fault.drop(after=after, reply=reply), reply]) as server:
        assert ask(server)[0].text == "some words"


def test_retry_after_is_honoured() -> None:
    with ScriptedServer([Fault.status(429, retry_after=0.5), "ok"]) as server:
        ask(server)
    first, second = server.calls
    assert 0.5 <= second.at - first.at < 2


def test_waits_grow() -> None:
    with ScriptedServer([Fault.status(500, times=3), "ok"]) as server:
        ask(server, options=replace(FAST, first_wait=0.1))
    times = [call.at for call in server.calls]
    assert times[1] - times[0] >= 0.1
    assert times[3] - times[2] >= 0.4


# --- faults that are final ------------------------------------------------------------------


def named(code: str, kind: str = "error") -> bytes:
    """An error in a stream that has a name in place of a status."""
    error = {"error": {"message": "named", "type": kind, "code": code}}
    return b"data: " + json.dumps(error).encode() + b"\n\n"


FINAL = [
    (Fault.status(500, times=9), ModelUnreachable, "keeps failing (500: scripted failure)", 4),
    (Fault.status(429, times=9), ModelUnreachable, "too many requests (429: scripted failure)", 4),
    (Fault.garbage(named("context_length_exceeded")), ModelAnswerError, "(400): named", 1),
    (Fault.garbage(named("400")), ModelAnswerError, "(400): named", 1),
    (Fault.garbage(named("1301", "invalid_request_error")), ModelAnswerError, "(400): named", 1),
    (Fault.garbage(named("insufficient_quota")), ModelAnswerError, "is used up (429: named)", 1),
    (Fault.garbage(named("1301", "server_error"), times=9), ModelUnreachable, "(500: named)", 4),
    (Fault.refuse(times=9), ModelUnreachable, "keeps breaking off", 4),
    (Fault.drop(after=300, times=9), ModelUnreachable, "keeps breaking off", 4),
    (Fault.empty_body(times=9), ModelUnreachable, "keeps breaking off", 4),
    (Fault.stream_error(times=9), ModelUnreachable, "engine died", 4),
    (Fault.stream_error(400, "bad temperature"), ModelAnswerError, "bad temperature", 1),
    (Fault.status(401), ModelAnswerError, "set MOOT_API_KEY", 1),
    (Fault.status(403), ModelAnswerError, "set MOOT_API_KEY", 1),
    (Fault.status(400, message="no such thing"), ModelAnswerError, "(400): no such thing", 1),
    (Fault.status(302), ModelAnswerError, "(302)", 1),
    (Fault.wrong_json(), ModelAnswerError, "does not answer like a model server", 1),
    (Fault.garbage(b"data: \xff\x00{{{\n\n"), ModelAnswerError, "does not answer like a model server", 1),
    (Fault.garbage(b"data: [1, 2\n\n"), ModelAnswerError, "does not answer like a model server", 1),
    (
        Fault.garbage(b"data: " + b"[" * 100_000 + b"\n\n"),
        ModelAnswerError,
        "does not answer like a model server",
        1,
    ),
    (Fault.empty_choices(), ModelAnswerError, "answered with nothing", 1),
    (Reply(""), ModelAnswerError, "answered with nothing", 1),
    (Reply("  \n"), ModelAnswerError, "answered with nothing", 1),
    (Reply("", finish_reason="length"), ModelAnswerError, "used all 400 tokens before its answer", 1),
]


@pytest.mark.parametrize(("fault", "error", "words", "calls"), FINAL)
def test_final_faults_say_what_to_do(
    fault: Fault | Reply, error: type[Exception], words: str, calls: int
) -> None:
    with ScriptedServer([fault]) as server, pytest.raises(error) as caught:
        ask(server)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.calls) == calls


def test_a_quota_that_is_used_up_is_no_reason_to_try_again() -> None:
    error = {"error": {"message": "You exceeded your quota", "type": "insufficient_quota", "code": None}}

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(error).encode()
        writer.write(b"HTTP/1.1 429 No\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ModelAnswerError, match=r"is used up \(429: You exceeded your quota\)"):
                await OpenAIClient.connect(f"http://127.0.0.1:{port}", FAST)

    run(main)


def test_bytes_that_are_no_events_are_no_answer() -> None:
    with ScriptedServer([Fault.garbage(times=9)]) as server, pytest.raises(ModelUnreachable):
        ask(server)


def test_more_answers_than_asked_for() -> None:
    body = b'data: {"choices": [{"index": 3, "delta": {"content": "x"}}]}\n\n'
    with (
        ScriptedServer([Fault.garbage(body)]) as server,
        pytest.raises(ModelAnswerError, match="more answers"),
    ):
        ask(server)


def test_a_request_longer_than_the_context() -> None:
    with ScriptedServer(["x"], context=200) as server, pytest.raises(ModelAnswerError) as caught:
        ask(server)
    assert "lower MOOT_CONTEXT_TOKENS" in str(caught.value)


def test_a_server_that_goes_away_between_calls() -> None:
    async def main() -> None:
        with ScriptedServer(["one"]) as server:
            client = await OpenAIClient.connect(server.base_url, FAST)
            await client.chat(ASK)
        with pytest.raises(ModelUnreachable, match="start one with `agent model up` or pass --base-url"):
            await client.chat(ASK)
        await client.close()

    run(main)


# --- time -----------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [-1, 0, 400])
def test_silence_ends_at_the_read_deadline(after: int) -> None:
    started = time.monotonic()
    options = replace(FAST, read_timeout=0.4)
    fault = Fault.hang(30, after=after)
    with (
        ScriptedServer([fault]) as server,
        pytest.raises(ModelUnreachable, match=r"nothing for 0\.4 seconds"),
    ):
        ask(server, options=options)
    assert time.monotonic() - started < 5
    assert len(server.calls) == 1


def test_a_slow_answer_ends_at_the_call_deadline() -> None:
    slow = Reply("word " * 100, pause=0.05)
    options = replace(FAST, call_timeout=0.4)
    with ScriptedServer([slow]) as server, pytest.raises(ModelUnreachable, match=r"within 0\.4 seconds"):
        ask(server, options=options)


def test_a_slow_but_steady_answer_is_waited_for() -> None:
    with ScriptedServer([Reply("a b c d e f g h", pause=0.1)]) as server:
        assert ask(server, options=replace(FAST, read_timeout=0.5))[0].finish == "stop"


def test_cancellation_hangs_up_at_once() -> None:
    async def main() -> None:
        async with connected(server) as client:
            started = asyncio.Event()
            call = asyncio.create_task(client.chat(ASK, lambda _: started.set()))
            await started.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(server.wait_for_disconnects)
            assert client.usage.requests == 1
            assert client.usage.prompt == 6
            assert (await client.chat(ASK))[0].text == "still there"

    with ScriptedServer([Reply("word " * 300, pause=0.05), "still there"]) as server:
        run(main)


def test_cancellation_before_the_first_byte() -> None:
    async def main() -> None:
        async with connected(server) as client:
            call = asyncio.create_task(client.chat(ASK))
            assert await asyncio.to_thread(server.wait_for_calls)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(server.wait_for_disconnects)

    with ScriptedServer([Fault.hang(30)]) as server:
        run(main)


def test_the_key_is_sent_and_never_shown() -> None:
    options = replace(FAST, api_key="sk-secret")
    with ScriptedServer(["hello"], api_key="sk-secret") as server:
        assert ask(server, options=options)[0].text == "hello"
    assert "sk-secret" not in repr(options)


def test_no_proxy_stands_before_a_local_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("ALL_PROXY", proxy)
    with ScriptedServer(["direct"]) as server:
        assert ask(server)[0].text == "direct"


# --- choices of tokens, samples and schemas ------------------------------------------------


def test_the_likeliest_tokens_come_when_asked_for() -> None:
    likely = {" A": {" A": -0.1, " B": -2.4}}
    with ScriptedServer([Reply("say A", likely=likely), Reply("say A", likely=likely)]) as server:
        [plain] = ask(server)
        [answer] = ask(server, replace(ASK, top_logprobs=5))
    assert plain.choices == ()
    assert (" A", ((" A", -0.1), (" B", -2.4))) in [(each.text, each.likely) for each in answer.choices]
    assert "".join(each.text for each in answer.choices) == "say A"
    assert [call.body.get("top_logprobs") for call in server.calls] == [None, 5]


@pytest.mark.parametrize("refuses", [["top_logprobs"], ["logprobs"]])
def test_a_server_that_refuses_the_likeliest_tokens_still_answers(refuses: list[str]) -> None:
    with ScriptedServer(["yes"], refuses=refuses) as server:
        [answer] = ask(server, replace(ASK, top_logprobs=5))
    assert (answer.text, answer.choices) == ("yes", ())
    assert "top_logprobs" not in server.calls[-1].body
    assert ("logprobs" in server.calls[-1].body) == (refuses == ["top_logprobs"])


def test_a_schema_that_is_refused_is_left_out_when_the_server_was_not_probed() -> None:
    request = replace(ASK, schema={"type": "object"})

    async def main() -> list[Completion]:
        async with connected(server, probe=False) as client:
            return await client.chat(request)

    with ScriptedServer(["{}"], structured_output=False) as server:
        assert asyncio.run(main())[0].text == "{}"
    assert ["response_format" in call.body for call in server.calls] == [True, False]


def test_a_server_that_ignores_n_is_asked_one_by_one() -> None:
    used: list[Usage] = []
    with ScriptedServer(["one", "two", "three", "four"], samples=False) as server:
        answers = ask(server, replace(ASK, n=3), used=used.append)
    assert sorted(answer.text for answer in answers) == ["one", "three", "two"]
    assert sum(used, Usage()).requests == len(used) == 3


@pytest.mark.parametrize("prompts", [("a",), ("a", "b", "c")])
def test_completions_of_a_server_that_ignores_n_are_asked_for_again(prompts: tuple[str, ...]) -> None:
    used: list[Usage] = []
    rounds = iter(range(9))

    def answer(request: Request) -> Reply:
        number = next(rounds)
        return Reply(texts=[f"{prompt}{number}" for prompt in request.prompts])

    async def main() -> None:
        async with connected(server) as client:
            request = CompletionRequest(prompts, max_tokens=8, n=3)
            for first in (0, 3):
                got = await client.complete(request, used=used.append)
                assert [sorted(each.text for each in group) for group in got] == [
                    [f"{prompt}{first + number}" for number in range(3)] for prompt in prompts
                ]

    with ScriptedServer(answer, samples=False) as server:
        run(main)
    assert len(server.calls) == sum(used, Usage()).requests == 6


def test_calls_at_the_same_time_are_all_asked_again_without_what_is_refused() -> None:
    async def main() -> list[list[Completion]]:
        async with connected(server) as client:
            request = replace(ASK, top_logprobs=5)
            return await asyncio.gather(*(client.chat(request) for _ in range(3)))

    with ScriptedServer(lambda request: "yes", refuses=["top_logprobs"]) as server:
        assert [answers[0].text for answers in asyncio.run(main())] == ["yes"] * 3


def test_usage_that_comes_with_the_last_piece_counts_too() -> None:
    """Some servers send no piece of its own for it."""
    answer = Answer(1, 1)
    choice = {"index": 0, "delta": {"content": "a whole answer"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": 400, "total_tokens": 407}
    assert answer.add(Chunk.model_validate({"choices": [choice], "usage": usage}))
    assert answer.usage(lambda: 0) == Usage(7, 0, 400, 1)
    assert answer.completions()[0].tokens == 400


def test_what_a_server_writes_after_an_end_counts() -> None:
    """An answer that has ended here goes on there while others are awaited."""
    answer = Answer(1, 2, ended=lambda text: text.endswith("\n"))

    def add(index: int, text: str, written: int | None, end: str | None = None) -> None:
        choice = {"index": index, "text": text, "finish_reason": end}
        usage = {"prompt_tokens": 7, "completion_tokens": written} if written else None
        assert answer.add(Chunk.model_validate({"choices": [choice], "usage": usage}))

    add(0, "a\n", None)
    for _ in range(9):
        add(0, "b", None)
    assert answer.usage(lambda: 7) == Usage(7, 0, 10, 1)
    add(0, "b", 40)
    add(1, "c", 2)
    assert answer.usage(lambda: 0) == Usage(7, 0, 42, 1)
    add(1, "\n", 3)
    assert answer.cut_short
    assert answer.usage(lambda: 0) == Usage(7, 0, 43, 1)
    assert [each.text for each in answer.completions()] == ["a\n", "c\n"]


def test_calls_of_tools_that_have_no_numbers_are_told_apart_by_their_ids() -> None:
    answer = Answer(1, 1)
    calls = [{"id": f"c{n}", "function": {"name": name, "arguments": "{}"}} for n, name in enumerate("ab")]
    choice = {"index": 0, "delta": {"tool_calls": calls}, "finish_reason": "tool_calls"}
    assert answer.add(Chunk.model_validate({"choices": [choice]}))
    assert answer.completions()[0].tool_calls == (ToolCall("c0", "a", "{}"), ToolCall("c1", "b", "{}"))
