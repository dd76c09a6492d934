"""`agent doctor`: tries what a run needs, and says in one sentence each how to get what is missing."""

import asyncio
import os
import platform
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from moot.agent import syntax
from moot.agent.connection import connect, infilling
from moot.agent.core.commands import Command
from moot.agent.core.config import Settings
from moot.agent.core.errors import MootError, SandboxUnavailable, UsageError
from moot.agent.core.ports import Sandbox
from moot.agent.core.types import TreeEntry
from moot.agent.git.repository import GitRepository
from moot.agent.models.fim import FORMATS, working_forms
from moot.agent.models.profiles import Profile
from moot.agent.verify.detect import Found, detect
from moot.agent.verify.environment import environment
from moot.sandbox.choose import choose as choose_sandbox
from moot.sandbox.probe import probe

__all__ = ["Finding", "examine"]

Status = Literal["ok", "warning", "problem"]

_GIB = 2**30
_LITTLE_DISK = 2 * _GIB
"""Bytes below which workspaces and the index of a larger repository may not fit."""

_VERSION_SECONDS = 60.0

_VERSIONS = {
    "pytest": "python3 -m pytest --version",
    "unittest": "python3 --version",
    "go": "go version",
    "cargo": "cargo --version",
    "nextest": "cargo nextest --version",
    "node": "node --version",
    "jest": "npx --no-install jest --version",
    "vitest": "npx --no-install vitest --version",
    "mocha": "npx --no-install mocha --version",
}
"""What shows that the program behind a framework starts."""

_DOWNLOADS = (
    ("package.json", "node_modules", '"dependencies"', "npm ci"),
    ("package.json", "node_modules", '"devDependencies"', "npm ci"),
    ("go.sum", "~/go/pkg/mod", "", "go mod download"),
    ("Cargo.lock", "~/.cargo/registry", 'source = "registry+', "cargo fetch"),
)
"""A file of the repository, where what it asks for lies, what in it asks, and what brings it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried. A problem keeps `agent run` from working; after a warning it may do less."""

    area: str
    status: Status
    text: str


def examine(settings: Settings, repo: Path) -> Iterator[Finding]:
    """Try everything in the order in which a run needs it; blocks, in a thread without an event loop."""
    yield from _machine(settings)
    repository = yield from _git(settings, repo)
    sandbox = (yield from _sandbox(settings)) if settings.verify else None
    yield from _model(settings)
    if repository is None:
        return
    entries = repository.files(repository.head)
    yield from _languages(entries)
    if settings.verify:
        yield from _tests(settings, repository, entries, sandbox)
        yield from _downloads(repository.root)


def _machine(settings: Settings) -> Iterator[Finding]:
    yield Finding(
        "machine", "ok", f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    )
    folders = (settings.data_dir, *settings.data_dir.parents)
    place = next(folder for folder in folders if os.access(folder, os.F_OK))
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding("disk", "problem", f"{place} may not be written: set MOOT_DATA_DIR to another folder")
    free = shutil.disk_usage(place).free
    text = f"{free / _GIB:.1f} GiB free for {settings.data_dir}"
    if free < _LITTLE_DISK:
        yield Finding("disk", "warning", f"{text}: free some, or set MOOT_DATA_DIR to a larger disk")
    else:
        yield Finding("disk", "ok", text)


def _git(settings: Settings, repo: Path) -> Generator[Finding, None, GitRepository | None]:
    try:
        repository = GitRepository.open(repo, settings.data_dir)
    except MootError as exc:
        yield Finding("git", "problem", str(exc))
        return None
    for sentence in repository.recovered:
        yield Finding("git", "warning", sentence)
    try:
        repository.require_publishable(settings.apply)
    except MootError as exc:
        yield Finding("git", "problem", str(exc))
    else:
        yield Finding(
            "git", "ok", f"{repository.root}, {repository.branch or 'detached'} at {repository.head[:10]}"
        )
    return repository


def _sandbox(settings: Settings) -> Generator[Finding, None, Sandbox | None]:
    tried = probe()
    works = [found for found in tried if found.available]
    for found in tried:
        if not found.available:
            yield Finding("sandbox", "warning", f"{found.name} does not work: {found.reason}")
    try:
        sandbox = choose_sandbox(settings.sandbox)
    except SandboxUnavailable as exc:
        yield Finding("sandbox", "problem", str(exc))
        return None
    if sandbox.name == "none":
        better = f"; {works[0].name} would work" if works else ""
        yield Finding("sandbox", "warning", f"none, as you asked: tests run with all your rights{better}")
    else:
        yield Finding("sandbox", "ok", f"{sandbox.name} works")
        for escape, reason in sandbox.gaps.items():
            yield Finding("sandbox", "warning", f"{sandbox.name} does not block “{escape}”: {reason}")
    return sandbox


