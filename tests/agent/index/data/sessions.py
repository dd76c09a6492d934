"""Sessions of signed-in users."""

from __future__ import annotations

import secrets
from collections import OrderedDict as Ordered
from dataclasses import dataclass

from . import clock
from .users import User, load_user

MAX_SESSIONS: int = 1000
type Token = str


@dataclass(frozen=True)
class Session:
    """A signed-in user.

    Ends by itself.
    """

    user: User
    expires_at: float = 0.0

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return clock.now() >= self.expires_at


class SessionStore(dict):
    def __init__(
        self,
        limit: int = MAX_SESSIONS,
    ) -> None:
        self._sessions = Ordered()
        self.limit = limit

    async def open_session(self, name: str) -> Token:
        """Sign a user in."""

        def fresh() -> str:
            return secrets.token_hex(16)

        token = fresh()
        self._sessions[token] = Session(load_user(name))
        return token


def sweep(store: SessionStore) -> int:
    return sum(1 for s in store.values() if s.expired)
