"""Who takes part in a fusion, and what each of them answered."""

from dataclasses import dataclass

__all__ = ["CUT", "Answer", "Member"]

CUT = ("length", "repetition")
"""How an answer finishes that has no proper end."""


@dataclass(frozen=True, slots=True)
class Member:
    """One model of a pool.

    Attributes:
        name: what reports call it.
        model: its name on the server; None means the only one that is served.
        base_url: its server; None means that of the settings, else the local one.
        key_env: environment variable with its key; None sends none to a foreign server.
        weight: odds, against the other members', that its answer is the better one.
        price_in: US dollars per million tokens read.
        price_out: US dollars per million tokens written.
        concurrency: requests at a time.
        context: its window in tokens; None means what the server says.
        temperature: of its answers; None means 0.2 for one sample and 0.7 for several.
        samples: answers, asked for in one request.
    """

    name: str
    model: str | None = None
    base_url: str | None = None
    key_env: str | None = None
    weight: float = 1.0
    price_in: float = 0.0
    price_out: float = 0.0
    concurrency: int = 4
    context: int | None = None
    temperature: float | None = None
    samples: int = 1

    @property
    def heat(self) -> float:
        """Temperature of its answers: several from a cold model would all be the same."""
        return self.temperature if self.temperature is not None else (0.2 if self.samples == 1 else 0.7)

    def cost(self, read: int, written: int) -> float:
        """Return US dollars for tokens read and written; cached ones count like any other."""
        return (read * self.price_in + written * self.price_out) / 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `id` names it in reports and never in a prompt; `cut` says it ran out of tokens."""

    id: str
    member: str
    text: str
    tokens: int = 0
    weight: float = 1.0
    cut: bool = False
