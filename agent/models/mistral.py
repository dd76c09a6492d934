"""Codestral's fill-in-the-middle prompts for servers whose tokenizer reads no control token out of a text.

With `--tokenizer-mode mistral` vLLM encodes a text as mistral-common does: `[SUFFIX]` in it is five plain
tokens, and a model that is asked so sees no hole. There the prompt is sent as token ids.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moot.agent.core.errors import ModelAnswerError
from moot.agent.core.together import together
from moot.agent.models.fim import PREFIX, SUFFIX
from moot.agent.models.tokens import CONCURRENT
from moot.agent.models.transport import Transport
from moot.agent.models.wire import Detokenized, Tokenized, read

__all__ = ["FimPrompts"]

_CONTROL_IDS = 1024
"""Control tokens have the first ids: 771 of them in Mistral's SentencePiece files, 1,000 in Tekken's."""
_ANCHOR = "☺"
_ANCHOR_TOKENS = 2
"""mistral-common encodes a suffix behind this text, whose tokens it takes off again
(`InstructTokenizerV2._encode_infilling`), as SentencePiece begins each text with a blank."""


@dataclass(frozen=True, slots=True)
class _Controls:
    """Ids of the control tokens; `begin` is what every prompt begins with."""

    begin: list[int]
    suffix: int
    prefix: int


class FimPrompts:
    """Writes prompts for one vLLM: as they are, or as ids where its tokenizer needs these."""

    def __init__(self, transport: Transport, model: str) -> None:
        self._transport, self._model = transport, model
        self._found: list[_Controls | None] = []  # one, once it was looked for
        self._looking = asyncio.Lock()
        self._slots = asyncio.Semaphore(CONCURRENT)

    async def written(self, prompts: Sequence[str]) -> list[str] | list[list[int]]:
        """Return prompts as the server has to be sent them; where none is Codestral's they stay text.

        Raises:
            ModelUnreachable: the server does not answer.
            ModelAnswerError: it refuses to encode a text.
        """
        if not any(prompt.startswith(SUFFIX) for prompt in prompts):
            return list(prompts)
        async with self._looking:
            if not self._found:
                self._found.append(await self._look())
        [controls] = self._found
        if controls is None:
            return list(prompts)
        return await together(self._ids(prompt, controls) for prompt in prompts)

    async def _look(self) -> _Controls | None:
        """Return the ids; None where a text will do, or where the server does not tell them."""
        try:
            plain = await self._encode(SUFFIX)
            if len(plain) == 1:
                return None
            begin = (await self._encode(SUFFIX, special=True))[: -len(plain)]
            suffix, prefix = await self._id_of(SUFFIX), await self._id_of(PREFIX)
        except ModelAnswerError:
            return None
        return None if suffix is None or prefix is None else _Controls(begin, suffix, prefix)

    async def _ids(self, prompt: str, controls: _Controls) -> list[int]:
        """Return a prompt as mistral-common has it (`InstructTokenizerV2.encode_fim`)."""
        if not prompt.startswith(SUFFIX):
            return [*controls.begin, *await self._encode(prompt)]
        suffix, _, prefix = prompt.removeprefix(SUFFIX).partition(PREFIX)
        after = (await self._encode(_ANCHOR + suffix))[_ANCHOR_TOKENS:] if suffix else []
        return [*controls.begin, controls.suffix, *after, controls.prefix, *await self._encode(prefix)]

    async def _id_of(self, control: str) -> int | None:
        """Return the id of a control token by halving: the server tells the text of ids, not the reverse."""
        first, end = 0, _CONTROL_IDS
        if control not in await self._decode(range(first, end)):
            return None
        while end - first > 1:
            middle = (first + end) // 2
            if control in await self._decode(range(first, middle)):
                end = middle
            else:
                first = middle
        return first

    async def _encode(self, text: str, special: bool = False) -> list[int]:
        if not text:
            return []
        body = {"model": self._model, "prompt": text, "add_special_tokens": special}
        async with self._slots:
            answer = await self._transport.post(f"{self._transport.root}/tokenize", body)
        return read(Tokenized, answer, self._transport.name).tokens

    async def _decode(self, ids: Iterable[int]) -> str:
        body = {"model": self._model, "tokens": list(ids)}
        answer = await self._transport.post(f"{self._transport.root}/detokenize", body)
        return read(Detokenized, answer, self._transport.name).prompt
