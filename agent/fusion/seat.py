"""A member with its connection: every call is bounded and entered in the ledger."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace

from moot.agent.core.errors import UsageError
from moot.agent.core.messages import ChatMessage, ChatRequest, Completion, Usage
from moot.agent.core.ports import ModelClient
from moot.agent.fusion.ledger import Entry, Ledger
from moot.agent.fusion.member import Member

__all__ = ["LEAST_ANSWER", "Connect", "Seat", "Table"]

Connect = Callable[[Member], Awaitable[ModelClient]]
"""Reaches a member's server."""

LEAST_ANSWER = 32
"""Tokens below which an answer is not worth asking for."""
_MESSAGE_TOKENS = 8
"""Tokens that a chat template adds to a message, about."""


class Seat:
    """One member at the table."""

    def __init__(self, member: Member, client: ModelClient, ledger: Ledger) -> None:
        self.member, self._client, self._ledger = member, client, ledger
        self._slots = asyncio.Semaphore(member.concurrency)
        self._read: set[tuple[ChatMessage, ...]] = set()

    @property
    def context(self) -> int:
        """Its window in tokens."""
        return min(self.member.context or self._client.info.context, self._client.info.context)

    def has_read(self, messages: tuple[ChatMessage, ...]) -> bool:
        """Tell whether these very messages were answered here: its server may have them cached."""
        return messages in self._read

    async def count(self, texts: list[str]) -> list[int]:
        """Return the number of tokens of each text, as its model counts them."""
        return await self._client.count(texts)

    async def ask(
        self,
        request: ChatRequest,
        purpose: str,
        on_answer: Callable[[Completion], None] | None = None,
        *,
        shorten: bool = False,
    ) -> list[Completion]:
        """Make one call, with shorter answers where the window wants that.

        `on_answer` sees each answer at its end. With `shorten` answers are cut to what the cap on tokens
        leaves, else the call has to fit: half a ruling is none.

        Raises:
            ModelError: the server does not answer, or answers wrongly.
            LimitReached: a cap is hit.
            UsageError: the prompt does not fit into the window.
        """
        prompt = await self._size(request.messages)
        request = replace(request, max_tokens=self._room(request, prompt, shorten))
        try:
            async with asyncio.timeout(self._ledger.seconds_left):
                with self._entered(purpose, request, prompt) as used:
                    async with self._slots:
                        answers = await self._client.chat(request, used=used, on_answer=on_answer)
            self._read.add(request.messages)
            return answers
        except TimeoutError as exc:
            raise self._ledger.out_of_time() from exc

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def _size(self, messages: tuple[ChatMessage, ...]) -> int:
        counts = await self._client.count([message.content for message in messages])
        return sum(counts) + _MESSAGE_TOKENS * len(messages)

    def _room(self, request: ChatRequest, prompt: int, shorten: bool) -> int:
        """Return the tokens that each answer may have."""
        room = self.context - prompt
        if room < min(request.max_tokens, LEAST_ANSWER):
            raise UsageError(
                f"the prompt has about {prompt} tokens and {self.member.name} room for {self.context}: "
                "shorten it, or take a model with a longer window"
            )
        left = self._ledger.tokens_left
        if left is not None and shorten:
            room = min(room, max(LEAST_ANSWER, (left - prompt) // request.n))
        return min(request.max_tokens, room)

    @contextmanager
    def _entered(
        self, purpose: str, request: ChatRequest, prompt: int
    ) -> Generator[Callable[[Usage], None], None, None]:
        """Enter the call in the ledger when it ends, however it ends."""
        reserved = self._ledger.reserve(self.member, prompt, request.max_tokens * request.n)
        used: list[Usage] = []
        started, done = time.monotonic(), False
        try:
            yield used.append
            done = True
        finally:
            total = sum(used, Usage())
            cost = self.member.cost(total.prompt, total.completion)
            seconds = time.monotonic() - started
            entry = Entry(self.member.name, purpose, total, seconds, cost, done)
            self._ledger.settle(reserved, entry)


class Table:
    """The seats of one fusion: a member is connected when it is first needed, and once."""

    def __init__(self, connect: Connect, ledger: Ledger) -> None:
        self._connect, self.ledger = connect, ledger
        self._seats: dict[str, Seat] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._stack = AsyncExitStack()

    async def seat(self, member: Member) -> Seat:
        """Return a member's seat.

        Raises:
            MootError: its server cannot be reached or used.
        """
        async with self._locks.setdefault(member.name, asyncio.Lock()):
            if member.name not in self._seats:
                self._seats[member.name] = await self._open(member)
            return self._seats[member.name]

    def lend(self, member: Member, client: ModelClient) -> Seat:
        """Seat a member with a connection that stays its owner's to close."""
        seat = self._seats[member.name] = Seat(member, client, self.ledger)
        return seat

    async def close(self) -> None:
        """Close every connection that was made here."""
        await self._stack.aclose()

    async def _open(self, member: Member) -> Seat:
        try:
            async with asyncio.timeout(self.ledger.seconds_left):
                client = await self._connect(member)
        except TimeoutError as exc:
            raise self.ledger.out_of_time() from exc
        seat = Seat(member, client, self.ledger)
        self._stack.push_async_callback(seat.close)
        return seat
