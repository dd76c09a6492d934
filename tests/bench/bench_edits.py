"""How many recorded answers of real models become a patch, by model and form; and with other tools.

Usage: python tests/bench/bench_edits.py [--no-peers]
`applied` became a patch; `right` also changed the definition that was asked for, and no other; `wrong` was
applied, but elsewhere. Intervals are Wilson's at 95%. Tuning tasks are those whose answers were looked at
while the parser and the prompts were written; the held-out ones came after.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from moot.agent.core.errors import EditRejected
from moot.agent.core.types import EditFormat
from moot.agent.edits.answer import parse_answer
from moot.agent.edits.forms import SearchReplace
from tests.agent.edits.recorded import Answer, answers, changed_by, is_held_out, is_right, recorded_profiles
from tests.bench.edit_peers import AIDER, COMMANDS, Outcome, aider_outcomes, command_outcomes

WIDTH = 16


def main() -> int:
    """Print both tables."""
    print_rates()
    if "--no-peers" not in sys.argv[1:]:
        print()
        print_peers()
    return 0


def print_rates() -> None:
    """Print what this project makes of the answers."""
    print(f"{'model':<24} {'form':<15} {'tasks':<9} {'answers':>7}  {'applied':<{WIDTH}} {'right':<{WIDTH}}")
    for profile in recorded_profiles():
        for held_out in (False, True):
            for form in EditFormat:
                asked = _asked([profile], form, held_out)
                if asked:
                    shown = _counts(asked, [_ours(answer) for answer in asked])[:2]
                    half = "held-out" if held_out else "tuning"
                    print(f"{profile:<24} {form:<15} {half:<9} {len(asked):>7}  {_row(shown, len(asked))}")


def print_peers() -> None:
    """Print what other tools make of the held-out search/replace answers and diffs of all models."""
    profiles = recorded_profiles()
    sets = {
        "search_replace": _asked(profiles, EditFormat.SEARCH_REPLACE, held_out=True),
        "  of it, in blocks": [],
        "  blocks of JSON": _blocks(_asked(profiles, EditFormat.JSON, held_out=True)),
        "diff": _asked(profiles, EditFormat.DIFF, held_out=True),
    }
    sets["  of it, in blocks"] = [one for one in sets["search_replace"] if "<<<<<<< SEARCH" in one.text]
    every = [answer for asked in sets.values() for answer in asked]
    aider = aider_outcomes(every)
    found = dict(zip(map(id, every), aider or [], strict=False))
    print(f"held-out answers of all models, with {AIDER}; `partial` was refused, but files were changed;")
    print("`ratio` is the right answers of this project over the tool's")
    print(
        f"{'answers':<20} {'tool':<20} {'n':>4}  {'applied':<{WIDTH}} {'right':<{WIDTH}} "
        f"{'wrong':<{WIDTH}} {'partial':>7} {'ratio':>6}"
    )
    for name, asked in sets.items():
        ours = [_ours(answer) for answer in asked]
        tools = {"moot": ours}
        if aider is None:
            print(f"{name:<20} {'aider':<20} could not be installed")
        else:
            tools["aider"] = [found[id(answer)] for answer in asked]
        if name == "diff":
            tools |= {command: command_outcomes(command, asked) for command in COMMANDS}
        right = _counts(asked, ours)[1]
        for tool, outcomes in tools.items():
            counts = _counts(asked, outcomes)
            partial = sum(outcome.refused and bool(outcome.changed) for outcome in outcomes)
            ratio = f"{right / counts[1]:.2f}" if counts[1] else "-"
            row = _row(counts, len(asked))
            print(f"{name:<20} {tool:<20} {len(asked):>4}  {row} {partial:>7} {ratio:>6}")


def _blocks(asked: Sequence[Answer]) -> list[Answer]:
    """Return JSON answers that are nothing but search/replace as blocks, which all tools read."""
    found: list[Answer] = []
    for answer in asked:
        try:
            edits = parse_answer(answer.text)
        except EditRejected:
            continue
        if all(isinstance(edit, SearchReplace) for edit in edits):
            text = "\n".join(_block(edit) for edit in edits if isinstance(edit, SearchReplace))
            found.append(replace(answer, form=EditFormat.SEARCH_REPLACE, text=text))
    return found


def _block(edit: SearchReplace) -> str:
    old, new = (f"{text.rstrip(chr(10))}\n" if text else "" for text in (edit.search, edit.replace))
    return f"<<<<<<< SEARCH {edit.path}\n{old}=======\n{new}>>>>>>> REPLACE\n"


def _asked(profiles: Sequence[str], form: EditFormat, held_out: bool) -> list[Answer]:
    return [
        answer
        for profile in profiles
        for answer in answers(profile)
        if answer.form is form and is_held_out(answer.task) is held_out
    ]


def _ours(answer: Answer) -> Outcome:
    changed = changed_by(answer)
    present = {path: data or b"" for path, data in (changed or {}).items()}
    return Outcome(changed is None, present)


def _counts(asked: Sequence[Answer], outcomes: Sequence[Outcome]) -> tuple[int, int, int]:
    """Return how many were applied, right and wrong."""
    applied = [
        is_right(answer, outcome.changed)
        for answer, outcome in zip(asked, outcomes, strict=True)
        if not outcome.refused and outcome.changed
    ]
    return len(applied), sum(applied), len(applied) - sum(applied)


def _row(counts: Sequence[int], total: int) -> str:
    return " ".join(f"{share(count, total):<{WIDTH}}" for count in counts)


def share(count: int, total: int) -> str:
    """Return a share in per cent with its interval."""
    low, high = wilson(count, total)
    return f"{100 * count / total:.0f}% ({100 * low:.0f}-{100 * high:.0f}%)"


def wilson(count: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95% score interval of a proportion (Wilson 1927)."""
    share, square = count / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return middle - half, middle + half


if __name__ == "__main__":
    sys.exit(main())
