"""Brings a commit into the user's repository: one compare-and-swap of a ref, then exactly the changed files.

A journal beside the private git directory says what was begun. Killed before the ref moved, nothing
happened; killed after it, publishing again finishes the index and the files.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock

from moot.agent.core.errors import Refused
from moot.agent.core.types import ApplyMode, Publication
from moot.agent.git.discover import Location, current_branch
from moot.agent.git.names import check_id, check_run_id
from moot.agent.git.plumbing import Git, GitFailed
from moot.agent.git.private import write_atomically
from moot.agent.git.worktree import FileEdit, FileState, Worktree

__all__ = ["Change", "Publisher", "changes_between"]

_OTHERWISE = "or use --apply branch"
_INDEX_TRIES = 20
_INDEX_WAIT = 0.25
"""Seconds between tries while another git process holds the index: 5 seconds in all."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of `diff-tree --raw`: modes are empty and ids are zeros on the side without the file."""

    path: str
    old_mode: str
    new_mode: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class _Record:
    """What the journal says of a run. `commit` is as it was proposed, `published` as it was published."""

    mode: str
    base: str
    commit: str
    published: str | None
    branch: str | None
    patch_file: str | None
    done: bool

    def publication(self) -> Publication:
        return Publication(ApplyMode(self.mode), self.published, self.branch, self.patch_file)


