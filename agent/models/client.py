"""A model behind the OpenAI protocol: `/v1/chat/completions`, `/v1/completions` and `/tokenize`."""

import asyncio
import re
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Self

from moot.agent.core.errors import EmptyAnswer, ModelAnswerError, ModelUnreachable
from moot.agent.core.messages import ChatRequest, Completion, CompletionRequest, ModelInfo, Usage
from moot.agent.core.together import together
from moot.agent.models.drafts import Answer
from moot.agent.models.failures import Rejected, broken_off, from_answer
from moot.agent.models.mistral import FimPrompts
from moot.agent.models.preflight import Known, Served, preflight
from moot.agent.models.tokens import EstimatedTokens, LocalTokens, ServerTokens, estimate
from moot.agent.models.transport import ClientOptions, Transport
from moot.agent.models.wire import Body, Chunk, chat_body, completion_body, read

__all__ = ["ClientOptions", "OnCall", "OpenAIClient"]

MAX_SEQUENCES = 64
"""Answers that one completion request asks for: they fill a batch, and can be had again after a failure."""

_EXTRAS = ("top_logprobs", "logprobs", "stream_options", "response_format")
"""Fields of a request that may be left out for servers that refuse them."""

Counter = ServerTokens | LocalTokens | EstimatedTokens

OnCall = Callable[[str, Usage, float], None]
"""Told of each call that ended, well or not: `chat` or `complete`, what it used, and its seconds."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: where it goes, what it says, how many answers come back, who watches and who ends them."""

    purpose: str
    path: str
    body: Body
    prompts: Sequence[str]
    samples: int
    on_token: Callable[[str], None] | None = None
    on_answer: Callable[[Completion], None] | None = None
    ended: Callable[[str], bool] | None = None
    likely: int = 0
    used: list[Usage] = field(default_factory=list[Usage])

    @property
    def extras(self) -> Body:
        """What is asked for beyond the text: log-probabilities, of the chosen tokens alone by default."""
        if self.purpose != "chat":
            return {"logprobs": self.likely}
        return {"logprobs": True} | ({"top_logprobs": self.likely} if self.likely else {})


