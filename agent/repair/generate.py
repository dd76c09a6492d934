"""Candidates by fill-in-the-middle, in rounds and small batches, so that tests can start early."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby, pairwise

from anyio import to_thread

from moot.agent.core.commands import TestCase
from moot.agent.core.messages import Completion, CompletionRequest, Usage
from moot.agent.core.ports import FimPrompt, ModelClient
from moot.agent.core.together import together
from moot.agent.repair.branches import ALTERNATIVES, completing, likeliest
from moot.agent.repair.infill import Infill, distinct, infills
from moot.agent.repair.kinds import Mask, MaskKind
from moot.agent.repair.localise import Localisation
from moot.agent.repair.masks import masks
from moot.agent.repair.operators import operator_infills
from moot.agent.repair.prompt import Brief, Signatures, brief, context, scope
from moot.agent.repair.source import Source

__all__ = [
    "FIM_BATCHES",
    "ROUNDS",
    "VIEWS",
    "Batch",
    "Fault",
    "Limits",
    "Round",
    "View",
    "Work",
    "dealt",
    "fim_batch",
]

_SIMPLE = frozenset(
    {
        *(MaskKind.CONDITION, MaskKind.RETURN, MaskKind.STATEMENT, MaskKind.LINE),
        *(MaskKind.EXPRESSION, MaskKind.ARGUMENT, MaskKind.INSERTION, MaskKind.HEADER),
    }
)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round tries: so many of the best masks not yet tried, of some kinds.

    Attributes:
        temperature: of answers that are sampled.
        operators: how many of the best operators are exchanged, for which no model is asked.
    """

    masks: int
    temperature: float
    kinds: frozenset[MaskKind] = frozenset(MaskKind)
    operators: int = 0


ROUNDS = (
    Round(masks=12, temperature=0.8, kinds=_SIMPLE, operators=4),
    Round(masks=16, temperature=0.8, operators=6),
    Round(masks=24, temperature=1.0, operators=8),
)


@dataclass(frozen=True, slots=True)
class View:
    """How a mask is shown and asked for.

    Attributes:
        tokens: about how much of the function a prompt shows.
        answers: beside the greedy one.
    """

    tokens: int
    answers: int


VIEWS = (View(200, answers=11), View(500, answers=5))
"""How the masks of a round are shown, one view after the other: prompts that are read fast go first, and
what they lead to is asked for twice as often (docs/repair.md has the figures)."""

_PROMPTS = 6
_REQUESTS = 2
"""How often a prompt is sent: for the greedy answer, and for the samples."""
_INSERTIONS = frozenset({MaskKind.INSERTION, MaskKind.BRANCH})
_SEVERAL_LINES = frozenset({MaskKind.INSERTION, MaskKind.BLOCK, MaskKind.BRANCH, MaskKind.HEADER})

