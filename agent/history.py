"""Earlier runs: which there were, what became of them, and taking one back.

`agent log` and `agent undo` must answer at once, so this opens the repository itself: the composition root
would load the graph and the models.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from moot.agent.core.errors import Refused, UsageError
from moot.agent.core.outcomes import Fate
from moot.agent.git.journal import Entry, Journal
from moot.agent.git.names import is_run_id
from moot.agent.git.repository import GitRepository
from moot.agent.outcomes.store import FILE, OutcomeStore
from moot.agent.record import RECORD, RESULT, run_folder

if TYPE_CHECKING:
    from moot.agent.fusion.transcript import Transcript

__all__ = ["History", "PastRun"]


@dataclass(frozen=True, slots=True)
class PastRun:
    """One line of the log.

    Attributes:
        started: in ISO 8601, UTC.
        status: of the result; `running`; `unfinished` when it was killed, also where another command
            finished its publication; `undone`.
        apply: how it was published; empty when it was not.
        undone: how it was taken back, in words.
    """

    run_id: str
    started: str
    repository: str
    task: str
    status: str
    exit_code: int | None = None
    apply: str = ""
    commit: str | None = None
    branch: str | None = None
    patch_file: str | None = None
    model: str = ""
    undone: str = ""
    reason: str = ""


class History:
    """The runs in a data folder, and the repository that they are looked at from."""

    def __init__(self, data_dir: Path, repository: GitRepository | None) -> None:
        """Bind to a data folder.

        Args:
            data_dir: the product's data folder.
            repository: where to look; None when runs of every repository are listed.
        """
        data_dir = data_dir.resolve()
        self._data_dir = data_dir
        self._outcomes = data_dir / FILE
        self._repository = repository
        self._journals = [Journal(home) for home in (data_dir / "repos").glob("*")]

    def runs(self, limit: int | None = None) -> list[PastRun]:
        """Return the runs of the repository, or of all when there is none, newest first."""
        folders = sorted((file.parent for file in self._data_dir.glob(f"runs/*/{RECORD}")), reverse=True)
        found = (self._past_run(folder) for folder in folders if is_run_id(folder.name))
        return _first(limit, (run for run in found if run is not None and self._is_here(run)))

    def run(self, run_id: str) -> PastRun:
        """Return one run.

        Raises:
            UsageError: there is none of that name.
        """
        run = self._past_run(run_folder(self._data_dir, run_id))
        if run is None:
            raise UsageError(f"there is no run {run_id}: `agent log` lists them")
        return run

    def latest(self) -> PastRun:
        """Return the newest run.

        Raises:
            UsageError: there is none yet.
        """
        for run in self.runs(1):
            return run
        raise UsageError("there are no runs here yet: `agent log --all` lists those of other repositories")

    def result(self, run_id: str) -> dict[str, Any]:
        """Return the result object of a run; empty when it has none yet."""
        return _read(run_folder(self._data_dir, run_id) / RESULT)

    def debate(self, run_id: str) -> "list[Transcript]":
        """Return what was argued in a run, round by round."""
        from moot.agent.fusion.transcript import load  # the log must come at once, and does not need it

        return load(run_folder(self._data_dir, run_id))

    def undo(self, run_id: str | None) -> Entry:
        """Take a run back, the latest published one by default.

        Raises:
            UsageError: there is no such run.
            Refused: it cannot be taken back; nothing was changed.
        """
        repository = self._repository
        assert repository is not None
        if run_id is None:
            run_id = repository.latest()
        if run_id is None:
            raise Refused(f"no run has published anything in {repository.root} that is not undone yet")
        if repository.published(run_id) is None:
            self._explain_unpublished(run_id, repository.root)
        entry = repository.undo(run_id)
        self._note_undone(run_id)
        return entry

    def _note_undone(self, run_id: str) -> None:
        """Log that an edit did not last; where no log is, none is begun."""
        if self._outcomes.is_file():
            # What is taken back is, whether it can be logged or not.
            with suppress(UsageError), OutcomeStore(self._outcomes) as store:
                store.settle(run_id, Fate.UNDONE)

    def _explain_unpublished(self, run_id: str, root: Path) -> None:
        run = self.run(run_id)
        if run.repository != str(root):
            raise UsageError(f"run {run_id} belongs to {run.repository}: pass that with --repo")
        if run.status == "unfinished":
            raise Refused(f"run {run_id} is not finished and has published nothing: there is nothing to undo")

    def _is_here(self, run: PastRun) -> bool:
        return self._repository is None or run.repository == str(self._repository.root)

    def _past_run(self, folder: Path) -> PastRun | None:
        record = _read(folder / RECORD)
        if not record:
            return None
        result: dict[str, Any] = _read(folder / RESULT)
        entry = _first_of(journal.published(folder.name) for journal in self._journals)
        undone = _first_of(journal.undone(folder.name) for journal in self._journals)
        if entry and result.get("status") != "done":  # it was cut off, and another command finished it
            result = {"commit": entry.published, "branch": entry.branch, "patch_file": entry.patch_file}
        return PastRun(
            run_id=folder.name,
            started=_started(folder),
            repository=record.get("repository", ""),
            task=record.get("task", {}).get("text", ""),
            status="undone" if undone else result.get("status") or _without_result(folder),
            exit_code=result.get("exit_code"),
            apply=entry.mode if entry else "",
            commit=result.get("commit"),
            branch=result.get("branch"),
            patch_file=result.get("patch_file"),
            model=(entry.model if entry else "") or record.get("model", ""),
            undone=undone.how if undone else "",
            reason=result.get("reason", ""),
        )


def _first(limit: int | None, runs: Iterable[PastRun]) -> list[PastRun]:
    return [run for _, run in zip(range(limit), runs, strict=False)] if limit else list(runs)


def _first_of(entries: Iterable[Entry | None]) -> Entry | None:
    return next((entry for entry in entries if entry is not None), None)


def _read(file: Path) -> dict[str, Any]:
    """Return a JSON object; a file that is missing or was cut off is as good as none."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _without_result(folder: Path) -> str:
    """Tell a run that still works from one that was killed: only the first holds its lock."""
    if not (folder / "run.lock").exists():
        return "unfinished"
    try:
        with FileLock(folder / "run.lock").acquire(blocking=False):
            return "unfinished"
    except Timeout:
        return "running"


def _started(folder: Path) -> str:
    """Read the time off the run's id; ids of another form have the time of their folder."""
    try:
        moment = datetime.strptime(folder.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        moment = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    return moment.isoformat(timespec="seconds")
