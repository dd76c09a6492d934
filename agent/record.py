"""What a run leaves in its folder so that it can be resumed, undone and listed."""

from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from moot.agent.core.config import Settings
from moot.agent.core.errors import UsageError
from moot.agent.core.types import Task
from moot.agent.git.names import is_run_id
from moot.agent.git.private import write_atomically

__all__ = [
    "RECORD",
    "RESULT",
    "RunRecord",
    "kept_settings",
    "lock",
    "read",
    "run_folder",
    "write",
    "write_result",
]

RECORD = "run.json"
RESULT = "result.json"

_INSTANT = 1.0
"""Seconds that a run's lock is waited for: `agent log` takes it for a moment, to see who works."""

_OF_THE_MACHINE = frozenset(
    {
        *("base_url", "model", "api_key", "model_path", "codestral_repo", "server_port", "data_dir"),
        *("connect_timeout", "read_timeout", "price_in", "price_out", "pool"),
    }
)
"""Settings that say how to reach the models, not what the run does: a resumed run takes today's."""


class RunRecord(BaseModel):
    """A run as it began: enough to go on with it in the same way.

    Attributes:
        settings: those that decide the outcome, in JSON form, None where nothing was set; never the key.
    """

    model_config = ConfigDict(frozen=True)

    task: Task
    base: str
    repository: Path
    model: str = ""
    started: datetime | None = None
    settings: dict[str, Any] = {}

    def settings_of_run(self) -> dict[str, Any]:
        """Return the settings that the run goes on with, as far as they are still known."""
        known = Settings.model_fields.keys() - _OF_THE_MACHINE
        return {name: value for name, value in self.settings.items() if name in known}


def kept_settings(settings: Settings) -> dict[str, Any]:
    """Return what of the settings belongs into a record."""
    return settings.model_dump(mode="json", exclude=set(_OF_THE_MACHINE))


def run_folder(data_dir: Path, run_id: str) -> Path:
    """Return the folder of a run.

    Raises:
        UsageError: that cannot be the id of a run.
    """
    if not is_run_id(run_id):
        raise UsageError(f"{run_id!r} is not the id of a run: `agent log` lists them")
    return data_dir / "runs" / run_id


def read(data_dir: Path, run_id: str) -> RunRecord:
    """Return a run's record.

    Raises:
        UsageError: there is no such run, or its record cannot be read.
    """
    file = run_folder(data_dir, run_id) / RECORD
    try:
        return RunRecord.model_validate_json(file.read_bytes())
    except FileNotFoundError as exc:
        raise UsageError(f"there is no run {run_id}: `agent log` lists them") from exc
    except (OSError, ValidationError) as exc:
        raise UsageError(f"the record of run {run_id} in {file} cannot be read: start the task anew") from exc


def write(folder: Path, record: RunRecord) -> None:
    """Store a record in its run's folder, entirely or not at all."""
    write_atomically(folder / RECORD, record.model_dump_json(indent=2).encode())


def write_result(folder: Path, text: str) -> None:
    """Store a result, in its JSON form, as a record is stored; a name may hold bytes that are no text."""
    write_atomically(folder / RESULT, text.encode(errors="backslashreplace"))


def lock(folder: Path) -> FileLock:
    """Take a run for this process until it is released, or the process ends in any way.

    Raises:
        UsageError: another process has it.
    """
    taken = FileLock(folder / "run.lock", timeout=_INSTANT)
    try:
        taken.acquire()
    except Timeout as exc:
        raise UsageError(f"run {folder.name} is still going on in another process: wait for it") from exc
    return taken
