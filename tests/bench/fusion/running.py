"""Samples a problem, and says of answers what running them shows."""

from collections.abc import Sequence

from moot.agent.core.ports import ModelClient
from moot.agent.core.trials import Observed
from moot.agent.fusion.claims import same
from tests.bench.fusion.asking import Form, program, sample
from tests.bench.fusion.executed import Bench, Job
from tests.bench.fusion.problems import Problem
from tests.bench.fusion.records import Record, Sample, output

__all__ = ["graded", "pool"]

WARM = 4
"""Samples beside the greedy one."""
_CLOSE = 1e-6

Written = tuple[str, str, float]
"""An answer's id, its code and its mean log-probability."""


async def pool(client: ModelClient, problem: Problem, bench: Bench, form: Form) -> Record:
    """Sample a problem and run the answers."""
    written = await sample(client, problem, form, WARM)
    record = Record(problem.id, problem.prompt, problem.entry, problem.examples, problem.inputs, ())
    named = [(f"c{number}", code, logprob) for number, (code, logprob) in enumerate(written)]
    samples = await graded(bench, problem, record, named)
    return Record(record.task, record.prompt, record.entry, record.examples, record.inputs, tuple(samples))


async def graded(bench: Bench, problem: Problem, record: Record, written: Sequence[Written]) -> list[Sample]:
    """Run answers on the examples, on the inputs and against the hidden tests."""
    hidden = f"{problem.tests}\ncheck({problem.entry})\nTrue"
    calls = (each.call for each in record.examples)
    items = (f"callable({problem.entry})", hidden, *calls, *record.inputs)
    seen = await bench.run([Job(program(problem, code), items) for _, code, _ in written])
    samples: list[Sample] = []
    for (name, code, logprob), (loads, right, *rest) in zip(written, seen, strict=True):
        passed = tuple(_gives(one, each.value) for one, each in zip(rest, record.examples, strict=False))
        outputs = tuple(output(one) for one in rest[len(record.examples) :])
        good = [one.kind == "value" and one.text.endswith("True") for one in (loads, right)]
        samples.append(Sample(name, code, logprob, good[0], passed, good[1], outputs))
    return samples


def _gives(seen: Observed, value: str) -> bool:
    """Return whether an example's value was given; of numbers that are not whole nearly."""
    if seen.kind != "value":
        return False
    try:
        return same(seen.text, value) or abs(float(seen.text) - float(value)) < _CLOSE
    except ValueError:
        return False
