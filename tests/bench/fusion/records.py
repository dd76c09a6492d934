"""The frozen pools: what a model wrote for each problem, what running it showed, and what was said of it."""

import hashlib
import lzma
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from moot.agent.core.trials import Observed, Trial
from moot.agent.fusion.claims import Claim, Tried, endorse, fits
from moot.agent.fusion.judge import InOneOrder
from tests.bench.fusion.problems import Example, half_of

__all__ = [
    "ASKED",
    "POOLS",
    "Merged",
    "Record",
    "Ruled",
    "Said",
    "Sample",
    "dump",
    "groups_of",
    "load",
    "output",
]

POOLS = Path(__file__).with_name("humaneval.jsonl.xz")
ASKED = 5
"""Answers to the question what a trial gives; the product asks for fewer."""
_LONGEST = 48
"""Characters that are kept of an output; of a longer one these and a hash of it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of the model.

    Attributes:
        id: `c0` is the greedy one, the incumbent; the others follow in the order of the server.
        logprob: mean log-probability of its tokens.
        loads: whether it runs and defines the function.
        passed: whether it gives what each example of the docstring says.
        right: whether it passes the problem's hidden tests; nothing but the grading looks at it.
        outputs: what it gives on each of the record's inputs.
    """

    id: str
    code: str
    logprob: float
    loads: bool
    passed: tuple[bool, ...]
    right: bool
    outputs: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whether it passes all that can be seen."""
        return self.loads and all(self.passed)


@dataclass(frozen=True, slots=True)
class Said:
    """A trial that was run, and what it should give.

    Attributes:
        trial: its id begins with D for a call on which survivors differ, I for an input that the model
            asked for, and C for a claim.
        observed: by sample.
        expected: what the model says, who saw the task alone; of five answers those that can be read.
        truth: what the canonical solution gives.
    """

    trial: Trial
    observed: Mapping[str, Observed]
    truth: Observed
    expected: tuple[str, ...] = ()
    claim: Claim | None = None

    @property
    def shows(self) -> bool:
        """Whether it counts: of a claim a run has to show that the sample fails what is expected."""
        if self.claim is None:
            return True
        seen = self.observed[self.claim.about]
        return seen.tells and not fits(seen, self.claim.expected)

    def tried(self, task: str, predictions: int) -> Tried:
        """Return it as the product has it, with so many of the answers."""
        missing = [""] * (ASKED - len(self.expected)) if self.expected else []
        expected = (*self.expected, *missing)[:predictions]
        endorsed = endorse(self.trial.code, task, expected)
        return Tried(self.trial, self.observed, expected, endorsed, self.claim)


@dataclass(frozen=True, slots=True)
class Ruled:
    """What the judge said of a pair in both orders; `informed` when it saw the table of evidence."""

    leader: str
    challenger: str
    informed: bool
    orders: tuple[InOneOrder, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """What the model made of two survivors, and what the judge says of it and the leader, in both orders.

    Attributes:
        sample: None where the answer had no proper end; one of the pool where it is the same.
    """

    leader: str
    other: str
    sample: Sample | None = None
    orders: tuple[InOneOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A problem with its pool.

    Attributes:
        examples: of the docstring: all that a selector sees of the right behaviour.
        inputs: calls by whose outputs samples are told apart.
        stage: `pool` when it was sampled and run; `argued` when also its debate was held, where that makes a
            difference; `extended` with what only some selectors need.
        failures: answers that could not be used, in sentences.
        merged: of each leader and the first that differs from it.
    """

    task: str
    prompt: str
    entry: str
    examples: tuple[Example, ...]
    inputs: tuple[str, ...]
    samples: tuple[Sample, ...]
    stage: Literal["pool", "argued", "extended"] = "pool"
    said: tuple[Said, ...] = ()
    rulings: tuple[Ruled, ...] = ()
    failures: tuple[str, ...] = ()
    merged: tuple[Merged, ...] = ()

    @property
    def answers(self) -> tuple[Sample, ...]:
        """All that a selector may choose: the samples, and what was merged of them."""
        return (*self.samples, *(each.sample for each in self.merged if each.sample is not None))

    @property
    def half(self) -> str:
        """The half that it belongs to."""
        return half_of(self.task)

    @property
    def contested(self) -> bool:
        """Whether samples that pass all that can be seen behave differently."""
        return len(groups_of(each for each in self.samples if each.verified)) > 1

    @property
    def matters(self) -> bool:
        """Whether it makes a difference which of them is chosen: else no debate over it is held."""
        return self.contested and len({each.right for each in self.samples if each.verified}) > 1


def groups_of(samples: Iterable[Sample]) -> list[list[Sample]]:
    """Return samples by their behaviour, in the order of the first of each."""
    groups: dict[tuple[str, ...], list[Sample]] = {}
    for each in samples:
        groups.setdefault(each.outputs, []).append(each)
    return list(groups.values())


def output(seen: Observed) -> str:
    """Return what was observed in short."""
    if seen.kind != "value":
        return f"!{seen.kind} {seen.text.partition(':')[0]}" if seen.kind == "error" else f"!{seen.kind}"
    if len(seen.text) <= _LONGEST:
        return seen.text
    return f"{seen.text[:_LONGEST]}…{hashlib.sha256(seen.text.encode()).hexdigest()[:8]}"


_RECORD = TypeAdapter(Record)


def load(path: Path = POOLS) -> list[Record]:
    """Return the records of a file; of several of one problem the last."""
    if not path.exists():
        return []
    data = path.read_bytes()
    lines = (lzma.decompress(data) if path.suffix == ".xz" else data).splitlines()
    records = [_RECORD.validate_json(line) for line in lines]
    return list({each.task: each for each in records}.values())


def dump(records: Sequence[Record], path: Path = POOLS) -> None:
    """Write records to a file."""
    data = b"".join(_RECORD.dump_json(each) + b"\n" for each in records)
    path.write_bytes(lzma.compress(data, preset=9) if path.suffix == ".xz" else data)
