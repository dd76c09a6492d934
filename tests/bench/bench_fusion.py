"""Chooses among frozen answers to HumanEval, and patches of real bugs, in every way, without a model.

    PYTHONPATH=. python tests/bench/bench_fusion.py [--half tune|report|all] [--pools FILE]

What each way gets right with 2, 3 and 5 samples, beside a random choice and the best one; what the steps of
the product's debate are worth; how often its parts are right. Intervals are of 95 %, over problems.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import takewhile
from pathlib import Path

from tests.bench.fusion.choosing import SELECTORS, Select
from tests.bench.fusion.figures import Tally, difference, headroom, mean, tally
from tests.bench.fusion.parts import claims, decisive, endorsed, judged
from tests.bench.fusion.records import POOLS, Record, load
from tests.bench.fusion.repair_pools import SELECTORS as OF_PATCHES
from tests.bench.fusion.repair_pools import Pool, pools_in
from tests.bench.fusion.replay import SIZES, Rules, debate, simulated

LARGEST = max(SIZES)
ABLATIONS: Mapping[str, Rules] = {
    "as it is": Rules(),
    "without the mass of clusters": Rules(votes=False),
    "without calls that tell apart": Rules(trials="C"),
    "without predictions": Rules(predictions=0),
    "without claims": Rules(trials="D"),
    "without the judge": Rules(judge=False),
    "verdicts, not probabilities": Rules(probabilities=False),
    "one order": Rules(orders=1),
    "without never-worse": Rules(never_worse=False),
    "values of any majority of 3": Rules(least=0.01),
    "4 of 5 predictions": Rules(predictions=5),
    "5 of 5 predictions": Rules(predictions=5, least=1.0),
    "only values that the task states": Rules(predictions=0, judge=False),
}
EXTENDED: Mapping[str, Rules] = {
    "with the model's inputs for the calls": Rules(trials="IC"),
    "the judge without the table": Rules(informed=False),
    "without anything that is run": Rules(trials="", informed=False),
}
"""What only records can tell that were extended."""
ACCURACIES = (0.6, 0.75, 0.9, 1.0)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--half", choices=("tune", "report", "all"), default="report")
    parser.add_argument("--pools", type=Path, default=POOLS)
    given = parser.parse_args()
    known = takewhile(lambda each: each.stage != "pool", load(given.pools))
    records = [each for each in known if given.half in ("all", each.half)]
    if not records:
        sys.exit(f"{given.pools} holds no problem of this half")
    contested = [each for each in records if each.contested]
    shown = sum(bool(each.examples) for each in records)
    print(
        f"{len(records)} problems ({given.half}), {shown} with examples; of {LARGEST} samples several",
        end=" ",
    )
    print(f"behaviours pass these in {len(contested)}\n")
    for size in SIZES:
        _print_selectors(records, size)
    _print_debate(records)
    _print_parts(contested)
    _print_repaired([each for each in pools_in() if each.patches])
    return 0


def _print_selectors(records: Sequence[Record], size: int) -> None:
    _print_head(f"{size} samples", "right, %", "headroom closed, %", "fixes : breaks", "breaks, %")
    done = {name: tally(records, partial(select, size=size)) for name, select in SELECTORS.items()}
    if not _extended(records):
        del done["judge-only"]
    for name, one in done.items():
        print(_row(name, one, done))
    print("\ndebate less: ", end="")
    others = ("vote", "evidence-only", "best-of", "best single")
    print("; ".join(f"{name} {difference(done['debate'].right, done[name].right)}" for name in others), "\n")


def _extended(records: Sequence[Record]) -> bool:
    return all(each.stage == "extended" for each in records)


def _print_head(*names: str) -> None:
    print("|", " | ".join(names), "|\n" + "|---" * len(names) + "|")


def _row(name: str, one: Tally, known: Mapping[str, Tally]) -> str:
    closed = headroom(one.right, known["random"].right, known["oracle"].right)
    changed = f"{one.fixes.sum():.3g} : {one.breaks.sum():.3g}"
    return f"| {name} | {mean(one.right)} | {closed} | {changed} | {100 * one.breaks.mean():.1f} |"


def _print_debate(records: Sequence[Record]) -> None:
    _print_head(f"debate of {LARGEST} samples", "right, %", "less the debate as it is, %", "fixes : breaks")
    whole = tally(records, partial(debate, size=LARGEST, rules=Rules()))
    known = {**ABLATIONS, **(EXTENDED if _extended(records) else {})}
    ways: dict[str, Select] = {name: partial(debate, rules=rules) for name, rules in known.items()}
    for accuracy in ACCURACIES:
        ways[f"a judge right in {accuracy:.0%}"] = partial(simulated, rules=Rules(), accuracy=accuracy)
        alone = Rules(trials="")
        ways[f"the same in {accuracy:.0%}, with nothing run"] = partial(
            simulated, rules=alone, accuracy=accuracy
        )
    for name, select in ways.items():
        one = tally(records, partial(select, size=LARGEST))
        changed = f"{one.fixes.sum():.3g} : {one.breaks.sum():.3g}"
        print(f"| {name} | {mean(one.right)} | {difference(one.right, whole.right)} | {changed} |")
    print()


def _print_parts(contested: Sequence[Record]) -> None:
    for name, informed in (("with", True), ("without", False)):
        one = judged(contested, informed)
        print(f"judge {name} the table, of pairs with one right: {one.likely} by probabilities,")
        print(f"  {one.verdicts} by verdicts, {one.one_order} by probabilities in one order;")
        print(f"  same verdict in both orders {one.consistent}; prefers what it sees first {one.first}")
    for predictions in (3, 5):
        said = "; ".join(f"{by} {share}" for by, share in endorsed(contested, predictions).items())
        print(f"endorsed values that are right, {predictions} predictions: {said}")
    for name, predictions, least in (
        ("any of 3", 3, 0.01),
        ("all of 3", 3, 0.5),
        ("4 of 5", 5, 0.5),
        ("all of 5", 5, 1.0),
    ):
        print(f"  {name}, between a right and a wrong sample: {decisive(contested, predictions, least)}")
    one = claims(contested)
    print(f"claims: {one.runs} run, {one.shown} show, {one.holds} hold; about wrong samples are")
    print(f"  {one.wrong} of those that show and {one.holds_wrong} of those that hold;")
    print(f"  what they expect is right in {one.true} of those that run")


def _print_repaired(pools: Sequence[Pool]) -> None:
    """Print the same for patches of real bugs, where there are any."""
    if not pools:
        return
    open_ones = sum(not each.settled for each in pools)
    print(f"\n{len(pools)} bugs with patches; several behaviours pass their tests in {open_ones}\n")
    _print_head("patches of real bugs", "right, %", "headroom closed, %", "fixes : breaks", "breaks, %")
    done = {name: tally(pools, select) for name, select in OF_PATCHES.items()}
    for name, one in done.items():
        print(_row(name, one, done))


if __name__ == "__main__":
    sys.exit(main())
