"""Facts about candidates that were established by running something, each with an id. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["BASE", "Evidence", "Fact", "table"]

BASE = "base"
"""The subject of what is known of the files before any edit."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What holds of one candidate, or of the base."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One row of the table of evidence.

    Attributes:
        id: what is cited: `T1` tests, `L1` linters, `O1` an objection, `D1` a call that tells candidates
            apart, `C1` a participant's claim.
        title: what was done.
        note: what is known beside the facts; empty when nothing is.
    """

    id: str
    title: str
    facts: tuple[Fact, ...]
    note: str = ""

    def told(self, names: Mapping[str, str]) -> str:
        """Return it with these candidates under these names, and without the others; empty without any."""
        known = {BASE: "before any edit", **names}
        said = [f"{known[fact.subject]}: {fact.text}" for fact in self.facts if fact.subject in known]
        if not any(fact.subject in names for fact in self.facts):
            return ""
        return "; ".join([f"{self.title}: {said[0]}", *said[1:], *filter(None, [self.note])])


def table(evidence: Sequence[Evidence], names: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of some candidates, by id; rows that say nothing of them are left out."""
    rows = {each.id: each.told(names) for each in evidence}
    return {name: text for name, text in rows.items() if text}
