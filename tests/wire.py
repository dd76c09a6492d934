"""How a scripted model server writes its answers: whole, streamed, or broken."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.script import Call, Fault, Json, Reply, Request, tokenize

__all__ = ["BrokenOff", "Response", "error_body", "send_fault", "send_reply"]


class BrokenOff(Exception):
    """The connection is to be cut."""


class Response:
    """Writes one response, and trips over a fault when `after` bytes of its body are out."""

    def __init__(self, writer: asyncio.StreamWriter, fault: Fault | None = None) -> None:
        self._writer, self._fault, self._sent = writer, fault, 0

    async def start(self, status: int, kind: str, headers: Sequence[str] = ()) -> None:
        if self._fault and self._fault.after < 0:
            await self._trip()
        lines = [
            f"HTTP/1.1 {status} Scripted",
            f"Content-Type: {kind}",
            "Transfer-Encoding: chunked",
            *headers,
        ]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._writer.drain()

    async def body(self, data: bytes) -> None:
        left = self._fault.after - self._sent if self._fault else len(data) + 1
        if left <= len(data):
            await self._chunk(data[:left])
            await self._trip()
            data = data[left:]
        await self._chunk(data)

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def json(self, status: int, value: Json, headers: Sequence[str] = ()) -> None:
        await self.start(status, "application/json", headers)
        await self.body(json.dumps(value).encode())
        await self.end()

    async def _chunk(self, data: bytes) -> None:
        if data:
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            self._sent += len(data)
            await self._writer.drain()

    async def _trip(self) -> None:
        fault, self._fault = self._fault, None
        assert fault is not None
        if fault.kind == "drop":
            raise BrokenOff
        await asyncio.sleep(fault.seconds)


async def send_fault(fault: Fault, request: Request, writer: asyncio.StreamWriter, model: str) -> None:
    streams = bool(request.body.get("stream"))
    kind = "text/event-stream" if streams else "application/json"
    match fault.kind:
        case "status":
            retry = [] if fault.retry_after is None else [f"Retry-After: {fault.retry_after:g}"]
            await Response(writer).json(fault.code, error_body(fault.code, fault.message), retry)
        case "body" | "event":
            framed = streams and fault.kind == "event"
            out = Response(writer)
            await out.start(200, kind)
            await out.body(b"data: %b\n\ndata: [DONE]\n\n" % fault.body if framed else fault.body)
            await out.end()
        case _:
            await send_reply(fault.reply, request, Response(writer, fault), model)


@dataclass(frozen=True)
class _Choice:
    """One choice as it will be sent."""

    index: int
    tokens: Sequence[str]
    finish: str
    calls: Sequence[Call]
    logprob: float | None
    likely: Mapping[str, Mapping[str, float]]


async def send_reply(reply: Reply, request: Request, out: Response, model: str) -> None:
    choices = _choices(reply, request)
    usage = _usage(reply, request, choices)
    chat = "messages" in request.body
    envelope: Json = {"id": "scripted-1", "created": 0, "model": model}
    if not request.body.get("stream"):
        kind = "chat.completion" if chat else "text_completion"
        whole = [_whole(choice, chat) for choice in choices]
        return await out.json(200, envelope | {"object": kind, "choices": whole, "usage": usage})
    envelope["object"] = "chat.completion.chunk" if chat else "text_completion"
    options = request.body.get("stream_options") or {}
    await out.start(200, "text/event-stream; charset=utf-8")
    written = [0] * len(choices)
    for chunk in _chunks(choices, chat):
        await asyncio.sleep(reply.pause)
        written[chunk["index"]] += bool(chunk.get("text") or chunk.get("delta", {}).get("content"))
        told = usage and options.get("continuous_usage_stats")
        running = {"usage": _running(request, chunk["index"], written)} if told else {}
        await out.body(_sse(envelope | {"choices": [chunk]} | running))
    if usage and options.get("include_usage"):
        await out.body(_sse(envelope | {"choices": [], "usage": usage}))
    await out.body(b"data: [DONE]\n\n")
    return await out.end()


def _choices(reply: Reply, request: Request) -> list[_Choice]:
    count = len(request.prompts) * int(request.body.get("n") or 1)
    texts = list(reply.texts) or [reply.text]
    return [_choice(index, texts[index % len(texts)], reply, request.body) for index in range(count)]


def _choice(index: int, text: str, reply: Reply, body: Json) -> _Choice:
    finish = "tool_calls" if reply.tool_calls else "stop"
    stops = body.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.partition(stop)[0]
    tokens = tokenize(text)
    limit = body.get("max_tokens") or len(tokens)
    if len(tokens) > limit:
        tokens, finish = tokens[:limit], "length"
    asked = body.get("logprobs") is not None and body["logprobs"] is not False
    logprob = reply.logprob if asked else None
    likely = reply.likely if body.get("top_logprobs") else {}
    return _Choice(index, tokens, reply.finish_reason or finish, reply.tool_calls, logprob, likely)


def _usage(reply: Reply, request: Request, choices: Sequence[_Choice]) -> Json:
    if reply.usage is not None:
        return dict(reply.usage)
    prompt = sum(len(tokenize(text)) for text in request.prompts)
    written = sum(len(choice.tokens) for choice in choices)
    usage: Json = {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}
    return usage | {"prompt_tokens_details": {"cached_tokens": reply.cached}}


def _running(request: Request, index: int, written: Sequence[int]) -> Json:
    """The usage of one answer so far, as vLLM tells it with each of its chunks."""
    prompt = len(tokenize(request.prompts[index // int(request.body.get("n") or 1)]))
    completion = written[index]
    total = prompt + completion
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}


def _whole(choice: _Choice, chat: bool) -> Json:
    text = "".join(choice.tokens)
    same = {"index": choice.index, "finish_reason": choice.finish}
    same["logprobs"] = _logprobs(choice.tokens, choice, chat)
    if not chat:
        return same | {"text": text}
    calls = [{"id": call.id, "type": "function", "function": _function(call)} for call in choice.calls]
    message: Json = {
        "role": "assistant",
        "content": None if calls and not text else text,
        "tool_calls": calls,
    }
    return same | {"message": message}


def _chunks(choices: Sequence[_Choice], chat: bool) -> Iterator[Json]:
    """Every chunk's only choice: token by token, the choices taking turns, and each ends after its last."""
    if chat:
        for choice in choices:
            yield _delta(choice, {"role": "assistant", "content": ""})
    for position in range(max((len(choice.tokens) for choice in choices), default=0)):
        for choice in choices:
            if position < len(choice.tokens):
                yield _token(choice, choice.tokens[position], chat)
            if position == len(choice.tokens) - 1 and not choice.calls:
                yield _end(choice, chat)
    for choice in choices:
        for index, call in enumerate(choice.calls):
            yield from _call_deltas(choice, index, call)
        if choice.calls or not choice.tokens:
            yield _end(choice, chat)


