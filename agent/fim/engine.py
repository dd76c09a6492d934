"""The engine of `agent complete`: a hole and what helps to fill it -> completions that fit."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from anyio import to_thread

from moot.agent.core.messages import Completion, CompletionRequest
from moot.agent.core.ports import FimPrompt, ModelClient
from moot.agent.core.together import together
from moot.agent.fim.trim import Hole, Trimmed, Trimmer
from moot.agent.fim.window import BYTES_PER_TOKEN, window

__all__ = ["Filled", "Helpers", "Limits", "fill"]

Helpers = Callable[[tuple[str, str], int], list[tuple[str, str]]]
"""From the parts of prefix and suffix that are shown, and a size in characters, to (path, text)."""

_SAMPLED = 0.8
"""Temperature of the completions after the greedy one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one call.

    Attributes:
        prompt_tokens: about how long the prompt may be; a quarter of it is for other files.
        max_tokens: bound of one completion.
        count: completions; the first is greedy, the others are sampled.
    """

    prompt_tokens: int
    max_tokens: int = 128
    count: int = 1


@dataclass(frozen=True, slots=True)
class Filled:
    """What came of one call.

    Attributes:
        completions: distinct ones that are not empty, the greedy one first.
        tried: every answer, trimmed, in the order of the answers.
        raw: the answers as the model wrote them.
        shown: the parts of prefix and suffix that the model saw.
        files: (path, text) of what else it saw.
        context_seconds: for building the prompt.
        model_seconds: from the request to the last answer's end.
    """

    completions: tuple[Trimmed, ...]
    tried: tuple[Trimmed, ...]
    raw: tuple[Completion, ...]
    shown: tuple[str, str]
    files: tuple[tuple[str, str], ...]
    context_seconds: float
    model_seconds: float


async def fill(
    client: ModelClient, form: FimPrompt, hole: Hole, limits: Limits, helpers: Helpers | None = None
) -> Filled:
    """Complete the text at a hole.

    Args:
        client: the model.
        form: the model's fill-in-the-middle form.
        hole: the place.
        limits: bounds of prompt and answer.
        helpers: finds what other files say; called in a thread.

    Raises:
        ModelError: the server does not answer, or refuses.
    """
    started = time.monotonic()
    room = limits.prompt_tokens * BYTES_PER_TOKEN
    sure = window(hole.prefix, hole.suffix, room - room // 4)
    files = await to_thread.run_sync(helpers, sure, room // 4) if helpers else []
    taken = sum(len(path) + len(text) for path, text in files)
    shown = window(hole.prefix, hole.suffix, room - taken)
    trimmer = Trimmer(hole)
    stop = ("\n", *form.stop) if hole.one_line else form.stop
    request = CompletionRequest((form.prompt(*shown, files, hole.path),), limits.max_tokens, stop=stop)
    asked = time.monotonic()
    raw = await _ask(client, request, limits.count, trimmer.ended)
    tried = await to_thread.run_sync(_trimmed, trimmer, raw)
    ended = time.monotonic()
    return Filled(_distinct(tried), tried, raw, shown, tuple(files), asked - started, ended - asked)


async def _ask(
    client: ModelClient, request: CompletionRequest, count: int, ended: Callable[[str], bool]
) -> tuple[Completion, ...]:
    """Return the greedy answer and `count - 1` sampled ones."""
    requests = [request]
    if count > 1:
        requests.append(replace(request, temperature=_SAMPLED, top_p=0.95, n=count - 1))
    answers = await together(client.complete(each, ended) for each in requests)
    return tuple(completion for [group] in answers for completion in group)


def _distinct(tried: Sequence[Trimmed]) -> tuple[Trimmed, ...]:
    """Return what is not empty, each text once, where it came first."""
    kept: dict[str, Trimmed] = {}
    for trimmed in tried:
        if trimmed.text.strip():
            kept.setdefault(trimmed.text, trimmed)
    return tuple(kept.values())


def _trimmed(trimmer: Trimmer, raw: Sequence[Completion]) -> tuple[Trimmed, ...]:
    return tuple(trimmer.trim(completion.text, completion.finish) for completion in raw)
