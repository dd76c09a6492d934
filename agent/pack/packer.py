"""Ranked files -> one context within a budget.

Layout: the repository map (names and skeletons, by path), then files with their text, the best last, where
a model reads best. What each file shows is a knapsack: of all ways to fill the budget, the one with the
most expected evidence.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from moot.agent.core.ports import Index, TokenCounter
from moot.agent.core.types import ContextPack, PackedFile, PackLevel, RankedFile, Shown
from moot.agent.pack.knapsack import fill
from moot.agent.pack.render import focus_block, name_block, skeleton_block, whole_block
from moot.agent.screen import why_not_content, why_not_path

__all__ = ["ContextPacker", "ReadMany", "files_for"]

_NEEDED = 1.5
"""Files that a task changes, the mean of the commits that the ranking was learned on."""

_READ_AT_ONCE = 64  # files
_ENOUGH = 12  # bytes of text to choose from for each token of the budget, about four times what fits
_CHARACTERS_A_TOKEN = 3.0  # of code, with most tokenizers, before anything is counted
_ROUNDS = 4  # of counting; each one counts what the one before it chose

_TOKENS_A_FILE = 100  # at the budget's edge, where most files are names and skeletons
_LEAST_FILES = 50

ReadMany = Callable[[Iterable[str]], Iterable[tuple[str, bytes]]]


def files_for(budget: int) -> int:
    """Return how many ranked files can be of use for a budget in tokens."""
    return max(_LEAST_FILES, budget // _TOKENS_A_FILE)


class ContextPacker:
    """Implements `Packer`. The same ranking, budget and blobs give the same text."""

    def __init__(self, index: Index, read_many: ReadMany, counter: TokenCounter) -> None:
        """Take what it reads from.

        Args:
            index: definitions of the ranked files.
            read_many: yields (blob id, bytes) of blobs; it may block.
            counter: counts tokens as the served model does.
        """
        self._index = index
        self._read_many = read_many
        self._counter = counter

    async def pack(
        self, ranked: Sequence[RankedFile], budget: int, shown: Mapping[str, Shown] = {}
    ) -> ContextPack:
        """Return a context of at most `budget` tokens; `files` is in the order of the ranking."""
        draft = await asyncio.to_thread(self._draft, ranked, budget, shown)
        for _ in range(_ROUNDS):
            draft.choose(budget)
            if not await self._count(draft.uncounted()):
                break
        else:
            draft.choose(budget, counted=True)
        return await self._finish(draft, budget)

    def _draft(self, ranked: Sequence[RankedFile], budget: int, shown: Mapping[str, Shown]) -> "_Draft":
        """Read the best files, until there is enough to choose from; the rest is known by name."""
        draft = _Draft(shown)
        enough, chances = max(0, budget) * _ENOUGH, _chances([file.score for file in ranked])
        for start in range(0, len(ranked), _READ_AT_ONCE):
            batch = ranked[start : start + _READ_AT_ONCE]
            wanted = [file.blob for file in batch if enough > 0 and draft.why_not(file) is None]
            texts = dict(self._read_many(list(dict.fromkeys(wanted)))) if wanted else {}
            enough -= sum(map(len, texts.values()))
            for file, chance in zip(batch, chances[start:], strict=False):
                draft.add(file, chance, texts.get(file.blob), self._index)
        return draft

    async def _count(self, wanted: "Sequence[tuple[_Item, str]]") -> bool:
        if not wanted:
            return False
        counts = await self._counter.count([item.blocks[form] for item, form in wanted])
        for (item, form), tokens in zip(wanted, counts, strict=True):
            item.tokens[form] = tokens
        return True

    async def _finish(self, draft: "_Draft", budget: int) -> ContextPack:
        """Return the pack; where blocks do not add up, drop the least valuable until the whole text fits."""
        if await self._adds_up():
            return draft.result(
                draft.text(), sum(i.tokens[i.chosen] for i in draft.items if i.chosen), budget
            )
        while True:
            text = draft.text()
            tokens = (await self._counter.count([text]))[0] if text else 0
            if tokens <= budget or not text:
                return draft.result(text, tokens, budget)
            draft.drop(tokens - budget)

    async def _adds_up(self) -> bool:
        """Tell whether the tokens of blocks end where blocks do.

        Tokenizers look at a few characters around a place to say whether a token ends there, and blocks
        begin and end alike: so a few joints tell for all, and a long text need not be counted twice.
        """
        starts = [whole_block("a", "b"), name_block("a")]
        joints = [(end, start) for end in starts for start in starts]
        texts = [text for end, start in joints for text in (end, start, end + start)]
        counts = await self._counter.count(texts)
        return all(a + b == both for a, b, both in zip(counts[::3], counts[1::3], counts[2::3], strict=True))


_NAME, _SKELETON, _WHOLE = "name", "skeleton", "whole"
_OUTLINED = "focus 6 with skeleton"
_FOCUS = {"focus 1": 1, "focus 2": 2, "focus 4": 4, "focus 6": 6, _OUTLINED: 6}
"""Excerpts, and how many of a file's best symbols they show."""