class OpenAIClient:
    """Implements `ModelClient` for vLLM and for everything else that speaks its protocol.

    Answers are always streamed, so that a slow server is not taken for a dead one, and a cancelled call
    hangs up at once.
    """

    def __init__(
        self, transport: Transport, served: Served, options: ClientOptions, on_call: OnCall | None = None
    ) -> None:
        self._transport, self._served, self._options, self._on_call = transport, served, options, on_call
        self._counter = _counter(transport, served, options)
        self._fim_prompts = FimPrompts(transport, served.info.id)
        self._usage = Usage()
        self._refused: set[str] = set()
        self._one_by_one = False

    @classmethod
    async def connect(
        cls,
        base_url: str,
        options: ClientOptions | None = None,
        on_call: OnCall | None = None,
        known: Known | None = None,
        *,
        probe: bool = True,
    ) -> Self:
        """Reach a server and find out what it can do.

        Args:
            base_url: where the protocol starts; `/v1` is added when there is no path.
            options: model, key, deadlines and retries.
            on_call: told of each call that ended.
            known: what earlier preflights found, so that a server is probed once.
            probe: False leaves the probes out; calls then fail where they must, and a schema that the
                server refuses is left out.

        Raises:
            ModelUnreachable: no server answers.
            ModelAnswerError: what answers is no model server, or it refuses the key.
            UsageError: a bad URL, a model that is not served, or several and none named.
        """
        chosen = options or ClientOptions()
        transport = Transport(base_url, chosen)
        try:
            served = await preflight(transport, chosen.model, {} if known is None else known, probe)
        except BaseException:
            await transport.close()
            raise
        return cls(transport, served, chosen, on_call)

    @property
    def info(self) -> ModelInfo:
        """What preflight found."""
        return self._served.info

    @property
    def usage(self) -> Usage:
        """Everything used so far, failed and cancelled requests included."""
        return self._usage

    @property
    def counts_with(self) -> str:
        """Where token counts come from: `server`, `tokenizer.json` or `estimate`."""
        return self._counter.source

    async def chat(
        self,
        request: ChatRequest,
        on_token: Callable[[str], None] | None = None,
        used: Callable[[Usage], None] | None = None,
        on_answer: Callable[[Completion], None] | None = None,
    ) -> list[Completion]:
        """Return `request.n` answers; `on_token` sees the first as it grows, `on_answer` each at its end.

        After a broken stream the request is made again: `on_token` sees the answer from its start, and
        `on_answer` those that had ended before it broke as well.
        A server that sends fewer than asked for is asked for each of the others by itself.

        Raises:
            ModelUnreachable: no connection, or the server kept failing, or a deadline passed.
            ModelAnswerError: the server's answer is not of the protocol or empty, or it refuses the request.
        """
        first = replace(request, n=1) if self._one_by_one else request
        answers = await self._chat(first, on_token, used, on_answer)
        if len(answers) < request.n:
            self._one_by_one = True
            single = replace(request, n=1)
            rest = (self._chat(single, None, used, on_answer) for _ in range(request.n - len(answers)))
            answers += [answer for each in await together(rest) for answer in each]
        if not any(answer.text.strip() or answer.tool_calls for answer in answers):
            raise EmptyAnswer(_empty(self.info.id, request, answers))
        return answers

    async def _chat(
        self,
        request: ChatRequest,
        on_token: Callable[[str], None] | None,
        used: Callable[[Usage], None] | None,
        on_answer: Callable[[Completion], None] | None,
    ) -> list[Completion]:
        """Make one chat call; a server that does not know `n` may give fewer answers."""
        body = chat_body(self.info.id, request, self.info.structured_output)
        prompts = ("\n".join(message.content for message in request.messages),)
        watched = (on_token, on_answer)
        call = _Call(
            "chat", "chat/completions", body, prompts, request.n, *watched, likely=request.top_logprobs
        )
        return await self._reported(call, used)

    async def complete(
        self,
        request: CompletionRequest,
        ended: Callable[[str], bool] | None = None,
        used: Callable[[Usage], None] | None = None,
    ) -> list[list[Completion]]:
        """Return `request.n` completions for each prompt, in the order of the prompts.

        An answer of which `ended` says so while it is written ends there, with the finish `ended`; when
        all have, the server is hung up on.
        A server that gives one answer for each prompt, whatever is asked for, is asked again for the others.

        Raises:
            ModelUnreachable: no connection, or the server kept failing, or a deadline passed.
            ModelAnswerError: the server's answer is not of the protocol, or it refuses the request.
        """
        answers: list[list[Completion]] = []
        size = max(1, MAX_SEQUENCES // request.n)
        for start in range(0, len(request.prompts), size):
            batch = replace(request, prompts=request.prompts[start : start + size])
            answers += await self._batch(batch, ended, used)
        return answers

    async def _batch(
        self,
        request: CompletionRequest,
        ended: Callable[[str], bool] | None,
        used: Callable[[Usage], None] | None,
    ) -> list[list[Completion]]:
        """Return the completions of prompts that fit into one request."""
        single = replace(request, n=1)
        groups = await self._complete(single if self._one_by_one else request, ended, used)
        missing = request.n - len(groups[0])
        if missing:
            self._one_by_one = True
            rest = await together(self._complete(single, ended, used) for _ in range(missing))
            groups = [[*first, *chain(*others)] for first, *others in zip(groups, *rest, strict=True)]
        return groups

    async def _complete(
        self,
        request: CompletionRequest,
        ended: Callable[[str], bool] | None,
        used: Callable[[Usage], None] | None,
    ) -> list[list[Completion]]:
        """Make one completion call; a server that does not know `n` may give fewer answers to each prompt."""
        body = completion_body(self.info.id, request)
        if self._served.vllm:
            body["prompt"] = await self._fim_prompts.written(request.prompts)
        call = _Call(
            *("complete", "completions", body, request.prompts, request.n),
            ended=ended,
            likely=request.top_logprobs,
        )
        flat = await self._reported(call, used)
        size = len(flat) // len(request.prompts)
        return [flat[at : at + size] for at in range(0, len(flat), size)]

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens."""
        return await self._counter.count(texts)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _reported(self, call: _Call, used: Callable[[Usage], None] | None) -> list[Completion]:
        """Make one call, and say what it used, however it ends."""
        try:
            return await self._run(call)
        finally:
            if used:
                used(sum(call.used, Usage()))

    async def _run(self, call: _Call) -> list[Completion]:
        """Make one call within its deadline, with retries."""
        limit = self._options.call_timeout
        with self._told(call):
            try:
                async with asyncio.timeout(limit):
                    return await self._attempt_all(call)
            except TimeoutError as exc:
                raise ModelUnreachable(
                    f"the model server at {self._transport.name} did not finish within {limit:g} seconds: "
                    "ask for less, or allow more time"
                ) from exc

    async def _attempt_all(self, call: _Call) -> list[Completion]:
        async for attempt in self._transport.attempts():
            with attempt:
                return await self._attempt(call)
        raise AssertionError("unreachable")

    async def _attempt(self, call: _Call) -> list[Completion]:
        """Make one attempt; an extra that the server does not know is left out from then on."""
        sent = self._body(call)
        try:
            return await self._stream(call, sent)
        except Rejected as exc:
            refused = _named(exc.detail) & sent.keys()
            if exc.status not in (400, 422) or not refused:
                raise
            self._refused |= refused
        return await self._attempt(call)

    async def _stream(self, call: _Call, sent: Body) -> list[Completion]:
        answer = Answer(len(call.prompts), call.samples, call.on_token, call.on_answer, call.ended)
        try:
            await self._receive(call, sent, answer)
        except ModelUnreachable:
            if not answer.complete:
                raise
        finally:
            call.used.append(answer.usage(lambda: sum(map(estimate, call.prompts))))
            self._usage += call.used[-1]
        if not answer.started:
            raise ModelAnswerError(
                f"the server at {self._transport.name} answered with nothing: look at `agent model logs`"
            )
        return answer.completions()

    async def _receive(self, call: _Call, sent: Body, answer: Answer) -> None:
        """Read the stream to its end, or until nothing that is wanted can come."""
        url, server = f"{self._transport.api}/{call.path}", self._transport.name
        ended = False
        async with aclosing(self._transport.stream(url, sent)) as events:
            async for data in events:
                ended = data.strip() == "[DONE]"
                if not ended:
                    self._take(data, answer)
                if answer.cut_short:
                    return
        if answer.fewer and ended:
            return
        if not answer.complete and (answer.started or not ended):
            raise broken_off(server)

    def _take(self, data: str, answer: Answer) -> None:
        server = self._transport.name
        error = from_answer(data, server)
        if error:
            raise error
        if not answer.add(read(Chunk, data, server)):
            raise ModelAnswerError(f"{server} sent more answers than asked for: use another server")

    def _body(self, call: _Call) -> Body:
        """Return the request with what this server lets us ask for.

        vLLM can send the usage with every chunk, so that it is known when a call is cut short.
        """
        options = {"include_usage": True} | ({"continuous_usage_stats": True} if self._served.vllm else {})
        whole = call.body | call.extras | {"stream_options": options, "stream": True}
        return {name: value for name, value in whole.items() if name not in self._refused}

    @contextmanager
    def _told(self, call: _Call) -> Generator[None, None, None]:
        """Tell of the call when it ends, however it ends."""
        started = time.monotonic()
        try:
            yield
        finally:
            if self._on_call:
                self._on_call(call.purpose, sum(call.used, Usage()), time.monotonic() - started)


def _named(detail: str) -> set[str]:
    """Return the extras that a refusal names; without `logprobs` there are no `top_logprobs` either."""
    names = {name for name in _EXTRAS if re.search(rf"\b{name}\b", detail)}
    return names | {"top_logprobs"} if "logprobs" in names else names


def _empty(model: str, request: ChatRequest, answers: Sequence[Completion]) -> str:
    if all(answer.finish == "length" for answer in answers):
        return (
            f"the model {model} used all {request.max_tokens} tokens before its answer: turn its reasoning "
            "off at the server, or use a model that does not reason"
        )
    return f"the model {model} answered with nothing: ask again, or use another model"


def _counter(transport: Transport, served: Served, options: ClientOptions) -> Counter:
    if served.info.tokenize:
        return ServerTokens(transport, served.info.id)
    return LocalTokens(options.tokenizer) if options.tokenizer else EstimatedTokens()
