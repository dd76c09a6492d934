"""A scripted model server: a real HTTP server on loopback that speaks the OpenAI protocol.

In a test:

    with ScriptedServer(["first answer", Fault.status(500, times=2), Reply("second")]) as server:
        client = await OpenAIClient.connect(server.base_url)

A script is a sequence, consumed in order by the model calls, or a callable `(request) -> reply`. A string
is short for `Reply(string)`. Calls for at most `PROBE_TOKENS` tokens are a client's probes: the server
answers them itself, from its capabilities, so that a script holds only what a test is about.

As a process, for front ends: `python -m tests.scripted script.json [--port N] [--log calls.jsonl]` prints
its base URL on the first line. The file holds `{"replies": [...], "rules": [...], "repeat": bool, "server":
{...}}`; a reply is a string, the fields of `Reply`, or `{"fault": "status", "code": 500, "times": 2}`; a
rule is a reply with `"when"`, a part of the prompt that it answers, as often as it comes, before any of the
replies; `server` holds the options of `ScriptedServer`.
"""

import argparse
import asyncio
import itertools
import json
import signal
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.script import (
    BEGIN,
    PROBE_TOKENS,
    Call,
    Fault,
    Json,
    Reply,
    Request,
    Script,
    Scripted,
    spell,
    spelled,
    tokenize,
)
from tests.wire import BrokenOff, Response, error_body, send_fault, send_reply

__all__ = ["PROBE_TOKENS", "Call", "Fault", "Reply", "Request", "Script", "ScriptedServer", "tokenize"]


class ScriptedServer:
    """Serves a script from a background thread until the `with` block ends.

    Attributes:
        requests: everything that was asked, in order; `calls` leaves out probes and look-ups.
        disconnects: how many clients left before their answer was complete.
    """

    def __init__(
        self,
        script: Script = (),
        *,
        models: Sequence[str] = ("scripted",),
        context: int | None = 32_768,
        api_key: str | None = None,
        structured_output: bool = True,
        tools: bool = True,
        completions: bool = True,
        tokenize: bool = True,
        refuses: Sequence[str] = (),
        probes: bool = True,
        samples: bool = True,
        owner: str = "vllm",
        mistral: bool = False,
        port: int = 0,
    ) -> None:
        """Set what is served.

        Args:
            script: the replies to model calls.
            context: `max_model_len` of each model; None leaves it out, as other servers do.
            api_key: when given, requests without it get 401.
            structured_output, tools, completions, tokenize: what the server can do.
            refuses: fields of a request that are answered with 400.
            probes: whether a client's probes are answered here; False leaves them to the script.
            samples: whether the server knows `n`; False gives one answer, whatever is asked for.
            owner: what the server says that it is.
            mistral: whether its tokenizer is one of Mistral's, which read no control tokens in texts.
        """
        self.requests: list[Request] = []
        self.disconnects = 0
        self.port = port
        self._answer = script if callable(script) else _in_order(script)
        self._models, self._context, self._api_key = tuple(models), context, api_key
        self._can = {"response_format": structured_output, "tools": tools, **dict.fromkeys(refuses, False)}
        self._routes = {"/v1/completions": completions, "/tokenize": tokenize, "/detokenize": mistral}
        self._encode = _spelt if mistral else _tokenized
        self._probes, self._samples, self._owner = probes, samples, owner
        self._fault: Fault | None = None
        self._faults_left = 0
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._done = asyncio.Event()

    @property
    def base_url(self) -> str:
        return f"{self.root_url}/v1"

    @property
    def root_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self) -> list[Request]:
        return [request for request in self.requests if request.is_call]

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    def wait_for_disconnects(self, count: int = 1, seconds: float = 5.0) -> bool:
        """Wait until so many clients have left; False when they have not in time."""
        deadline = time.monotonic() + seconds
        while self.disconnects < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.disconnects >= count

    def wait_for_calls(self, count: int = 1, seconds: float = 5.0) -> bool:
        """Wait until so many model calls have come; False when they have not in time."""
        deadline = time.monotonic() + seconds
        while len(self.calls) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return len(self.calls) >= count

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            try:
                await self._connection(reader, writer)
            except asyncio.CancelledError:
                writer.transport.abort()
            finally:
                writer.close()
                connections.discard(task)

        server = await asyncio.start_server(connected, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._done.wait()
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections)
        await asyncio.sleep(0.01)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        early = b""
        try:
            while request := await _read(reader, early):
                self.requests.append(request)
                early = await self._respond_while_connected(request, reader, writer)
        except BrokenOff:
            writer.transport.abort()
        except (_Left, ConnectionError):
            self.disconnects += 1

    async def _respond_while_connected(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """Return what was read of the next request; raise `_Left` when the client goes."""
        answering = asyncio.ensure_future(self._respond(request, writer))
        listening = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answering, listening}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done() and not listening.result():
                raise _Left
            await answering
        finally:
            for task in (answering, listening):
                task.cancel()
            await asyncio.gather(answering, listening, return_exceptions=True)
        return b"" if listening.cancelled() else listening.result()

    async def _respond(self, request: Request, writer: asyncio.StreamWriter) -> None:
        status, answer = self._dispatch(request)
        if isinstance(answer, Fault):
            await send_fault(answer, request, writer, self._models[0])
        elif isinstance(answer, Reply):
            await send_reply(answer, request, Response(writer), self._models[0])
        else:
            await Response(writer).json(status, answer)

    def _dispatch(self, request: Request) -> tuple[int, Reply | Fault | Json]:
        if self._api_key and request.headers.get("authorization") != f"Bearer {self._api_key}":
            return 401, error_body(401, "Unauthorized")
        if not self._routes.get(request.path, True):
            return 404, error_body(404, "Not Found")
        match request.path:
            case "/v1/models":
                return 200, {"object": "list", "data": [self._card(model) for model in self._models]}
            case "/health":
                return 200, {}
            case "/version":
                return 200, {"version": "0.0-scripted"}
            case "/tokenize":
                return 200, self._encode(request, self._context)
            case "/detokenize":
                return 200, {"prompt": spelled(request.body["tokens"])}
            case "/v1/chat/completions" | "/v1/completions":
                return self._generate(request)
            case _:
                return 404, error_body(404, "Not Found")

    def _card(self, model: str) -> Json:
        card = {"id": model, "object": "model", "owned_by": self._owner}
        return card | ({"max_model_len": self._context} if self._context else {})

    def _generate(self, request: Request) -> tuple[int, Reply | Fault | Json]:
        body = request.body
        if body.get("model") not in self._models:
            return 404, error_body(404, f"The model `{body.get('model')}` does not exist.")
        for name, supported in self._can.items():
            if name in body and not supported:
                return 400, error_body(400, f"{name} is not supported by this server")
        used = max(len(tokenize(prompt)) for prompt in request.prompts) + body.get("max_tokens", 0)
        if self._context and used > self._context:
            limit = f"This model's maximum context length is {self._context} tokens. However, you requested"
            return 400, error_body(400, f"{limit} {used} tokens. Please reduce the length of the messages.")
        if self._probes and not request.is_call:
            return 200, Reply('{"ok": true}')
        if not self._samples:
            body["n"] = 1
        return 200, self._next(request)

    def _next(self, request: Request) -> Reply | Fault:
        with self._lock:
            if self._fault and self._faults_left:
                self._faults_left -= 1
                return self._fault
            answer = self._answer(request)
            if isinstance(answer, Fault):
                self._fault, self._faults_left = answer, answer.times - 1
            return Reply(answer) if isinstance(answer, str) else answer


