"""The OpenAI protocol: the bodies that are sent, and the shapes of what comes back."""

import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from moot.agent.core.errors import ModelAnswerError
from moot.agent.core.messages import ChatMessage, ChatRequest, CompletionRequest, Usage

__all__ = [
    "Body",
    "Choice",
    "Chunk",
    "Counted",
    "Detokenized",
    "ErrorBody",
    "ModelCard",
    "ModelList",
    "Shape",
    "Tokenized",
    "WireUsage",
    "chat_body",
    "completion_body",
    "read",
    "read_error",
]

Body = dict[str, Any]
Shape = TypeVar("Shape", bound=BaseModel)


class LikelyToken(BaseModel):
    """A token that could stand at a place."""

    token: str = ""
    logprob: float


class TokenLogprob(LikelyToken):
    """One token of a chat answer, with the likeliest ones where they were asked for."""

    top_logprobs: list[LikelyToken] | None = None


class Logprobs(BaseModel):
    """Log-probabilities: `content` in chats, the others in completions."""

    content: list[TokenLogprob] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None

    @property
    def values(self) -> list[float]:
        """One figure for each token."""
        if self.content is not None:
            return [token.logprob for token in self.content]
        return [0.0 if value is None else value for value in self.token_logprobs or ()]


class FunctionDelta(BaseModel):
    """A piece of a function call."""

    name: str | None = None
    arguments: str | None = None


class ToolCallDelta(BaseModel):
    """A piece of the answer's tool call number `index`."""

    index: int = 0
    id: str | None = None
    function: FunctionDelta | None = None


class Delta(BaseModel):
    """A piece of a chat answer."""

    content: str | None = None
    tool_calls: list[ToolCallDelta] | None = None


class Choice(BaseModel):
    """A piece of the answer number `index`; the whole of it (`message`) where nothing is streamed."""

    index: int = Field(0, ge=0)
    delta: Delta = Delta()
    message: Delta = Delta()
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None

    @property
    def written(self) -> str:
        """The text in this piece."""
        return self.text or self.delta.content or self.message.content or ""


class PromptDetails(BaseModel):
    """What the server had kept of a prompt."""

    cached_tokens: int | None = None


class WireUsage(BaseModel):
    """Tokens of a request, or of one answer so far."""

    prompt_tokens: int = 0
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None

    @property
    def cached(self) -> int:
        """Tokens of the prompt that were not computed again."""
        return (self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens) or 0

    def total(self) -> Usage:
        """Return it as the usage of one request."""
        return Usage(self.prompt_tokens, self.cached, self.completion_tokens or 0, 1)


class Chunk(BaseModel):
    """One event of a stream."""

    choices: list[Choice]
    usage: WireUsage | None = None


class ModelCard(BaseModel):
    """A served model. Its context has another name on each kind of server."""

    id: str
    owned_by: str | None = None
    max_model_len: int | None = None
    max_context_length: int | None = None
    context_length: int | None = None

    @property
    def context(self) -> int | None:
        """Length of the context in tokens, where the server says it."""
        return self.max_model_len or self.max_context_length or self.context_length


class ModelList(BaseModel):
    """What `/v1/models` answers."""

    data: list[ModelCard]


class Counted(BaseModel):
    """What `/tokenize` answers."""

    count: int


class Tokenized(BaseModel):
    """What vLLM's `/tokenize` answers."""

    tokens: list[int]


class Detokenized(BaseModel):
    """What `/detokenize` answers."""

    prompt: str


class ErrorBody(BaseModel):
    """An error in any of the forms that servers use.

    Attributes:
        code: the HTTP status that it means, where it says one in figures or by a known name.
        quota: whether the account is used up, which no other attempt cures.
    """

    message: str
    code: int | None = None
    quota: bool = False


_STATUSES = {
    "BadRequestError": 400,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "string_above_max_length": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
}
"""Names of errors, as `code` or `type`, in the documentation of OpenAI, Anthropic and vLLM."""
_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


def chat_body(model: str, request: ChatRequest, structured: bool) -> Body:
    """Return the body of a chat call; its schema is left out where the server cannot obey it."""
    body: Body = {"model": model, "messages": [_message(message) for message in request.messages]}
    body |= _sampling(request)
    if request.messages[-1].role == "assistant":  # fields of vLLM, as of the chat templates of transformers
        body |= {"add_generation_prompt": False, "continue_final_message": True}
    if request.schema is not None and structured:
        schema = {"name": "answer", "strict": True, "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.tools:
        body["tools"] = [dict(tool) for tool in request.tools]
    return body


def completion_body(model: str, request: CompletionRequest) -> Body:
    """Return the body of a completion call for all of its prompts."""
    return {"model": model, "prompt": list(request.prompts)} | _sampling(request)


def _sampling(request: ChatRequest | CompletionRequest) -> Body:
    body: Body = {"max_tokens": request.max_tokens, "temperature": request.temperature, "n": request.n}
    if request.top_p != 1.0:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop"] = list(request.stop)
    return body


def _message(message: ChatMessage) -> Body:
    body: Body = {"role": message.role, "content": message.content}
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body


def read(shape: type[Shape], content: str | bytes, where: str) -> Shape:
    """Return the parsed content.

    Raises:
        ModelAnswerError: it is not JSON of that shape.
    """
    try:
        return shape.model_validate_json(content)
    except ValidationError as exc:
        raise ModelAnswerError(
            f"{where} does not answer like a model server ({_start(content)}): check the base URL"
        ) from exc


def read_error(content: str | bytes) -> ErrorBody | None:
    """Return the error that the content reports, or None when it is none."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    match value:
        case {"error": {"message": str(text), **rest}} | {"object": "error", "message": str(text), **rest}:
            names = [str(rest[key]) for key in ("code", "type") if rest.get(key) is not None]
            code = next(filter(None, map(_status, names)), None)
            return ErrorBody(message=text, code=code, quota=not _QUOTA.isdisjoint(names))
        case {"error": str(text)} | {"detail": str(text)} | {"message": str(text)}:
            return ErrorBody(message=text)
        case _:
            return None


def _status(name: str) -> int | None:
    """Return the HTTP status that the name of an error means; some servers number them in their own way."""
    code = int(name) if re.fullmatch("[45][0-9]{2}", name) else None
    return code or _STATUSES.get(name)


def _start(content: str | bytes) -> str:
    text = content.decode(errors="replace") if isinstance(content, bytes) else content
    return repr(text[:60]) if text else "an empty body"
