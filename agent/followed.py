"""Which run another one follows, and whether it can."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from moot.agent import record as records
from moot.agent.core.errors import UsageError
from moot.agent.core.types import RunStatus
from moot.agent.graph.conversation import read

__all__ = ["followed"]


def followed(data_dir: Path, repository: Path, wanted: str) -> str:
    """Return the id of the run whose conversation can go on.

    Args:
        data_dir: the product's data folder.
        repository: top of the working tree of both runs.
        wanted: an id; `last` for the newest run of the repository.

    Raises:
        UsageError: there is no such run here, it is not finished, or it has no conversation.
    """
    run_id = _last(data_dir, repository) if wanted == "last" else wanted
    record = records.read(data_dir, run_id)
    if record.repository != repository:
        raise UsageError(f"run {run_id} belongs to {record.repository}: follow it there, or with --repo")
    folder = records.run_folder(data_dir, run_id)
    if not _finished(folder):
        raise UsageError(f"run {run_id} is not finished: end it first, with `agent run --resume {run_id}`")
    if not read(folder).said:
        raise UsageError(f"run {run_id} ended without an answer of the model: there is nothing to go on from")
    return run_id


def _last(data_dir: Path, repository: Path) -> str:
    for file in sorted((data_dir / "runs").glob(f"*/{records.RECORD}"), reverse=True):
        try:
            if records.read(data_dir, file.parent.name).repository == repository:
                return file.parent.name
        except UsageError:
            continue  # another run's damaged record is told where that run is asked for
    raise UsageError("no run of this repository can be followed: there is none yet")


def _finished(folder: Path) -> bool:
    """Tell whether a run came to its end; a result that was cut off is as good as none."""
    try:
        result = TypeAdapter(dict[str, Any]).validate_json((folder / records.RESULT).read_bytes())
    except (OSError, ValidationError):
        return False
    return result.get("status") != RunStatus.INTERRUPTED
