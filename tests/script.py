"""What a scripted model server can be told to answer, and what it was asked."""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

__all__ = [
    "BEGIN",
    "BLANK",
    "CONTROLS",
    "PROBE_TOKENS",
    "Call",
    "Fault",
    "Json",
    "Reply",
    "Request",
    "Script",
    "Scripted",
    "spell",
    "spelled",
    "tokenize",
]

PROBE_TOKENS = 4
Json = dict[str, Any]


def tokenize(text: str) -> list[str]:
    """Split as the server does: up to six letters with a leading space, or one other character."""
    return re.findall(r" ?\w{1,6}|[^\w]", text)


BEGIN, BLANK, _FIRST = 1, 1_500, 2_000
CONTROLS = {BEGIN: "<s>", 11: "[PREFIX]", 13: "[SUFFIX]"}
"""As in Mistral's SentencePiece files."""


def spell(text: str) -> list[int]:
    """Encode as Mistral's tokenizers do: a blank begins each text, and control tokens in it are text."""
    return [BLANK, *(_FIRST + ord(letter) for letter in text)]


def spelled(ids: Sequence[int]) -> str:
    """Return the text of ids, control tokens included."""
    return "".join(CONTROLS.get(each) or (chr(each - _FIRST) if each >= _FIRST else " ") for each in ids)


@dataclass(frozen=True)
class Call:
    """A tool call in a reply; `arguments` is JSON text."""

    name: str
    arguments: str
    id: str = "call-1"


@dataclass(frozen=True)
class Reply:
    """One answer, cut at `stop` and `max_tokens` as a real server does.

    Attributes:
        text: the answer of every choice, unless `texts` holds one for each (short lists are cycled).
        finish_reason: None means `stop`, `length` or `tool_calls`, as it happens.
        usage: replaces the counted usage; `{}` sends none.
        cached: tokens of the prompt that were cached.
        logprob: of each token; None sends no logprobs.
        pause: seconds before each streamed token.
        likely: token -> what could stand in its place, with log-probabilities; sent when it is asked for.
    """

    text: str = ""
    texts: Sequence[str] = ()
    tool_calls: Sequence[Call] = ()
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    cached: int = 0
    logprob: float | None = -0.25
    pause: float = 0.0
    likely: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """What goes wrong, `times` times in a row. `reply` is what is being sent meanwhile."""

    kind: str
    times: int = 1
    code: int = 500
    message: str = "scripted failure"
    retry_after: float | None = None
    after: int = 0
    seconds: float = 60.0
    body: bytes = b""
    reply: Reply = Reply("a few words that never quite arrive")

    @classmethod
    def status(
        cls, code: int, times: int = 1, message: str = "scripted failure", retry_after: float | None = None
    ) -> Self:
        """Answer with an error status."""
        return cls("status", times, code, message, retry_after)

    @classmethod
    def refuse(cls, times: int = 1) -> Self:
        """Close the connection without an answer."""
        return cls("drop", times, after=-1)

    @classmethod
    def drop(cls, after: int = 0, times: int = 1, reply: Reply | None = None) -> Self:
        """Break the connection once `after` bytes of the body are sent."""
        return cls("drop", times, after=after, reply=reply or cls.reply)

    @classmethod
    def hang(cls, seconds: float = 60.0, after: int = -1, times: int = 1, reply: Reply | None = None) -> Self:
        """Fall silent after `after` bytes of the body (-1: before the status line), then go on."""
        return cls("hang", times, after=after, seconds=seconds, reply=reply or cls.reply)

    @classmethod
    def garbage(cls, body: bytes = b"\x00\xff<html>not a model</html>\n\n", times: int = 1) -> Self:
        """Answer 200 with bytes of no protocol."""
        return cls("body", times, body=body)

    @classmethod
    def wrong_json(cls, times: int = 1) -> Self:
        """Answer with JSON of another shape."""
        return cls("event", times, body=b'{"hello": ["world"]}')

    @classmethod
    def empty_body(cls, times: int = 1) -> Self:
        """Answer 200 and nothing more."""
        return cls("body", times)

    @classmethod
    def empty_choices(cls, times: int = 1) -> Self:
        """Answer with no choices."""
        return cls("event", times, body=b'{"id": "x", "object": "x", "choices": []}')

    @classmethod
    def stream_error(cls, code: int = 500, message: str = "engine died", times: int = 1) -> Self:
        """Answer 200, then send an error in the stream, as vLLM does when its engine dies."""
        error = {"error": {"message": message, "type": "error", "code": code}}
        return cls("event", times, body=json.dumps(error).encode())


@dataclass(frozen=True)
class Request:
    """A request as the server got it. `at` is a monotonic time in seconds."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Json
    at: float = field(default_factory=time.monotonic)

    @property
    def is_call(self) -> bool:
        """Whether it asks the model for something, beyond a probe."""
        asks = self.path in ("/v1/chat/completions", "/v1/completions")
        return asks and self.body.get("max_tokens", PROBE_TOKENS + 1) > PROBE_TOKENS

    @property
    def prompts(self) -> list[str]:
        """Every prompt; a conversation is one, its messages joined by newlines."""
        if "messages" in self.body:
            return ["\n".join(str(message.get("content") or "") for message in self.body["messages"])]
        prompt = self.body.get("prompt", "")
        if isinstance(prompt, str):
            return [prompt]
        return [each if isinstance(each, str) else spelled(each) for each in prompt]

    @property
    def prompt(self) -> str:
        """All prompts as one text."""
        return "\n".join(self.prompts)


Scripted = Reply | Fault | str
Script = Sequence[Scripted] | Callable[[Request], Scripted]