FIM_BATCHES = len(VIEWS) * sum(-(-step.masks // _PROMPTS) for step in ROUNDS)
"""How many batches a whole search has at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one batch; the caller bounds the candidates, tokens and time of all of them.

    Attributes:
        line_tokens: bound of an infill of one line; `block_tokens` of several lines, `body_tokens` of a
            whole function.
        prompts: masks in one batch.
        tokens: that the batch may use at most, read and written; masks that are too many are left out.
    """

    line_tokens: int = 48
    block_tokens: int = 80
    body_tokens: int = 256
    prompts: int = _PROMPTS
    rounds: tuple[Round, ...] = ROUNDS
    views: tuple[View, ...] = VIEWS
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Distinct new candidates, best first, and what they took.

    Attributes:
        prompts: masks that the model filled; `operators` were exchanged without it.
        left_out: masks for which the tokens did not suffice.
    """

    round: int
    infills: tuple[Infill, ...]
    prompts: int
    completions: int
    usage: Usage
    operators: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """The masks of one batch and how to ask for them."""

    number: int
    step: Round
    view: View
    masks: tuple[Mask, ...]
    operators: tuple[Mask, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to be repaired.

    Attributes:
        task: the user's words.
        localisation: suspicious lines.
        sources: path -> (blob id, bytes) of the suspected files; others are left out.
        failing: the failing tests, whose assertion the model is shown.
        signatures: finds those of what a function calls; None shows none.
        test: path and code of the first failing test; None where it is not known.
    """

    task: str
    localisation: Localisation
    sources: Mapping[str, tuple[str, bytes]]
    failing: Sequence[TestCase]
    signatures: Signatures | None = None
    test: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Search:
    """The inputs of a search, and its batches in order: the same inputs give the same masks."""

    client: ModelClient
    fim: FimPrompt
    said: Brief
    sources: Mapping[str, Source]
    limits: Limits
    queue: tuple[Work, ...]
    signatures: Signatures | None


async def fim_batch(
    client: ModelClient, fim: FimPrompt, fault: Fault, number: int, limits: Limits | None = None
) -> Batch | None:
    """Return one batch by its number (from 0); None beyond the last.

    The same arguments mean the same masks, so that a run that was killed goes on where it was.
    """
    search = await to_thread.run_sync(_plan, client, fim, fault, limits or Limits())
    return await _generate(search, search.queue[number]) if number < len(search.queue) else None


def _plan(client: ModelClient, fim: FimPrompt, fault: Fault, limits: Limits) -> _Search:
    """Parse the files and deal the masks out to batches."""
    parsed = {path: Source.parse(path, data) for path, (_, data) in fault.sources.items()}
    queue = _widened(dealt(masks(fault.localisation.suspects, parsed), limits), parsed, limits)
    said = brief(fault.task, fault.failing, fault.test)
    return _Search(client, fim, said, parsed, limits, tuple(queue), fault.signatures)


def _widened(queue: Iterator[Work], sources: Mapping[str, Source], limits: Limits) -> Iterator[Work]:
    """Yield each round's batches, then its masks in the wider views, where these show more."""
    for number, group in groupby(queue, key=lambda work: work.number):
        works = list(group)
        yield from works
        chosen = [mask for work in works for mask in work.masks]
        for before, view in pairwise(limits.views):
            chosen = [mask for mask in chosen if _shows_more(mask, sources[mask.path], before, view)]
            for at in range(0, len(chosen), limits.prompts):
                yield Work(number, works[0].step, view, tuple(chosen[at : at + limits.prompts]))


def _shows_more(mask: Mask, source: Source, before: View, view: View) -> bool:
    return context(mask, source, view.tokens) != context(mask, source, before.tokens)


def dealt(found: Sequence[Mask], limits: Limits) -> Iterator[Work]:
    """Yield batches of masks, which come best first, round by round; operators are dealt apart."""
    left = [mask for mask in found if mask.kind is not MaskKind.OPERATOR]
    operators = [mask for mask in found if mask.kind is MaskKind.OPERATOR]
    for number, step in enumerate(limits.rounds):
        chosen = _mixed([mask for mask in left if mask.kind in step.kinds])[: step.masks]
        taken = frozenset(chosen)
        left = [mask for mask in left if mask not in taken]
        for at in range(0, len(chosen), limits.prompts):
            exchanged, operators = (
                (operators[: step.operators], operators[step.operators :]) if not at else ([], operators)
            )
            some = tuple(chosen[at : at + limits.prompts])
            yield Work(number, step, limits.views[0], some, tuple(exchanged))


def _mixed(found: Sequence[Mask]) -> list[Mask]:
    """Return masks in their order, but with every third one an insertion while there are any."""
    holes = deque(mask for mask in found if mask.kind in _INSERTIONS)
    others = deque(mask for mask in found if mask.kind not in _INSERTIONS)
    mixed: list[Mask] = []
    while holes or others:
        third = len(mixed) % 3 == 2
        mixed.append((holes if holes and (third or not others) else others).popleft())
    return mixed


async def _generate(search: _Search, work: Work) -> Batch:
    """Ask for one batch: masks of one line, of several and of whole functions apart: they end differently."""
    prompts = await to_thread.run_sync(_prompts, search, work)
    groups = await _affordable(search, work.view, prompts)
    used: list[Usage] = []
    answers = await together(
        _ask(search, work, group, max_tokens, used.append) for max_tokens, group in groups.items()
    )
    pairs = [pair for answer in answers for pair in answer]
    completions = [completion for _, group in pairs for completion in group]
    found = await to_thread.run_sync(_edits, search, pairs, work.operators)
    return Batch(
        work.number,
        found,
        prompts=len(pairs),
        completions=len(completions),
        usage=sum(used, Usage()),
        operators=len(work.operators),
        left_out=len(work.masks) - len(pairs),
    )


def _prompts(search: _Search, work: Work) -> dict[Mask, str]:
    """Return each mask's prompt; the signatures that go with a function are looked up once."""
    known: dict[tuple[str, int], list[tuple[str, str]]] = {}
    prompts: dict[Mask, str] = {}
    for mask in work.masks:
        source = search.sources[mask.path]
        lo, hi = scope(mask, source)
        if (mask.path, lo) not in known and search.signatures is not None:
            parts = (source.data[:lo], source.data[lo:hi], source.data[hi:])
            texts = [part.decode("utf-8", "replace") for part in parts]
            known[mask.path, lo] = search.signatures(mask.path, texts[0], texts[1], texts[2])
        prefix, suffix = context(mask, source, work.view.tokens, search.said.subject)
        files = (*search.said.files, *known.get((mask.path, lo), ()))
        prompts[mask] = search.fim.prompt(prefix, suffix, files, mask.path)
    return prompts


async def _affordable(
    search: _Search, view: View, prompts: Mapping[Mask, str]
) -> dict[int, list[tuple[Mask, str]]]:
    """Return masks by the bound of their infills, the best first as long as the tokens suffice."""
    left = search.limits.tokens
    sizes = await search.client.count(list(prompts.values())) if left is not None else [0] * len(prompts)
    groups: dict[int, list[tuple[Mask, str]]] = {}
    for (mask, prompt), size in zip(prompts.items(), sizes, strict=True):
        bound = _bound(mask, search)
        if left is not None:
            left -= _REQUESTS * size + (1 + view.answers) * bound
            if left < 0:
                break
        groups.setdefault(bound, []).append((mask, prompt))
    return groups


def _bound(mask: Mask, search: _Search) -> int:
    """Return the tokens that an infill may have."""
    if mask.kind is MaskKind.BODY:
        return search.limits.body_tokens
    spanned = search.sources[mask.path].data[mask.start_byte : mask.end_byte]
    several = mask.kind in _SEVERAL_LINES or b"\n" in spanned
    return search.limits.block_tokens if several else search.limits.line_tokens


async def _ask(
    search: _Search,
    work: Work,
    chosen: Sequence[tuple[Mask, str]],
    max_tokens: int,
    used: Callable[[Usage], None],
) -> list[tuple[Mask, list[Completion]]]:
    """Return one greedy answer and others for each mask: the likeliest beside it, else samples.

    Within a limit of tokens they are sampled: each of the likeliest is a request with the prompt in it.
    """
    ends = {search.limits.line_tokens: ("\n",), search.limits.block_tokens: ("\n\n",)}
    prompts = tuple(prompt for _, prompt in chosen)
    greedy = CompletionRequest(prompts, max_tokens, stop=(*ends.get(max_tokens, ()), *search.fim.stop))
    sampled = replace(greedy, temperature=work.step.temperature, top_p=0.95, n=work.view.answers)
    ask = partial(search.client.complete, used=used)
    if search.limits.tokens is not None:
        first, rest = await together((ask(greedy), ask(sampled)))
    else:
        first = await ask(replace(greedy, top_logprobs=ALTERNATIVES))
        if any(answer.choices for [answer] in first):
            ending = (*greedy.stop, *search.fim.controls)
            own = [answer for [answer] in first]
            rest = await likeliest(completing(ask, greedy), own, ending, work.view.answers)
        else:
            rest = await ask(sampled)
    return [(mask, [*one, *many]) for (mask, _), one, many in zip(chosen, first, rest, strict=True)]


def _edits(
    search: _Search, pairs: Sequence[tuple[Mask, list[Completion]]], operators: Sequence[Mask]
) -> tuple[Infill, ...]:
    """Return the edits of a batch, best first."""
    filled = [infills(mask, search.sources[mask.path], completions) for mask, completions in pairs]
    exchanged = [operator_infills(mask, search.sources[mask.path]) for mask in operators]
    return distinct(chain(*filled, *exchanged))