_EVIDENCE = {
    _NAME: 0.01,
    _SKELETON: 0.11,
    "focus 1": 0.43,
    "focus 2": 0.53,
    "focus 4": 0.63,
    "focus 6": 0.66,
    _OUTLINED: 0.68,
    _WHOLE: 1.0,
}
"""What each form shows of what a commit changes in a file: the share of the lines counts four fifths, that of
the names in them one fifth. Measured by tests/bench/retrieval/forms.py on the commits of learn.jsonl."""

_SHOWN_BEFORE = "shown before"
_LEVELS = dict.fromkeys(_FOCUS, PackLevel.FOCUS) | {
    _NAME: PackLevel.NAME,
    _SKELETON: PackLevel.SKELETON,
    _WHOLE: PackLevel.WHOLE,
}


@dataclass(slots=True)
class _Item:
    """One ranked file: its possible blocks, what they cost as far as that was counted, and the chosen one."""

    file: RankedFile
    chance: float
    blocks: dict[str, str]
    known: float  # evidence that was shown before
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    chosen: str | None = None

    def cost(self, form: str, characters: float) -> float:
        """Return tokens; where they were not counted, guessed from the characters that one has."""
        return self.tokens[form] if form in self.tokens else len(self.blocks[form]) / characters

    def value(self, form: str) -> float:
        """Return the expected evidence beyond what is known."""
        return self.chance * (_EVIDENCE[form] - self.known)

    def account(self, form: str) -> PackedFile:
        """Return what is told of a file that is shown in a form."""
        symbols = self.file.symbols[: _FOCUS.get(form, 0)]
        return PackedFile(self.file.path, _LEVELS[form], self.tokens[form], self.file.reasons, symbols)


