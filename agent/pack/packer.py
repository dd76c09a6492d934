"""Ranked files -> one context within a budget.

Layout: the repository map (names and skeletons, by path), then files with their text, the best last, where
a model reads best. Missing evidence hurts more than redundancy, but length hurts too: files are whole only
while their score says that they pay.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from moot.agent.core.ports import Index, TokenCounter
from moot.agent.core.types import ContextPack, PackedFile, PackLevel, RankedFile
from moot.agent.pack.render import focus_block, name_block, skeleton_block, whole_block
from moot.agent.pack.screen import why_not_content, why_not_path

__all__ = ["ContextPacker"]

_PAYS = 0.3  # share of the best score from which a whole file is worth its tokens
_MAP_SHARE = 0.25  # of the budget, kept for skeletons and names
_BATCH = 8  # whole files counted at once
_LEAST_BYTES_A_TOKEN = 32  # no tokenizer makes code denser: a file above this share cannot fit


class ContextPacker:
    """Implements `Packer`. Holds no state: the same ranking, budget and blobs give the same text."""

    def __init__(self, index: Index, read: Callable[[str], bytes], counter: TokenCounter) -> None:
        """Take what it reads from.

        Args:
            index: definitions of the ranked files.
            read: returns a blob's bytes; it may block.
            counter: counts tokens as the served model does.
        """
        self._index = index
        self._read = read
        self._counter = counter

    async def pack(self, ranked: Sequence[RankedFile], budget: int) -> ContextPack:
        """Return a context of at most `budget` tokens; `files` is in the order of the ranking."""
        draft = await asyncio.to_thread(self._draft, ranked)
        await self._count_maps(draft)
        await self._place_texts(draft, budget)
        _place_maps(draft, budget)
        return await self._finish(draft, budget)

    def _draft(self, ranked: Sequence[RankedFile]) -> "_Draft":
        draft = _Draft()
        seen: dict[str, str] = {}
        for file in ranked:
            reason = why_not_path(file.path)
            data = b"" if reason else self._read(file.blob)
            reason = reason or why_not_content(data)
            if reason is None and data and file.blob in seen:
                reason = f"same content as {seen[file.blob]}"
            if reason is not None:
                draft.left_out.append((file.path, reason))
                continue
            seen[file.blob] = file.path
            draft.items.append(self._item(file, data))
        return draft

    def _item(self, file: RankedFile, data: bytes) -> "_Item":
        symbols = self._index.symbols(file.path)
        text = data.decode("utf-8", "replace")
        forms = {
            _WHOLE: whole_block(file.path, text),
            _FOCUS: focus_block(file.path, data, symbols, file.symbols),
            _SKELETON: skeleton_block(file.path, text, symbols),
            _NAME: name_block(file.path),
        }
        return _Item(file, len(data), {form: block for form, block in forms.items() if block is not None})

    async def _count_maps(self, draft: "_Draft") -> None:
        await self._count([(item, form) for item in draft.items for form in (_SKELETON, _NAME)])

    async def _place_texts(self, draft: "_Draft", budget: int) -> None:
        """Choose the files that are shown with their text, in rank order, while they pay and fit."""
        best = max((item.file.score for item in draft.items), default=0.0)
        paying = [item for item in draft.items if item.file.score >= _PAYS * best]
        room = budget - min(int(budget * _MAP_SHARE), sum(item.least() for item in draft.items))
        for start in range(0, len(paying), _BATCH):
            if room <= 0:
                return
            batch = paying[start : start + _BATCH]
            await self._count([(i, f) for i in batch for f in (_WHOLE, _FOCUS) if i.could_fit(f, room)])
            for item in batch:
                item.chosen = next(
                    (f for f in (_WHOLE, _FOCUS) if item.tokens.get(f, room + 1) <= room), None
                )
                room -= item.tokens[item.chosen] if item.chosen else 0

    async def _count(self, wanted: Sequence[tuple["_Item", str]]) -> None:
        wanted = [(item, form) for item, form in wanted if form in item.blocks]
        counts = await self._counter.count([item.blocks[form] for item, form in wanted]) if wanted else []
        for (item, form), tokens in zip(wanted, counts, strict=True):
            item.tokens[form] = tokens

    async def _finish(self, draft: "_Draft", budget: int) -> ContextPack:
        """Count the final text; where blocks did not add up, drop the least important until it fits."""
        while True:
            text = draft.text()
            tokens = (await self._counter.count([text]))[0] if text else 0
            if tokens <= budget or not text:
                return draft.result(text, tokens, budget)
            draft.drop(tokens - budget)


_WHOLE, _FOCUS, _SKELETON, _NAME = "whole", "focus", "skeleton", "name"
_LEVELS = {
    _WHOLE: PackLevel.WHOLE,
    _FOCUS: PackLevel.SKELETON,
    _SKELETON: PackLevel.SKELETON,
    _NAME: PackLevel.NAME,
}


@dataclass(slots=True)
class _Item:
    """One ranked file: its possible blocks, what they cost, and the chosen one."""

    file: RankedFile
    size: int
    blocks: dict[str, str]
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    chosen: str | None = None

    def least(self) -> int:
        """Tokens of the form that it takes in the map."""
        return self.tokens.get(_SKELETON, self.tokens[_NAME])

    def could_fit(self, form: str, room: int) -> bool:
        """Tell whether counting is worth while."""
        return form in self.blocks and len(self.blocks[form]) <= room * _LEAST_BYTES_A_TOKEN


@dataclass(slots=True)
class _Draft:
    """The files of a context, in rank order, and those left out."""

    items: list[_Item] = field(default_factory=list[_Item])
    left_out: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def text(self) -> str:
        """Return the map by path, then the texts with the best last."""
        maps = sorted(
            (item for item in self.items if item.chosen in (_SKELETON, _NAME)),
            key=lambda item: (item.chosen != _NAME, item.file.path),
        )
        texts = [item for item in reversed(self.items) if item.chosen in (_WHOLE, _FOCUS)]
        return "".join(item.blocks[item.chosen] for item in (*maps, *texts) if item.chosen)

    def drop(self, excess: int) -> None:
        """Leave out entries of the map, then texts, the worst ranked first, worth `excess` tokens."""
        order = sorted(
            (item for item in reversed(self.items) if item.chosen),
            key=lambda item: (_NAME, _SKELETON, _FOCUS, _WHOLE).index(item.chosen or _NAME) // 2,
        )
        for item in order:
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
            files=tuple(
                PackedFile(i.file.path, _LEVELS[i.chosen], i.tokens[i.chosen], i.file.reasons)
                for i in self.items
                if i.chosen
            ),
            left_out=(*self.left_out, *((i.file.path, "no room") for i in self.items if not i.chosen)),
        )


def _place_maps(draft: _Draft, budget: int) -> None:
    """Give the rest a skeleton, or a name where that does not fit, in rank order."""
    room = budget - sum(item.tokens[item.chosen] for item in draft.items if item.chosen)
    for item in draft.items:
        if item.chosen is None:
            item.chosen = next((f for f in (_SKELETON, _NAME) if item.tokens.get(f, room + 1) <= room), None)
            room -= item.tokens[item.chosen] if item.chosen else 0