def _end(choice: _Choice, chat: bool) -> Json:
    end = {"index": choice.index, "finish_reason": choice.finish, "logprobs": None}
    return end | ({"delta": {}} if chat else {"text": ""})


def _token(choice: _Choice, token: str, chat: bool) -> Json:
    logprobs = _logprobs([token], choice, chat)
    if chat:
        return _delta(choice, {"content": token}) | {"logprobs": logprobs}
    return {"index": choice.index, "text": token, "finish_reason": None, "logprobs": logprobs}


def _call_deltas(choice: _Choice, index: int, call: Call) -> Iterator[Json]:
    """A tool call comes in pieces: its name, then its arguments in two halves."""
    named = {"index": index, "id": call.id, "type": "function"}
    yield _delta(choice, {"tool_calls": [named | {"function": {"name": call.name, "arguments": ""}}]})
    middle = len(call.arguments) // 2
    for part in (call.arguments[:middle], call.arguments[middle:]):
        yield _delta(choice, {"tool_calls": [{"index": index, "function": {"arguments": part}}]})


def _delta(choice: _Choice, delta: Json) -> Json:
    return {"index": choice.index, "delta": delta, "finish_reason": None}


def _function(call: Call) -> Json:
    return {"name": call.name, "arguments": call.arguments}


def _logprobs(tokens: Sequence[str], choice: _Choice, chat: bool) -> Json | None:
    if choice.logprob is None:
        return None
    if chat:
        return {"content": [_chosen(token, choice) for token in tokens]}
    return {"tokens": list(tokens), "token_logprobs": [choice.logprob] * len(tokens), "top_logprobs": None}


def _chosen(token: str, choice: _Choice) -> Json:
    likely = choice.likely.get(token, {})
    top = [{"token": text, "logprob": logprob} for text, logprob in likely.items()]
    return {"token": token, "logprob": choice.logprob, "top_logprobs": top}


def error_body(code: int, message: str) -> Json:
    return {"error": {"message": message, "type": "error", "param": None, "code": code}}


def _sse(value: Json) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
