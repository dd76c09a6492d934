"""Candidates by fill-in-the-middle, in rounds and small batches, so that tests can start early."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from anyio import to_thread

from moot.agent.core.commands import TestCase
from moot.agent.core.messages import Completion, CompletionRequest
from moot.agent.core.ports import FimPrompt, ModelClient
from moot.agent.repair.infill import Infill, infills, normalised
from moot.agent.repair.localise import Localisation
from moot.agent.repair.masks import Mask, MaskKind, masks
from moot.agent.repair.prompt import Brief, brief, context
from moot.agent.repair.source import Source

__all__ = ["FIM_BATCHES", "ROUNDS", "Batch", "Fault", "Limits", "Round", "fim_batch"]

_SIMPLE = frozenset({MaskKind.CONDITION, MaskKind.RETURN, MaskKind.STATEMENT, MaskKind.LINE})


@dataclass(frozen=True, slots=True)
class Round:
    """How one round samples: so many of the best masks not yet tried, of some kinds."""

    masks: int
    samples: int
    temperature: float
    kinds: frozenset[MaskKind] = frozenset(MaskKind)


ROUNDS = (
    Round(masks=12, samples=5, temperature=0.8, kinds=_SIMPLE),
    Round(masks=16, samples=4, temperature=0.8),
    Round(masks=24, samples=4, temperature=1.0),
)

_PROMPTS = 6

FIM_BATCHES = sum(-(-step.masks // _PROMPTS) for step in ROUNDS)
"""How many batches a whole search has."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one batch; the caller bounds the candidates, tokens and time of all of them.

    Attributes:
        prompt_tokens: about how long a prompt may be, without the task's words.
        line_tokens: bound of an infill of one line; `block_tokens` of several lines.
        prompts: masks in one batch.
    """

    prompt_tokens: int = 500
    line_tokens: int = 48
    block_tokens: int = 80
    prompts: int = _PROMPTS
    rounds: tuple[Round, ...] = ROUNDS


@dataclass(frozen=True, slots=True)
class Batch:
    """Distinct new candidates, best first, and what they took."""

    round: int
    infills: tuple[Infill, ...]
    prompts: int
    completions: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Work:
    """The masks of one batch and how to sample them."""

    number: int
    step: Round
    masks: tuple[Mask, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to be repaired.

    Attributes:
        task: the user's words.
        localisation: suspicious lines.
        sources: path -> (blob id, bytes) of the suspected files; others are left out.
        failing: the failing tests, whose assertion the model is shown.
    """

    task: str
    localisation: Localisation
    sources: Mapping[str, tuple[str, bytes]]
    failing: Sequence[TestCase]


@dataclass(frozen=True, slots=True)
class _Search:
    """The inputs of a search, and its batches in order: the same inputs give the same masks."""

    client: ModelClient
    fim: FimPrompt
    said: Brief
    sources: Mapping[str, Source]
    limits: Limits
    queue: tuple[_Work, ...]


async def fim_batch(
    client: ModelClient, fim: FimPrompt, fault: Fault, number: int, limits: Limits | None = None
) -> Batch | None:
    """Return one batch by its number (from 0); None beyond the last.

    The same arguments mean the same masks, so that a run that was killed goes on where it was.
    """
    search = await to_thread.run_sync(_plan, client, fim, fault, limits or Limits())
    return await _generate(search, search.queue[number]) if number < len(search.queue) else None


def _plan(client: ModelClient, fim: FimPrompt, fault: Fault, limits: Limits) -> _Search:
    """Parse the files and deal the masks out to rounds, and each round's to batches."""
    parsed = {path: Source.parse(path, data) for path, (_, data) in fault.sources.items()}
    left = masks(fault.localisation.suspects, parsed)
    queue: list[_Work] = []
    for number, step in enumerate(limits.rounds):
        chosen = [mask for mask in left if mask.kind in step.kinds][: step.masks]
        taken = frozenset(chosen)
        left = [mask for mask in left if mask not in taken]
        parts = range(0, len(chosen), limits.prompts)
        queue += [_Work(number, step, tuple(chosen[at : at + limits.prompts])) for at in parts]
    return _Search(client, fim, brief(fault.task, fault.failing), parsed, limits, tuple(queue))


async def _generate(search: _Search, work: _Work) -> Batch:
    """Ask for one batch: one-line masks and longer ones apart, as they stop differently."""
    started = time.monotonic()
    one_line = [mask for mask in work.masks if not _may_break(mask, search.sources[mask.path])]
    longer = [mask for mask in work.masks if mask not in one_line]
    answers = await asyncio.gather(
        _ask(search, work.step, one_line, ("\n",), search.limits.line_tokens),
        _ask(search, work.step, longer, (), search.limits.block_tokens),
    )
    pairs = [pair for answer in answers for pair in answer]
    completions = [completion for _, group in pairs for completion in group]
    found = await to_thread.run_sync(_distinct, search, pairs)
    tokens = sum(completion.tokens for completion in completions)
    seconds = time.monotonic() - started
    return Batch(work.number, found, len(work.masks), len(completions), tokens, seconds)


async def _ask(
    search: _Search, step: Round, chosen: Sequence[Mask], stop: tuple[str, ...], max_tokens: int
) -> list[tuple[Mask, list[Completion]]]:
    """Return one greedy answer and the round's samples for each mask."""
    if not chosen:
        return []
    budget = search.limits.prompt_tokens
    texts = [context(mask, search.sources[mask.path], search.said, budget) for mask in chosen]
    prompts = tuple(search.fim.prompt(prefix, suffix) for prefix, suffix in texts)
    greedy = CompletionRequest(prompts, max_tokens, stop=(*stop, *search.fim.stop))
    sampled = replace(greedy, temperature=step.temperature, top_p=0.95, n=step.samples)
    first = await search.client.complete(greedy)  # alone, so that the samples find its prompts cached
    rest = await search.client.complete(sampled)
    return [(mask, [*one, *many]) for mask, one, many in zip(chosen, first, rest, strict=True)]


def _may_break(mask: Mask, source: Source) -> bool:
    """Tell whether an infill may have several lines: statements to insert, or a span that has them now."""
    return (
        mask.kind in (MaskKind.INSERTION, MaskKind.BLOCK)
        or b"\n" in source.data[mask.start_byte : mask.end_byte]
    )


def _distinct(search: _Search, pairs: Sequence[tuple[Mask, list[Completion]]]) -> tuple[Infill, ...]:
    """Return the edits of a batch, best first, each once even where two masks lead to it."""
    best: dict[tuple[str, bytes], Infill] = {}
    for mask, completions in pairs:
        source = search.sources[mask.path]
        for infill in infills(mask, source, completions):
            key = _key(infill, source)
            if key not in best or best[key].rank < infill.rank:
                best[key] = infill
    return tuple(sorted(best.values(), key=lambda infill: -infill.rank))


def _key(infill: Infill, source: Source) -> tuple[str, bytes]:
    return infill.path, normalised(Source.parse(infill.path, infill.apply(source.data)))
