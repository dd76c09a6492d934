"""What passes between the program and a model: requests, answers, and what they used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "ChatMessage",
    "ChatRequest",
    "Completion",
    "CompletionRequest",
    "ModelInfo",
    "TokenChoice",
    "ToolCall",
    "Usage",
]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call of the model; `arguments` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat call. `max_tokens` bounds each of the `n` answers; `schema` is a JSON schema to obey.

    Where the last message is the assistant's, the answer is what follows it, for servers of which
    `ModelInfo.continues` is true.

    `top_logprobs` asks for so many of the likeliest tokens at each place; a server may refuse, see
    `Completion.choices`.
    """

    messages: tuple[ChatMessage, ...]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    stop: tuple[str, ...] = ()
    schema: Mapping[str, object] | None = None
    tools: tuple[Mapping[str, object], ...] = ()
    top_logprobs: int = 0


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A raw completion call: several prompts, `n` samples of each.

    Attributes:
        top_logprobs: how many of the likeliest tokens of each place are asked for.
    """

    prompts: tuple[str, ...]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    stop: tuple[str, ...] = ()
    top_logprobs: int = 0


@dataclass(frozen=True, slots=True)
class TokenChoice:
    """A token as it was written, and the likeliest tokens at its place with their log-probabilities."""

    text: str
    likely: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer. `finish` is the server's reason (`stop`, `length`, `tool_calls`, `repetition`).

    `choices` has every token where `top_logprobs` were asked for and granted, else none.
    """

    text: str
    finish: str
    tokens: int
    logprob: float = 0.0
    tool_calls: tuple[ToolCall, ...] = ()
    choices: tuple[TokenChoice, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and requests, summed. `cached` is the part of `prompt` that the server had kept."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    requests: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.completion + other.completion,
            self.requests + other.requests,
        )

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt - other.prompt,
            self.cached - other.cached,
            self.completion - other.completion,
            self.requests - other.requests,
        )

    @property
    def total(self) -> int:
        """Tokens read and written."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a served model is and can do, as probed.

    Attributes:
        context: in tokens.
        continues: whether the server goes on with an answer that a chat begins.
    """

    id: str
    context: int
    structured_output: bool = False
    tools: bool = False
    fim: bool = False
    tokenize: bool = False
    continues: bool = False