class Publisher:
    """Publishes runs of one repository."""

    def __init__(self, location: Location, private: Git, data_dir: Path) -> None:
        self._location = location
        self._private = private
        self._runs = data_dir / "runs"
        self._home = data_dir / "repos" / location.key
        self._user = Git(location.git_dir, location.root, location.root)
        self._indexer = Git(private.git_dir, location.root, location.root)
        self._tree = Worktree(
            location.root, self._user, Git(location.git_dir, location.root, location.root, own_config=True)
        )

    def publish(self, run_id: str, base: str, commit: str, mode: ApplyMode) -> Publication:
        """Publish once; the same call again returns the same publication.

        Raises:
            Refused: something of the user's is in the way; nothing was changed.
        """
        for check, text in ((check_run_id, run_id), (check_id, base), (check_id, commit)):
            check(text)
        if mode is ApplyMode.NONE:
            return Publication(mode)
        with FileLock(self._home / "publish.lock"):
            record = self._recall(run_id)
            if record is None or self._never_moved(record):
                record = self._begin(run_id, base, commit, mode)
            elif (record.mode, record.base, record.commit) != (mode.value, base, commit):
                raise Refused(f"run {run_id} was already published another way: start a new run")
            if not record.done:
                self._finish(run_id, record)
                self._remember(run_id, replace(record, done=True))
            return record.publication()

    def _never_moved(self, record: _Record) -> bool:
        """Tell whether a publication as a commit was cut off before anything of it could be seen."""
        if record.done or record.mode != ApplyMode.COMMIT:
            return False
        return self._tip(f"refs/heads/{record.branch}") != record.published

    def dirty(self, paths: Sequence[str]) -> list[str]:
        """Return those paths whose working file or index entry differs from HEAD."""
        if not paths:
            return []
        entries = _tree_entries(self._user, "HEAD", paths)
        staged = self._staged(paths)
        contents = dict(self._user.blobs({blob for mode, blob in entries.values() if mode != "160000"}))
        plain = [path for path in paths if entries.get(path, ("", ""))[0] != "160000"]
        states = [(path, _state(entries.get(path), contents)) for path in plain]
        differing = set(self._tree.differing(states))
        differing |= {path for path in paths if staged.get(path) != entries.get(path)}
        return [path for path in paths if path in differing]

    def _begin(self, run_id: str, base: str, commit: str, mode: ApplyMode) -> _Record:
        """Check everything, store the objects, and write the journal; the user sees nothing yet."""
        branch = patch_file = published = None
        match mode:
            case ApplyMode.COMMIT:
                branch = self._require_tip(base)
                self._require_clean(changes_between(self._private, base, commit))
                published = self._sign(run_id, base, commit)
            case ApplyMode.BRANCH:
                branch = f"moot/{run_id}"
                published = self._sign(run_id, base, commit)
            case ApplyMode.WORKTREE:
                self._require_clean(changes_between(self._private, base, commit))
            case _:
                patch_file = str(self._runs / run_id / "changes.patch")
        record = _Record(mode.value, base, commit, published, branch, patch_file, done=False)
        self._remember(run_id, record)
        return record

    def _finish(self, run_id: str, record: _Record) -> None:
        changes = changes_between(self._private, record.base, record.commit)
        if record.published:
            self._transfer(record, changes)
        match ApplyMode(record.mode):
            case ApplyMode.COMMIT:
                self._move(run_id, record)
                self._update_index(changes)
                self._update_files(changes)
            case ApplyMode.BRANCH:
                self._make_branch(run_id, record)
            case ApplyMode.WORKTREE:
                self._update_files(changes)
            case _:
                patch = self._private.run(
                    "diff-tree", "-p", "--binary", "--full-index", record.base, record.commit
                )
                write_atomically(self._runs / run_id / "changes.patch", patch)

    # --- what must hold ---------------------------------------------------------------------

    def _require_tip(self, base: str) -> str:
        branch = current_branch(self._user)
        if branch is None:
            raise Refused("HEAD is detached: check out a branch, or use --apply branch")
        if self._user.line("rev-parse", "--verify", "HEAD^{commit}") != base:
            raise Refused(f"the branch {branch} has moved since the run began: run again, {_OTHERWISE}")
        for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"):
            if (self._location.git_dir / name).exists():
                raise Refused(f"a merge, cherry-pick or revert is not finished: finish it, {_OTHERWISE}")
        if any(self._location.git_dir.glob("sharedindex.*")):
            raise Refused(
                f"split indexes are not supported: run `git update-index --no-split-index`, {_OTHERWISE}"
            )
        if (self._location.git_dir / "index.lock").exists():
            raise Refused(
                f"another git process holds {self._location.git_dir / 'index.lock'}: "
                f"wait for it, or remove the file if none runs"
            )
        return branch

    def _require_clean(self, changes: Sequence[Change]) -> None:
        paths = [change.path for change in changes]
        self._tree.require_plain(paths)
        old = {change.path: (change.old_mode, change.old) for change in changes if change.old_mode}
        contents = dict(self._private.blobs(blob for _, blob in old.values()))
        states = [(path, _state(old.get(path), contents)) for path in paths]
        dirty = sorted({*self._tree.differing(states), *self.dirty(paths)})
        if dirty:
            names = ", ".join(dirty[:5]) + (" …" if len(dirty) > 5 else "")
            raise Refused(f"your uncommitted changes overlap in {names}: commit or stash them, {_OTHERWISE}")

    # --- steps, each of which may be repeated -----------------------------------------------

    def _sign(self, run_id: str, base: str, commit: str) -> str:
        """Give the commit its trailer and the time of its publication."""
        message = self._private.run("cat-file", "commit", commit).partition(b"\n\n")[2].rstrip() + b"\n"
        message = self._private.run(
            "interpret-trailers", "--if-exists=doNothing", f"--trailer=Moot-Run: {run_id}", stdin=message
        )
        now = f"{int(time.time())} +0000"
        date = {"GIT_AUTHOR_DATE": now, "GIT_COMMITTER_DATE": now}
        return self._private.line("commit-tree", f"{commit}^{{tree}}", "-p", base, stdin=message, env=date)

    def _transfer(self, record: _Record, changes: Sequence[Change]) -> None:
        """Copy the new objects to the user's store; no history is walked, so shallow clones work."""
        raw = self._private.run(
            "diff-tree", "-r", "-t", "--raw", "-z", "--no-renames", record.base, record.commit
        )
        new = {change.new for change in _parse_raw(raw) if change.new_mode not in ("", "160000")}
        root = self._private.line("rev-parse", f"{record.commit}^{{tree}}")
        wanted = "".join(f"{name}\n" for name in sorted({*new, root, str(record.published)}))
        pack = self._private.run("pack-objects", "--stdout", "--quiet", stdin=wanted.encode())
        self._user.run("unpack-objects", "-q", stdin=pack)

    def _move(self, run_id: str, record: _Record) -> None:
        ref, new = f"refs/heads/{record.branch}", str(record.published)
        if self._tip(ref) == new:
            return
        try:
            self._user.run("update-ref", "-m", f"moot: run {run_id}", ref, new, record.base)
        except GitFailed as exc:
            self._forget(run_id)
            raise Refused(
                f"the branch {record.branch} moved while publishing: run again, {_OTHERWISE}"
            ) from exc

    def _make_branch(self, run_id: str, record: _Record) -> None:
        ref, new = f"refs/heads/{record.branch}", str(record.published)
        if self._tip(ref) == new:
            return
        try:
            self._user.run("update-ref", "-m", f"moot: run {run_id}", ref, new, "0" * len(new))
        except GitFailed as exc:
            self._forget(run_id)
            raise Refused(
                f"the branch {record.branch} cannot be made ({exc.text}): rename what is in the way, "
                f"or use --apply patch"
            ) from exc

    def _update_index(self, changes: Sequence[Change]) -> None:
        """Set the index entries that still are as they were; the user's other entries stay.

        Writing an index compares files that were changed within its own time stamp, through the clean
        filters that the configuration names; so this runs with our git directory's configuration.
        """
        index = {"GIT_INDEX_FILE": str(self._location.git_dir / "index")}
        staged = self._staged([change.path for change in changes])
        lines: list[bytes] = []
        for change in changes:
            old = (change.old_mode, change.old) if change.old_mode else None
            if staged.get(change.path) == old:
                mode = change.new_mode or "0"
                lines.append(f"{mode} {change.new}\t".encode() + os.fsencode(change.path) + b"\0")
        if not lines:
            return
        for attempt in range(_INDEX_TRIES):
            try:
                self._indexer.run("update-index", "-z", "--index-info", stdin=b"".join(lines), env=index)
            except GitFailed as exc:
                if "index.lock" not in exc.text or attempt == _INDEX_TRIES - 1:
                    raise Refused(
                        f"the commit is made but the index cannot be written ({exc.text}): resume the run"
                    ) from exc
                time.sleep(_INDEX_WAIT)
            else:
                return

    def _update_files(self, changes: Sequence[Change]) -> None:
        ids = {name for change in changes for name in (change.old, change.new) if name.strip("0")}
        contents = dict(self._private.blobs(ids))
        self._tree.replace(
            FileEdit(
                change.path,
                _state((change.old_mode, change.old) if change.old_mode else None, contents),
                _state((change.new_mode, change.new) if change.new_mode else None, contents),
            )
            for change in sorted(changes, key=lambda change: (bool(change.new_mode), change.path))
        )

    def _staged(self, paths: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return path -> (mode, blob) of index entries; a conflict shows as an entry equal to nothing."""
        result: dict[str, tuple[str, str]] = {}
        for line in self._user.run("ls-files", "-s", "-z", "--full-name", "--", *paths).split(b"\0"):
            if line:
                head, _, path = line.partition(b"\t")
                mode, blob, stage = head.decode().split()
                result[os.fsdecode(path)] = (mode, blob) if stage == "0" else ("conflict", blob)
        return result

    def _tip(self, ref: str) -> str | None:
        try:
            return self._user.line("rev-parse", "--verify", "--quiet", ref)
        except GitFailed:
            return None

    # --- the journal ------------------------------------------------------------------------

    def _journal(self, run_id: str) -> Path:
        return self._home / "publications" / f"{run_id}.json"

    def _recall(self, run_id: str) -> _Record | None:
        try:
            return _Record(**json.loads(self._journal(run_id).read_bytes()))
        except FileNotFoundError:
            return None

    def _remember(self, run_id: str, record: _Record) -> None:
        write_atomically(self._journal(run_id), json.dumps(asdict(record)).encode())

    def _forget(self, run_id: str) -> None:
        self._journal(run_id).unlink(missing_ok=True)


def changes_between(git: Git, base: str, commit: str) -> list[Change]:
    """Return the files that differ between two commits, without guessing renames."""
    return _parse_raw(
        git.run("diff-tree", "-r", "--raw", "-z", "--no-renames", check_id(base), check_id(commit))
    )


def _parse_raw(raw: bytes) -> list[Change]:
    """Parse `:100644 100644 <id> <id> M`, NUL, path, NUL, …"""
    fields = raw.split(b"\0")
    result: list[Change] = []
    for head, path in zip(fields[0::2], fields[1::2], strict=False):
        old_mode, new_mode, old, new, _ = head.decode().removeprefix(":").split()
        old_mode, new_mode = ("" if mode == "000000" else mode for mode in (old_mode, new_mode))
        result.append(Change(os.fsdecode(path), old_mode, new_mode, old, new))
    return result


def _tree_entries(git: Git, commit: str, paths: Sequence[str]) -> dict[str, tuple[str, str]]:
    result: dict[str, tuple[str, str]] = {}
    for line in git.run("ls-tree", "-z", "--full-tree", commit, "--", *paths).split(b"\0"):
        if line:
            head, _, path = line.partition(b"\t")
            mode, _, blob = head.decode().split()
            if mode != "040000":
                result[os.fsdecode(path)] = (mode, blob)
    return result


def _state(entry: tuple[str, str] | None, contents: dict[str, bytes]) -> FileState:
    return FileState(entry[0], contents[entry[1]]) if entry else FileState()
