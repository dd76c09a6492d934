"""`agent fuse`: settings and flags -> a request to a pool -> one answer."""

from dataclasses import dataclass
from functools import partial

from moot.agent.connection import connect_member
from moot.agent.core.choices import FusionMode
from moot.agent.core.config import Settings
from moot.agent.core.messages import ChatMessage
from moot.agent.fusion.ledger import Caps
from moot.agent.fusion.pool import Tell
from moot.agent.fusion.request import FusionOutcome, FusionRequest
from moot.agent.fusion.spec import read_criteria, read_judge, read_pool
from moot.agent.fusion.text import fuse_text

__all__ = ["Wanted", "fuse", "request_for"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for, in the words of the command line.

    Attributes:
        prompt: the user's.
        pool: see `read_pool`.
        samples: answers of each member that does not say how many.
        mode: `best-of`, `merge` or `debate`.
        answer_tokens: bound of one answer.
        system: a system prompt for the pool.
    """

    prompt: str
    pool: str | None = None
    samples: int | None = None
    mode: str = "best-of"
    answer_tokens: int = 2048
    system: str | None = None


async def fuse(settings: Settings, wanted: Wanted, tell: Tell) -> FusionOutcome:
    """Ask the pool and return what came of it; `tell` is told what happens.

    Raises:
        MootError: see `fuse_text`.
    """
    return await fuse_text(request_for(settings, wanted), partial(connect_member, settings), tell)


def request_for(settings: Settings, wanted: Wanted) -> FusionRequest:
    """Return the request.

    Raises:
        UsageError: the pool or the judge has no meaning.
    """
    pool = read_pool(wanted.pool, settings, wanted.samples)
    return FusionRequest(
        messages=_messages(wanted),
        members=pool,
        judge=read_judge(settings.judge, settings, pool),
        mode=FusionMode(wanted.mode),
        criteria=read_criteria(settings),
        caps=Caps(settings.max_tokens, settings.max_cost, settings.max_time),
        answer_tokens=wanted.answer_tokens,
    )


def _messages(wanted: Wanted) -> tuple[ChatMessage, ...]:
    clean = wanted.prompt.encode("utf-8", "replace").decode()
    user = ChatMessage("user", clean)
    if wanted.system is None:
        return (user,)
    return (ChatMessage("system", wanted.system.encode("utf-8", "replace").decode()), user)