@dataclass(slots=True)
class _Draft:
    """The files of a context, in rank order, and those left out."""

    shown: Mapping[str, Shown]
    items: list[_Item] = field(default_factory=list[_Item])
    left_out: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    seen: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.seen |= {s.blob: path for path, s in self.shown.items() if s.level is PackLevel.WHOLE}

    def why_not(self, file: RankedFile) -> str | None:
        """Return why a file is left out, as far as that is known without its bytes."""
        known = self.shown.get(file.path)
        if known is not None and known.level is PackLevel.WHOLE:
            return _SHOWN_BEFORE
        return why_not_path(file.path) or file.unreadable or None

    def add(self, file: RankedFile, chance: float, data: bytes | None, index: Index) -> None:
        """Add a file, or the reason why it is left out; without its bytes it can only be named."""
        reason = self.why_not(file) or (why_not_content(data) if data is not None else None)
        if reason is None and data and file.blob in self.seen:
            reason = f"same content as {self.seen[file.blob]}"
        if reason is not None:
            self.left_out.append((file.path, reason))
            return
        self.seen[file.blob] = file.path
        known = _known(file, self.shown.get(file.path))
        blocks = {_NAME: name_block(file.path)}
        if data is not None:
            blocks |= _blocks(file, data, index)
        blocks = {form: block for form, block in blocks.items() if _EVIDENCE[form] > known}
        if blocks:
            self.items.append(_Item(file, chance, blocks, known))
        else:
            self.left_out.append((file.path, _SHOWN_BEFORE))

    def choose(self, budget: int, *, counted: bool = False) -> None:
        """Choose a form for each file; `counted` leaves those out that would have to be guessed."""
        characters = self._characters_a_token()
        forms = [[f for f in item.blocks if f in item.tokens or not counted] for item in self.items]
        choices = [
            [(item.cost(form, characters), item.value(form)) for form in each]
            for item, each in zip(self.items, forms, strict=True)
        ]
        for item, each, place in zip(self.items, forms, fill(choices, budget), strict=True):
            item.chosen = each[place] if place is not None else None

    def _characters_a_token(self) -> float:
        counted = [(len(i.blocks[form]), tokens) for i in self.items for form, tokens in i.tokens.items()]
        tokens = sum(tokens for _, tokens in counted)
        return sum(size for size, _ in counted) / tokens if tokens else _CHARACTERS_A_TOKEN

    def uncounted(self) -> list[tuple[_Item, str]]:
        """Return the chosen forms whose tokens are guesses."""
        return [(i, i.chosen) for i in self.items if i.chosen is not None and i.chosen not in i.tokens]

    def text(self) -> str:
        """Return the map by path, then the texts with the best last."""
        maps = sorted(
            (item for item in self.items if item.chosen in (_SKELETON, _NAME)),
            key=lambda item: (item.chosen != _NAME, item.file.path),
        )
        texts = [item for item in reversed(self.items) if item.chosen in (_WHOLE, *_FOCUS)]
        return "".join(item.blocks[item.chosen] for item in (*maps, *texts) if item.chosen)

    def drop(self, excess: int) -> None:
        """Leave out what says least for its tokens, worth `excess` tokens."""
        shown = [(i.value(i.chosen) / max(1, i.tokens[i.chosen]), i) for i in self.items if i.chosen]
        for _, item in sorted(shown, key=lambda pair: pair[0]):
            if excess <= 0:
                return
            excess -= max(1, item.tokens[item.chosen or _NAME])
            item.chosen = None

    def result(self, text: str, tokens: int, budget: int) -> ContextPack:
        """Return the pack with its account."""
        return ContextPack(
            text=text,
            tokens=tokens,
            budget=budget,
            files=tuple(item.account(item.chosen) for item in self.items if item.chosen),
            left_out=(*self.left_out, *((i.file.path, "no room") for i in self.items if not i.chosen)),
        )


def _chances(scores: Sequence[float]) -> list[float]:
    """Return how likely each file is needed: the search's weights are those of a softmax (weights.py)."""
    best = max(scores, default=0.0)
    shares = [math.exp(score - best) for score in scores]
    total = sum(shares)
    return [1 - (1 - share / total) ** _NEEDED for share in shares]


def _known(file: RankedFile, shown: Shown | None) -> float:
    """Return the evidence of what was shown; excerpts of other symbols are worth the file's name."""
    if shown is None:
        return 0.0
    if shown.level is not PackLevel.FOCUS:
        return _EVIDENCE[shown.level]
    best_of = {form: set(file.symbols[:best]) for form, best in _FOCUS.items()}
    seen = [form for form, best in best_of.items() if best and best <= set(shown.symbols)]
    return max((_EVIDENCE[form] for form in seen), default=_EVIDENCE[_NAME])


def _blocks(file: RankedFile, data: bytes, index: Index) -> dict[str, str]:
    symbols = index.symbols(file.path)
    text = data.decode("utf-8", "replace")
    blocks = {_SKELETON: skeleton_block(file.path, text, symbols), _WHOLE: whole_block(file.path, text)}
    fewer = 0
    for form, best in _FOCUS.items():
        outline = form == _OUTLINED
        if len(file.symbols) > fewer or outline:
            blocks[form] = focus_block(file.path, data, symbols, file.symbols[:best], outline=outline)
        fewer = best
    return {form: block for form, block in blocks.items() if block is not None}
