"""Finds out what a server serves and what it can do, before anything depends on it."""

from collections.abc import MutableMapping
from dataclasses import dataclass

from moot.agent.core.errors import ModelAnswerError, UsageError
from moot.agent.core.messages import ModelInfo
from moot.agent.core.together import together
from moot.agent.models.failures import Transient
from moot.agent.models.transport import Transport
from moot.agent.models.wire import Body, Chunk, Counted, ModelCard, ModelList, Shape, read

__all__ = ["DEFAULT_CONTEXT", "Known", "Served", "preflight"]

DEFAULT_CONTEXT = 32_768
"""Tokens, for servers that do not say: small for a current model, so that requests are not refused."""
PROBE_TOKENS = 3
_NAME = "name one with --model (MOOT_MODEL; in a pool MODEL@URL), of"
OBJECT = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
TOOL = {"type": "function", "function": {"name": "look", "description": "Look.", "parameters": OBJECT}}


@dataclass(frozen=True, slots=True)
class Served:
    """A model and its server. `vllm` allows fields of the protocol that only vLLM has."""

    info: ModelInfo
    vllm: bool


Known = MutableMapping[tuple[str, str], Served]
"""What earlier preflights found, by base URL and model."""


async def preflight(transport: Transport, model: str | None, known: Known, probe: bool = True) -> Served:
    """Find the model and probe its server; a failure that may pass says nothing of what it can do.

    Args:
        transport: the server.
        model: its name; None means the only one that is served.
        known: earlier findings, which are used and extended.
        probe: False costs one look-up and takes it that the server can obey a schema and complete.

    Raises:
        ModelUnreachable: no server answers, or it answers a probe neither way.
        ModelAnswerError: what answers is no model server, or it refuses the key.
        UsageError: the model is not served, or several are and none is named.
    """
    cards = read(ModelList, await transport.get(f"{transport.api}/models"), transport.name).data
    card = _choose(cards, model, transport.name)
    if not probe:
        return _served(card, structured=True, fim=True)
    key = (transport.api, card.id)
    if key not in known:
        known[key] = await _probe_all(transport, card)
    return known[key]


def _choose(cards: list[ModelCard], model: str | None, server: str) -> ModelCard:
    names = ", ".join(card.id for card in cards)
    if not cards:
        raise UsageError(f"the model server at {server} serves no model: start one with `agent model up`")
    if model is None and len(cards) > 1:
        raise UsageError(f"the model server at {server} serves several models: {_NAME} {names}")
    card = next((card for card in cards if model in (None, card.id)), None)
    if card is None:
        raise UsageError(f"the model server at {server} does not serve {model}: {_NAME} {names}")
    return card


async def _probe_all(transport: Transport, card: ModelCard) -> Served:
    probes = (_structured, _tools, _completions, _tokenize)
    structured, tools, fim, tokenize = await together(probe(transport, card.id) for probe in probes)
    return _served(card, structured, tools, fim, tokenize)


def _served(
    card: ModelCard,
    structured: bool = False,
    tools: bool = False,
    fim: bool = False,
    tokenize: bool = False,
) -> Served:
    vllm = card.owned_by == "vllm"
    context = card.context or DEFAULT_CONTEXT
    return Served(ModelInfo(card.id, context, structured, tools, fim, tokenize, continues=vllm), vllm)


async def _structured(transport: Transport, model: str) -> bool:
    """Ask with a schema: a server that ignores it answers the greeting, one that obeys opens an object."""
    schema = {"name": "probe", "strict": True, "schema": OBJECT}
    body = _chat(model) | {"response_format": {"type": "json_schema", "json_schema": schema}}
    answer = await _written(transport, "chat/completions", body)
    return answer is not None and answer.lstrip().startswith("{")


async def _tools(transport: Transport, model: str) -> bool:
    body = _chat(model) | {"tools": [TOOL]}
    return await _written(transport, "chat/completions", body) is not None


async def _completions(transport: Transport, model: str) -> bool:
    """Ask for raw completions of several prompts: FIM needs no more, as its prompts are built here."""
    body: Body = {"model": model, "prompt": ["a", "b"], "max_tokens": 1, "temperature": 0.0}
    return await _written(transport, "completions", body) is not None


async def _tokenize(transport: Transport, model: str) -> bool:
    body: Body = {"model": model, "prompt": "a"}
    return await _ask(transport, f"{transport.root}/tokenize", body, Counted) is not None


async def _written(transport: Transport, path: str, body: Body) -> str | None:
    """Return what the server writes; None where it refuses."""
    answer = await _ask(transport, f"{transport.api}/{path}", body, Chunk)
    return answer.choices[0].written if answer and answer.choices else None


async def _ask(transport: Transport, url: str, body: Body, shape: type[Shape]) -> Shape | None:
    """Return the answer to a probe; None where the server refuses it or answers with something else."""
    try:
        return read(shape, await transport.post(url, body), transport.name)
    except ModelAnswerError:
        return None
    except Transient as exc:
        if exc.status != 500:  # with which some servers refuse what they cannot do, each time they are asked
            raise
        return None


def _chat(model: str) -> Body:
    messages = [{"role": "user", "content": "Say hello."}]
    return {"model": model, "messages": messages, "max_tokens": PROBE_TOKENS, "temperature": 0.0}
