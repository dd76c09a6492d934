"""Counts tokens: the server's own tokenizer, a local one, or a labelled estimate."""

import asyncio
import hashlib
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from moot.agent.core.errors import UsageError
from moot.agent.core.together import together
from moot.agent.models.transport import Transport
from moot.agent.models.wire import Counted, read

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["EstimatedTokens", "LocalTokens", "ServerTokens", "estimate"]

CONCURRENT = 16
"""Questions to the server at a time."""
ASCII_PER_TOKEN = 2.5
"""Characters; code has 3 to 4 a token with the tokenizers of current models, dense punctuation less."""


class ServerTokens:
    """Asks the server that serves the model, once for each text."""

    source = "server"

    def __init__(self, transport: Transport, model: str) -> None:
        self._transport, self._model = transport, model
        self._known: dict[bytes, int] = {}
        self._slots = asyncio.Semaphore(CONCURRENT)

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens."""
        keys = [hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:16] for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        counts = await together(self._ask(text) for text in new.values())
        self._known.update(zip(new, counts, strict=True))
        return [self._known[key] for key in keys]

    async def _ask(self, text: str) -> int:
        if not text:
            return 0
        url = f"{self._transport.root}/tokenize"
        clean = text.encode(errors="replace").decode()
        async with self._slots:
            content = await self._transport.post(
                url, {"model": self._model, "prompt": clean, "add_special_tokens": False}
            )
        return read(Counted, content, self._transport.name).count


class LocalTokens:
    """Counts with a `tokenizer.json` on this machine."""

    source = "tokenizer.json"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens.

        Raises:
            UsageError: the tokenizer's file cannot be read.
        """
        return await asyncio.to_thread(
            self._count, [text.encode(errors="replace").decode() for text in texts]
        )

    def _count(self, texts: list[str]) -> list[int]:
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        try:
            return Tokenizer.from_str(self._path.read_text(encoding="utf-8"))
        except Exception as exc:
            raise UsageError(f"cannot read the tokenizer in {self._path}: {exc}") from exc


class EstimatedTokens:
    """Guesses, on the high side; nothing here knows the model's tokenizer."""

    source = "estimate"

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return an upper guess at the number of tokens of each text."""
        return [estimate(text) for text in texts]


def estimate(text: str) -> int:
    """Return an upper guess at the number of tokens: few ASCII characters each, or two bytes of others."""
    size = len(text.encode(errors="replace"))
    plain = sum(map(str.isascii, text))
    return math.ceil(plain / ASCII_PER_TOKEN + (size - plain) / 2)
