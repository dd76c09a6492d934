"""Who takes part in an argument over patches. Data alone; `seat` connects them."""

from dataclasses import dataclass, field

from moot.agent.fusion.judge import Criteria
from moot.agent.fusion.member import Member
from moot.agent.fusion.race import Patience
from moot.agent.fusion.seat import Connect

__all__ = ["Council"]


@dataclass(frozen=True, slots=True)
class Council:
    """The participants.

    Attributes:
        own: the run's model, whose first answer is the incumbent; `samples` are further ones.
        others: members that write a patch each beside it.
        judge: who judges.
        connect: reaches the server of a member that is not the run's own.
        criteria: what the judge goes by.
        patience: how long stragglers are waited for.
    """

    own: Member
    others: tuple[Member, ...]
    judge: Member
    connect: Connect
    criteria: Criteria = field(default_factory=Criteria)
    patience: Patience = field(default_factory=Patience)

    @property
    def members(self) -> tuple[Member, ...]:
        """Everyone who writes, the run's own model first."""
        return (self.own, *self.others)
