"""Runs answers in moot's sandbox and says what they give."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from moot.agent.core.commands import Command
from moot.agent.core.ports import Sandbox
from moot.agent.core.trials import Observed

__all__ = ["Bench", "Job"]

_HARNESS = Path(__file__).with_name("harness.py")
_SECONDS = 600.0
_SEEN = TypeAdapter(list[list[tuple[str, str]]])


@dataclass(frozen=True, slots=True)
class Job:
    """A program, and lines that are run after it, each by itself."""

    code: str
    items: tuple[str, ...]


class Bench:
    """Runs so many commands at a time."""

    def __init__(self, sandbox: Sandbox, at_once: int = 2) -> None:
        self._sandbox, self._slots = sandbox, asyncio.Semaphore(at_once)

    async def run(self, jobs: Sequence[Job]) -> list[tuple[Observed, ...]]:
        """Return what each item of each job showed."""
        with tempfile.TemporaryDirectory(prefix="moot-fusion-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            shutil.copy(_HARNESS, folder)
            plain = [{"code": job.code, "items": job.items} for job in jobs]
            (folder / "jobs").write_text(json.dumps(plain), encoding="utf-8")
            words = (os.path.realpath(sys.executable), "-I", _HARNESS.name, "jobs", "results")
            needs = (Path(sys.base_prefix),)
            command = Command(words, folder, _SECONDS, env={"PYTHONUTF8": "1"}, read_only=needs)
            async with self._slots:
                result = await self._sandbox.run(command)
            if result.exit_code != 0:
                raise RuntimeError(f"the harness failed: {result.stderr[-1000:]}")
            seen = _SEEN.validate_json((folder / "results").read_bytes())
        kinds = TypeAdapter(Observed)
        return [tuple(kinds.validate_python({"kind": k, "text": t}) for k, t in job) for job in seen]