def _in_order(script: Iterable[Scripted]) -> Callable[[Request], Scripted]:
    replies = iter(script)
    return lambda request: next(replies, Fault.status(400, message="the script has no more replies"))


class _Left(Exception):
    """The client closed the connection."""


async def _read(reader: asyncio.StreamReader, early: bytes) -> Request | None:
    try:
        head = (early + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, json.loads(body) if body else {})


def _tokenized(request: Request, context: int | None) -> Json:
    tokens = tokenize(request.prompt)
    ids = [zlib.crc32(token.encode()) % 50_000 for token in tokens]
    return {"count": len(ids), "max_model_len": context, "tokens": ids, "token_strs": None}


def _spelt(request: Request, context: int | None) -> Json:
    begin = [BEGIN] if request.body.get("add_special_tokens", True) else []
    ids = begin + spell(request.prompt)
    return {"count": len(ids), "max_model_len": context, "tokens": ids, "token_strs": None}


def _load(path: Path) -> tuple[Script, Json]:
    """Read a script file: the script, and the options of the server."""
    content = json.loads(path.read_text(encoding="utf-8"))
    rules = [(rule.pop("when"), _scripted(rule)) for rule in content.get("rules", [])]
    replies = [_scripted(reply) for reply in content.get("replies", [])]
    in_order = _in_order(itertools.cycle(replies) if content.get("repeat") else replies)

    def answer(request: Request) -> Scripted:
        matching = (reply for when, reply in rules if when in request.prompt)
        return next(matching, None) or in_order(request)

    return answer, content.get("server", {})


def _scripted(value: str | Json) -> Scripted:
    if isinstance(value, str):
        return value
    if kind := value.pop("fault", None):
        inner = {"reply": _scripted(value.pop("reply"))} if "reply" in value else {}
        make: Callable[..., Fault] = getattr(Fault, kind)
        return make(**value, **inner)
    calls = tuple(Call(**call) for call in value.pop("tool_calls", ()))
    return Reply(**value, tool_calls=calls)


def main() -> None:
    """Serve a script file until SIGTERM or ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.scripted")
    parser.add_argument("script", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, help="write each model call to this file, one JSON object a line")
    arguments = parser.parse_args()
    script, options = _load(arguments.script)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ScriptedServer(script, port=arguments.port, **options) as server:
        print(server.base_url, flush=True)
        written = 0
        while True:
            time.sleep(0.05)
            written += _log(server.calls[written:], arguments.log)


def _log(calls: Sequence[Request], path: Path | None) -> int:
    if path and calls:
        with path.open("a", encoding="utf-8") as log:
            log.writelines(json.dumps({"path": call.path, "body": call.body}) + "\n" for call in calls)
    return len(calls)


if __name__ == "__main__":
    main()
