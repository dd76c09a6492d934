"""What is asked of a fusion, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from moot.agent.core.choices import FusionMode
from moot.agent.core.messages import ChatMessage
from moot.agent.fusion.asking import Topic
from moot.agent.fusion.comparison import Comparison
from moot.agent.fusion.debate import Debate
from moot.agent.fusion.judge import Criteria, PairRuling
from moot.agent.fusion.ledger import Account, Caps
from moot.agent.fusion.member import Answer, Member
from moot.agent.fusion.pool import Report
from moot.agent.fusion.race import Patience

__all__ = ["VIRTUAL_MODELS", "FusionOutcome", "FusionRequest"]


VIRTUAL_MODELS: Mapping[str, FusionMode] = MappingProxyType(
    {
        "moot/fusion": FusionMode.MERGE,
        "moot/best-of": FusionMode.BEST_OF,
        "moot/merge": FusionMode.MERGE,
        "moot/debate": FusionMode.DEBATE,
    }
)
"""Names under which a server offers the modes; `moot/fusion` is what OpenRouter's Fusion does."""


@dataclass(frozen=True, slots=True)
class FusionRequest:
    """One prompt for a pool.

    Attributes:
        messages: the conversation; every member gets it byte for byte.
        members: the incumbent first.
        judge: who judges; None means the incumbent's model.
        criteria: what the judge goes by.
        caps: limits of the whole fusion.
        answer_tokens: bound of one answer.
        patience: how long stragglers are waited for.
    """

    messages: tuple[ChatMessage, ...]
    members: tuple[Member, ...]
    judge: Member | None = None
    mode: FusionMode = FusionMode.BEST_OF
    criteria: Criteria = field(default_factory=Criteria)
    caps: Caps = field(default_factory=Caps)
    answer_tokens: int = 2048
    patience: Patience = field(default_factory=Patience)

    @property
    def judging(self) -> Member:
        """Who judges."""
        return self.judge or self.members[0]

    @property
    def topic(self) -> Topic:
        """The conversation as participants and the judge read it."""
        if len(self.messages) == 1:
            return Topic(self.messages[0].content, self.messages)
        text = "\n\n".join(f"{message.role}: {message.content}" for message in self.messages)
        return Topic(text, self.messages)


@dataclass(frozen=True, slots=True)
class FusionOutcome:
    """What came of it.

    Attributes:
        answer: the chosen one.
        reason: why it was chosen.
        reports: what became of each member.
        comparison: of `merge`.
        rulings: the judge's, in both orders; empty when nobody had to judge.
        debate: of `debate`.
        account: what it took.
        limit: `tokens`, `cost` or `time` where that ended it early; else empty.
        notes: whatever went wrong on the way, in sentences.
    """

    answer: Answer
    reason: str
    mode: FusionMode
    judge: str
    reports: tuple[Report, ...]
    comparison: Comparison | None
    rulings: tuple[PairRuling, ...]
    debate: Debate
    account: Account
    limit: str = ""
    notes: tuple[str, ...] = ()