def _model(settings: Settings) -> Iterator[Finding]:
    try:
        yield from asyncio.run(_ask_model(settings))
    except MootError as exc:
        yield Finding("model", "problem", str(exc))


async def _ask_model(settings: Settings) -> list[Finding]:
    client, profile = await connect(settings)
    try:
        info = client.info
        works = await working_forms(client, FORMATS.values()) if info.fim else []
        served = Finding("model", "ok", f"{info.id}, {info.context} tokens of context")
        return [served, _infilling(settings, profile, info.id, [form.name for form in works])]
    finally:
        await client.close()


def _infilling(settings: Settings, profile: Profile | None, model: str, works: list[str]) -> Finding:
    """Say whether the form that would be used is one that works."""
    try:
        form = infilling(settings, profile, model).name
    except UsageError:
        form = None
    if form in works:
        return Finding("infilling", "ok", f"the {form} form works")
    text = f"{model} fills in the middle in no known form: use another model for `agent complete`"
    if works:
        text = f"the {works[0]} form works: name it with MOOT_FIM={works[0]}"
    if profile and not settings.fim:
        text = f"the {form} form of the profile {profile.name} does not work, in which runs infill; {text}"
    return Finding("infilling", "warning", text)


def _languages(entries: list[TreeEntry]) -> Iterator[Finding]:
    counts = Counter(language for entry in entries if (language := syntax.language_of(entry.path)))
    for language, count in counts.most_common():
        try:
            syntax.grammar(language)
        except ImportError as exc:
            yield Finding(
                "languages", "warning", f"{language} is read as text, as {exc.name} is not installed"
            )
        else:
            yield Finding("languages", "ok", f"{language}: {count} file{'s' * (count != 1)}")
    if not counts:
        yield Finding("languages", "warning", "no file is in a language with a grammar: all are read as text")


def _tests(
    settings: Settings, repository: GitRepository, entries: list[TreeEntry], sandbox: Sandbox | None
) -> Iterator[Finding]:
    blobs = {entry.path: entry.blob for entry in entries}
    if settings.test:
        yield Finding("tests", "ok", f"{settings.test} (given)")
        return
    found = detect(blobs, lambda path: repository.read(blobs[path]), settings.test_suggestion)
    if not found:
        yield Finding(
            "tests", "warning", "no tests were found: name a command with --test, or pass --no-verify"
        )
        return
    yield Finding("tests", "ok", f"{found[0].command} ({found[0].source}: {found[0].reason})")
    if sandbox is not None and found[0].framework in _VERSIONS:
        yield asyncio.run(_toolchain(found[0], repository, sandbox))


async def _toolchain(found: Found, repository: GitRepository, sandbox: Sandbox) -> Finding:
    """Start the framework's program in the sandbox, as its tests would be."""
    version = _VERSIONS[found.framework]
    names = f"{found.command}\n{version}\nnode" if "npx" in version else f"{found.command}\n{version}"
    needed = environment(repository.root, names, repository.tracked())
    with tempfile.TemporaryDirectory(prefix="moot-doctor-") as folder:
        result = await sandbox.run(
            Command(
                ("sh", "-c", version),
                Path(folder),
                timeout=_VERSION_SECONDS,
                env={"PATH": ":".join(needed.path), **needed.variables},
                read_only=needed.read_only,
                mount=repository.root if sandbox.mounts else None,
            )
        )
    said = (result.stdout.strip() or result.stderr.strip() or f"exit code {result.exit_code}").splitlines()
    if result.exit_code == 0:
        return Finding("toolchain", "ok", f"{found.framework}: {said[0]}")
    return Finding(
        "toolchain",
        "warning",
        f"`{version}` fails in the sandbox ({said[-1]}): install it, or name a command with --test",
    )


def _downloads(root: Path) -> Iterator[Finding]:
    said: set[str] = set()
    for name, place, mark, command in _DOWNLOADS:
        file = root / name
        wanted = file.is_file() and mark in file.read_text(encoding="utf-8", errors="replace")
        where = Path(place).expanduser() if place.startswith("~") else root / place
        if wanted and not where.is_dir() and command not in said:
            said.add(command)
            text = f"{name} asks for packages, and {where} is missing: run `{command}`, as tests run offline"
            yield Finding("packages", "warning", text)
