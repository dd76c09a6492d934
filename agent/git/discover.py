"""Finds the user's repository and says in one sentence what is wrong with it."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from moot.agent.core.errors import UsageError
from moot.agent.core.surrogates import has_surrogates
from moot.agent.git.names import check_id
from moot.agent.git.plumbing import Git, GitFailed, require_git

__all__ = ["Location", "current_branch", "find"]


@dataclass(frozen=True, slots=True)
class Location:
    """Where a repository is and where its HEAD stood when it was opened.

    Attributes:
        root: top of the working tree.
        git_dir: its git directory (of the linked worktree, where it is one).
        common_dir: the git directory that all worktrees share.
        head: commit id of HEAD.
        branch: short name of the branch; None when HEAD is detached.
        object_format: `sha1` or `sha256`.
    """

    root: Path
    git_dir: Path
    common_dir: Path
    head: str
    branch: str | None
    object_format: str

    @property
    def key(self) -> str:
        """Name of the repository's folder among our data."""
        return hashlib.sha256(os.fsencode(self.common_dir)).hexdigest()[:16]


def find(path: Path) -> Location:
    """Find the repository whose working tree holds `path`.

    Raises:
        UsageError: there is none that can be worked on; the message says what to do.
    """
    try:
        if not path.exists():
            raise UsageError(f"{path} does not exist: pass an existing folder with --repo")
        if not path.is_dir():
            raise UsageError(f"{path} is not a folder: pass the repository's folder with --repo")
        (path / ".git").exists()  # fails where the folder may not be searched
    except OSError as exc:
        raise UsageError(
            f"{path} cannot be opened ({exc.strerror}): pass another folder with --repo"
        ) from exc
    require_git()
    path = path.resolve()
    root, git_dir, common_dir, object_format = _ask(path)
    git = Git(git_dir, root, root)
    return Location(root, git_dir, common_dir, _head(git, root), current_branch(git), object_format)


def current_branch(git: Git) -> str | None:
    """Return the short name of the branch that HEAD is on; None when it is detached."""
    try:
        name = git.line("symbolic-ref", "--quiet", "HEAD")
    except GitFailed:
        return None
    return name.removeprefix("refs/heads/")


def _ask(path: Path) -> tuple[Path, Path, Path, str]:
    """Let git search, with the user's own configuration: it may name directories as safe."""
    git = Git(None, path, own_config=True)
    try:
        bare, inside = git.line("rev-parse", "--is-bare-repository", "--is-inside-work-tree").split("\n")
        if bare == "true":
            raise UsageError(f"{path} is a bare repository: clone it and pass the clone with --repo")
        if inside != "true":
            raise UsageError(f"{path} is inside a git directory: pass the working tree with --repo")
        options = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir", "--show-object-format")
        lines = git.line("rev-parse", *options).split("\n")
    except GitFailed as exc:
        raise UsageError(_explain(path, exc.text)) from exc
    if any(has_surrogates(line) for line in lines):
        raise UsageError(f"the path of the repository is not UTF-8: rename a folder of {lines[0]!r}")
    root, git_dir = Path(lines[0]), Path(lines[1])
    common_dir = (path / lines[2]).resolve()
    if not path.is_relative_to(root) or not os.path.lexists(root / ".git"):
        raise UsageError(f"{path} has its working tree elsewhere, in {root}: pass that folder with --repo")
    return root, git_dir, common_dir, lines[3]


def _head(git: Git, root: Path) -> str:
    try:
        return check_id(git.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
    except GitFailed as exc:
        raise UsageError(f"{root} has no commit yet: run `git add -A && git commit` first") from exc


def _explain(path: Path, text: str) -> str:
    if "dubious ownership" in text or "unsafe repository" in text:
        return (
            f"{path} belongs to another user: run `git config --global --add safe.directory {path}` "
            f"if you trust it"
        )
    if "bareRepository" in text or "bare repository" in text:
        return f"{path} is a bare repository: clone it and pass the clone with --repo"
    if "not a git repository" in text:
        return f"{path} is not a git repository: run `git init` and commit first, or pass --repo"
    first = text.splitlines()[0] if text else "no reason given"
    return f"git cannot open {path}: {first}"
