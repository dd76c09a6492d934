"""Turns a test command into a script that also writes reports, and knows afterwards where to look."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from moot.agent.core.commands import CommandResult
from moot.agent.verify.frameworks.base import Evidence, Framework, Instrumented, Place, Reading, merge
from moot.agent.verify.frameworks.choose import ambient_files, ambient_variables, claimant, read_ambient
from moot.agent.verify.scripts import Segment, unfold
from moot.agent.verify.shell import Call
from moot.agent.verify.tree import Tree

__all__ = ["Plan", "make_plan"]

_LONGEST = 100_000
"""Characters of a command: Linux takes 131,072 in one argument (MAX_ARG_STRLEN)."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A call whose framework is known, and where its reports lie."""

    framework: Framework
    place: Place
    folder: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs in place of a command.

    Attributes:
        script: for a shell, started at the top of the workspace.
        env: variables that it needs.
        path: folders of programs that come before all others, from the top.
        files: what must lie in the folder for reports, by its path there.
        folders: folders that must exist there.
        place: the top of the workspace.
    """

    script: str
    place: Place
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    path: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    folders: tuple[str, ...] = ()
    parts: tuple[_Part, ...] = ()

    @property
    def frameworks(self) -> str:
        """Names of the frameworks whose reports were asked for, joined by `+`."""
        return "+".join(dict.fromkeys(part.framework.name for part in self.parts))

    def read(self, reports: "Reports", result: CommandResult) -> tuple[str, Reading]:
        """Return which frameworks reported, and what they say together.

        Without parts any report that appeared counts; with parts, each must have a whole one.
        """
        if not self.parts:
            return read_ambient(Evidence(self.place, reports.tree("."), result))
        readings = [
            part.framework.read(Evidence(part.place, reports.tree(part.folder), result))
            for part in self.parts
        ]
        together = Reading(
            merge(case for reading in readings for case in reading.cases),
            all(reading.complete for reading in readings),
            all(reading.nothing for reading in readings),
            "\n".join(filter(None, (reading.output for reading in readings))),
        )
        return self.frameworks, together


class Reports:
    """The folders for reports, by their paths from the top one; "." is that itself."""

    def __init__(self, trees: Mapping[str, Tree]) -> None:
        self._trees = trees

    def tree(self, folder: str) -> Tree:
        """Return a folder of the plan."""
        return self._trees[folder]


def make_plan(command: str, place: Place, only: Sequence[str] = ()) -> Plan:
    """Plan a run of a command at `place`, or of some of its tests.

    Args:
        command: a shell command.
        place: the top of the workspace and the top folder for reports.
        only: ids or files; a plan that cannot be narrowed, or would become too long, runs everything.
    """
    segments = unfold(command, place.tree)
    claims = [claimant(Call.of(segment.words)) for segment in segments or ()]
    if segments is None or not any(claims):
        variables = ambient_variables(command, place.reports)
        return Plan(command, place, variables, files=ambient_files(command))
    narrow = only if sum(claim is not None for claim in claims) == 1 else ()
    plan = _build(segments, claims, place, narrow)
    return plan if len(plan.script) < _LONGEST else _build(segments, claims, place, ())


def _build(
    segments: Sequence[Segment], claims: Sequence[Framework | None], place: Place, only: Sequence[str]
) -> Plan:
    script: list[str] = []
    env: dict[str, str] = {}
    files: dict[str, str] = {}
    parts: list[_Part] = []
    for segment, framework in zip(segments, claims, strict=True):
        if framework is None:
            script.append(" ".join(segment.words))
            continue
        name = str(len(parts))
        part = _Part(framework, _inner(place, segment.folder, name), name)
        parts.append(part)
        made = framework.instrument(Call.of(segment.words), part.place, only)
        script.append(_shell(made, part.place))
        env |= made.env
        files |= {f"{name}/{file}": text for file, text in made.files.items()}
    folders = tuple(part.folder for part in parts)
    scripts = [segment.folder for segment in segments if segment.script]
    folders_with_programs = dict.fromkeys([*scripts, ""]) if scripts else ()
    path = tuple(f"{folder}/node_modules/.bin".lstrip("/") for folder in folders_with_programs)
    claimed = [framework is not None for framework in claims]
    return Plan(_chain(script, claimed), place, env, path, files, folders, tuple(parts))


def _chain(calls: Sequence[str], claimed: Sequence[bool]) -> str:
    """Join calls by `&&`, but run each that reports tests whatever the one before it found.

    Else the failing tests of one framework would hide all of another. What stands behind the last of them
    runs where all passed, and the exit code is the first that is not 0.
    """
    if sum(claimed) < 2:
        return " && ".join(calls)
    last = len(calls) - list(reversed(claimed)).index(True)
    kept = [
        f"{{ {call} || moot_code=${{moot_code:-$?}}; }}" if own else call
        for call, own in zip(calls, claimed, strict=True)
    ]
    return " && ".join([*kept[:last], "(exit ${moot_code:-0})", *kept[last:]]) + "; exit ${moot_code:-$?}"


def _inner(place: Place, folder: str, name: str) -> Place:
    return replace(place, folder=folder, reports=f"{place.reports}/{name}")


def _shell(made: Instrumented, place: Place) -> str:
    call = " ".join(made.words)
    return f"{call} > {shlex.quote(f'{place.reports}/{made.stdout}')}" if made.stdout else call
