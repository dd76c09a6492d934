"""How often a mask on the right place is filled with the real fix, by what is said of it beside the hole.

    PYTHONPATH=. python tests/bench/repair/infilling.py REPOSITORIES [--most N] [--seed N] [--shown WHAT]

`agent model up` must be running. The fixes are those of fixes.jsonl in Python, none of the report half; each
gives one mask, the smallest that reaches it with a text of one line. A fix counts as found if one of the
answers (one greedy, the others sampled or, as in a run, the likeliest) equals it but for comments and layout;
edits are the distinct ones that change something. Of the task the prompt holds what the commit says. The last
three rows are the two views of a run, the line asked for in chat instead, and what these find together.
"""

import argparse
import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from pydantic import TypeAdapter

from moot.agent.app import connect
from moot.agent.core.config import load_settings
from moot.agent.core.errors import MootError
from moot.agent.core.messages import CompletionRequest
from moot.agent.graph.answers import SAMPLES as CHAT_SAMPLES
from moot.agent.graph.answers import Asking, answers
from moot.agent.graph.correct import question
from moot.agent.models.client import OpenAIClient
from moot.agent.models.fim import fim_format
from moot.agent.repair.branches import ALTERNATIVES, completing, likeliest
from moot.agent.repair.correct import Passage, corrected, passages
from moot.agent.repair.generate import VIEWS, View
from moot.agent.repair.infill import cut, normalised
from moot.agent.repair.localise import Localisation, Suspect
from moot.agent.repair.masks import Mask, MaskKind, masks
from moot.agent.repair.prompt import brief, context, remarks
from moot.agent.repair.source import Source
from tests.bench.repair.learn_priors import FIXES, Reached, blob, difference, fill, plain, repository_of

SAMPLES, TEMPERATURE, TOKENS = 5, 0.8, 48  # tokens and temperature of the first round of a search
LONGEST = 90  # bytes of the right text
BATCH = 12


@dataclass(frozen=True)
class Case:
    """A mask that reaches a fix, and the fixed file without comments and layout."""

    name: str
    task: str
    mask: Mask
    source: Source
    wanted: bytes


Shown = Literal["nothing", "before", "before, task", "asked in chat"]
"""What comments above the hole hold: nothing, the masked line, or that and the task's first line; or no
hole: chat is asked for the line."""


@dataclass(frozen=True)
class Way:
    """How a case is tried: what stands beside the hole, and which answers come beside the greedy one."""

    shown: Shown
    sampled: bool
    view: View

    @property
    def words(self) -> tuple[str, ...]:
        """Four cells of the table."""
        others = "sampled" if self.sampled else "the likeliest"
        return self.shown, others, str(self.view.tokens), str(1 + self.view.answers)


VIEWED = tuple(Way("before, task", sampled=False, view=view) for view in VIEWS)
_CHAT = View(600, answers=CHAT_SAMPLES)
RUN = (*VIEWED, Way("asked in chat", sampled=False, view=_CHAT))
_SIX = View(VIEWS[0].tokens, SAMPLES)
WAYS = (
    Way("nothing", True, _SIX),
    Way("before", True, _SIX),
    Way("before", False, _SIX),
    Way("before, task", False, _SIX),
    Way("asked in chat", True, _CHAT),
    *RUN,
)


@dataclass(frozen=True)
class Tried:
    """Which answers are the fix, the greedy one first, and how many distinct edits all of them make."""

    hits: list[bool]
    edits: int


async def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("repositories", type=Path)
    arguments.add_argument("--most", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=0, help="which fixes are drawn")
    arguments.add_argument("--shown", choices=get_args(Shown), help="these rows alone")
    given = arguments.parse_args()
    found = [
        case for fix in _fixes() if fix.language == "python" and (case := _case(given.repositories, fix))
    ]
    if not found:
        sys.exit(f"{given.repositories} holds none of the repositories in {FIXES.name}: clone some there")
    cases = random.Random(given.seed).sample(found, min(given.most, len(found)))
    client, _ = await connect(load_settings(Path()))
    print(
        "| beside the hole | other answers | tokens | answers | fixes | found | greedy | hits | edits | s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    found_by: dict[Way, list[bool]] = {}
    try:
        for way in (way for way in WAYS if given.shown in (None, way.shown)):
            began = time.monotonic()
            batches = [cases[at : at + BATCH] for at in range(0, len(cases), BATCH)]
            tried = [one for batch in batches for one in await _tried(client, batch, way)]
            hits = [one.hits for one in tried]
            found_by[way] = [any(hit) for hit in hits]
            counts = (len(hits), sum(found_by[way]), sum(hit[0] for hit in hits), sum(map(sum, hits)))
            edits = sum(one.edits for one in tried)
            row = (*way.words, *counts, edits, round(time.monotonic() - began))
            print("|", " | ".join(map(str, row)), "|", flush=True)
        if given.shown:
            return
        for ways, what in ((VIEWED, "in the views of a run"), (RUN, "in these and in chat")):
            together = sum(map(any, zip(*(found_by[way] for way in ways), strict=True)))
            print(f"\nFound {what} together: {together} of {len(cases)}.")
    finally:
        await client.close()


def _fixes() -> list[Reached]:
    shape = TypeAdapter(Reached)
    return [shape.validate_json(line) for line in FIXES.read_text(encoding="utf-8").splitlines()]


def _case(repositories: Path, fix: Reached) -> Case | None:
    """Return the smallest mask that one line fills, where there is one and the repository is there."""
    repository = repository_of(fix.repository, repositories)
    if repository is None or not fix.reaching or min(fix.reaching.values()) > LONGEST:
        return None
    try:
        old, new = (blob(repository, commit, fix.path) for commit in (f"{fix.commit}^1", fix.commit))
    except subprocess.CalledProcessError:  # a snapshot can lack files
        return None
    before, after = (plain(Source.parse(fix.path, data)) for data in (old, new))
    source, (start, end) = Source.parse(fix.path, before), difference(before, after)
    first, last = before.count(b"\n", 0, start) + 1, before.count(b"\n", 0, max(start, end - 1)) + 1
    lines = range(first - 1, last + 2) if start >= end else range(first, last + 1)
    near = masks([Suspect(fix.path, line, 1.0) for line in lines], {fix.path: source})
    sizes = {mask: size for mask in near if (size := fill(mask, before, after)) is not None}
    short = [
        mask for mask, size in sizes.items() if 0 < size <= LONGEST and mask.kind is not MaskKind.OPERATOR
    ]
    if not short:
        return None
    said = subprocess.run(
        ["git", f"--git-dir={repository}", "log", "-1", "--format=%B", fix.commit],
        capture_output=True,
        check=True,
    ).stdout.decode("utf-8", "replace")
    best = max(short, key=lambda mask: mask.score)
    return Case(
        f"{fix.repository} {fix.commit[:8]}", said, best, source, normalised(Source.parse(fix.path, after))
    )


async def _tried(client: OpenAIClient, cases: Sequence[Case], way: Way) -> list[Tried]:
    """Return what became of each case."""
    if way.shown == "asked in chat":
        return await _in_chat(client, cases, way)
    form = fim_format("qwen")
    prompts = tuple(_prompt(case, way) for case in cases)
    greedy = CompletionRequest(prompts, TOKENS, stop=("\n", *form.stop))
    if way.sampled:
        sampled = replace(greedy, temperature=TEMPERATURE, n=way.view.answers, top_p=0.95)
        first, rest = await asyncio.gather(client.complete(greedy), client.complete(sampled))
    else:
        first = await client.complete(replace(greedy, top_logprobs=ALTERNATIVES))
        ends, own = (*greedy.stop, *form.controls), [answer for [answer] in first]
        rest = await likeliest(completing(client.complete, greedy), own, ends, way.view.answers)
    return [
        _outcome(case, [answer.text for answer in (*one, *many)])
        for case, one, many in zip(cases, first, rest, strict=True)
    ]


def _outcome(case: Case, texts: Sequence[str]) -> Tried:
    made = [{normalised(result) for _, result in cut(case.mask, case.source, text)} for text in texts]
    edits = frozenset[bytes]().union(*made) - {normalised(case.source)}
    return Tried([case.wanted in each for each in made], len(edits))


async def _in_chat(client: OpenAIClient, cases: Sequence[Case], way: Way) -> list[Tried]:
    """Ask for the line that a mask begins in, as a run does."""
    how = Asking(controls=fim_format("qwen").controls, branching=not way.sampled)
    asked = [_passage(case) for case in cases]
    told = [question(one, brief(case.task, ())) for one, case in zip(asked, cases, strict=True)]
    found: list[Tried] = []
    for case, one, given in zip(cases, asked, await answers(client, told, how), strict=True):
        made = [
            {normalised(Source.parse(edit.path, edit.apply(case.source.data))) for edit in edits}
            for edits in (corrected(one, case.source, [answer]) for answer in given)
        ]
        found.append(Tried([case.wanted in each for each in made], len(frozenset[bytes]().union(*made))))
    return found


def _passage(case: Case) -> Passage:
    """Return the statement, or the line of a longer one, that a mask begins in."""
    line = case.source.data.count(b"\n", 0, case.mask.start_byte) + 1
    here = Localisation((Suspect(case.mask.path, line, 1.0),), "")
    [found] = passages(here, {case.mask.path: case.source})
    return found


def _prompt(case: Case, way: Way) -> str:
    said = brief(case.task, ())
    subject = said.subject if way.shown == "before, task" else ""
    prefix, suffix = context(case.mask, case.source, way.view.tokens, subject)
    if way.shown == "nothing":
        prefix = prefix.replace(remarks(case.mask, case.source), "")
    return fim_format("qwen").prompt(prefix, suffix, said.files, case.mask.path)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except MootError as exc:
        sys.exit(f"error: {exc}")
