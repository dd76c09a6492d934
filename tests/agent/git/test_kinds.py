"""Kinds of repositories: each works, or is refused in one sentence that says what to do."""

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from moot.agent.core.choices import ApplyMode
from moot.agent.core.errors import MootError, Refused, UsageError
from moot.agent.core.types import FileChange, Patch
from moot.agent.git import landing
from moot.agent.git.landing import Lander
from moot.agent.git.repository import GitRepository
from moot.agent.git.worktree import Worktree
from tests.agent.git.conftest import git
from tests.agent.git.test_publish import edit, publish
from tests.agent.git.test_repository import change, commit, snapshot

WAYS = [ApplyMode.COMMIT, ApplyMode.BRANCH, ApplyMode.WORKTREE, ApplyMode.PATCH]


def reopen(root: Path, repository: GitRepository) -> GitRepository:
    return GitRepository.open(root, repository.data_dir)


# --- sparse checkouts -----------------------------------------------------------------------------


@pytest.fixture(params=["cone", "no-cone", "sparse-index"])
def sparse(root, repository, request):
    """Only the top level and `pkg` are checked out; `out` and `out/deep` are not."""
    (root / "out" / "deep").mkdir(parents=True)
    (root / "out" / "o.py").write_text("O = 1\n")
    (root / "out" / "deep" / "d.py").write_text("D = 1\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "three")
    if request.param == "no-cone":
        git(root, "sparse-checkout", "set", "--no-cone", "/*", "!/out/")
    else:
        index = ["--sparse-index"] if request.param == "sparse-index" else []
        git(root, "sparse-checkout", "set", "--cone", *index, "pkg")
    assert not (root / "out").exists()
    return reopen(root, repository)


def test_sparse_inside(sparse, root):
    publish(sparse, ApplyMode.COMMIT)
    assert git(root, "status", "--porcelain") == ""
    assert not (root / "out").exists()
    sparse.undo("run-1")
    assert git(root, "status", "--porcelain") == ""
    assert (root / "a.py").read_text() == "A = 1\n"


@pytest.mark.parametrize("deleted", [False, True])
def test_sparse_outside_is_committed_and_stays_outside(sparse, root, deleted):
    content = None if deleted else b"D = 2\n"
    new = commit(sparse, change(sparse, "out/deep/d.py", content), change(sparse, "a.py", b"A = 2\n"))
    publish(sparse, ApplyMode.COMMIT, new)
    assert git(root, "diff", "--name-only", "HEAD^", "HEAD").split() == ["a.py", "out/deep/d.py"]
    assert git(root, "status", "--porcelain") == ""
    assert not (root / "out").exists()
    assert (root / "a.py").read_text() == "A = 2\n"
    sparse.undo("run-1")
    git(root, "sparse-checkout", "disable")
    assert git(root, "status", "--porcelain") == ""
    assert (root / "out" / "deep" / "d.py").read_text() == "D = 1\n"


def test_sparse_new_file_outside_is_written(sparse, root):
    new = commit(sparse, FileChange("out/new.py", None, b"N = 1\n"))
    publish(sparse, ApplyMode.COMMIT, new)
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "show", "HEAD:out/new.py") == "N = 1"


def test_sparse_outside_cannot_be_written_without_a_commit(sparse, root):
    new = commit(sparse, change(sparse, "out/o.py", b"O = 2\n"))
    before = snapshot(root)
    with pytest.raises(Refused, match=r"outside your sparse checkout: out/o\.py"):
        publish(sparse, ApplyMode.WORKTREE, new)
    assert snapshot(root) == before


def test_sparse_file_that_its_user_brought_back(sparse, root):
    (root / "out").mkdir()
    (root / "out" / "o.py").write_text("O = 'mine'\n")
    new = commit(sparse, change(sparse, "out/o.py", b"O = 2\n"))
    with pytest.raises(Refused, match="uncommitted"):
        publish(sparse, ApplyMode.COMMIT, new)


def test_sparse_file_outside_that_becomes_a_folder_and_back(sparse, root):
    gone = [change(sparse, path, None) for path in ("out/o.py", "out/deep/d.py")]
    new = commit(sparse, *gone, FileChange("out", None, b"file\n"))
    publish(sparse, ApplyMode.COMMIT, new)
    assert git(root, "ls-tree", "-r", "--name-only", "HEAD", "out") == "out"
    assert git(root, "status", "--porcelain") == ""
    sparse.undo("run-1")
    assert git(root, "status", "--porcelain") == ""
    assert "out/deep/d.py" in git(root, "ls-files")


# --- files and folders in each other's place ------------------------------------------------------


FLIPS = {
    "folder": [("a.py", None), ("a.py/in/b.py", b"B = 1\n")],
    "file": [("pkg/b.py", None), ("pkg", b"B = 1\n")],
    "link": [("link", None), ("link/b.py", b"B = 1\n")],
}


def flip(repository: GitRepository, name: str) -> str:
    edits = [change(repository, p, t) if t is None else FileChange(p, None, t) for p, t in FLIPS[name]]
    return commit(repository, *edits)


@pytest.mark.parametrize("name", FLIPS)
@pytest.mark.parametrize("mode", [ApplyMode.COMMIT, ApplyMode.WORKTREE])
def test_a_file_and_a_folder_take_each_others_place(repository, root, mode, name):
    before = snapshot(root)
    publish(repository, mode, flip(repository, name))
    assert (root / FLIPS[name][1][0]).read_bytes() == b"B = 1\n"
    if mode is ApplyMode.COMMIT:
        assert git(root, "status", "--porcelain") == ""
    repository.undo("run-1")
    assert git(root, "status", "--porcelain") == ""
    assert {path: state for path, state in snapshot(root).items() if not path.startswith(".git/")} == {
        path: state for path, state in before.items() if not path.startswith(".git/")
    }


def test_a_folder_with_files_of_its_user_does_not_become_a_file(repository, root):
    (root / "pkg" / "mine.txt").write_text("mine\n")
    before = snapshot(root)
    with pytest.raises(Refused, match="uncommitted changes overlap in pkg:"):
        publish(repository, ApplyMode.COMMIT, flip(repository, "file"))
    assert snapshot(root) == before


@pytest.mark.parametrize(("staged", "added"), [("new", "new/n.py"), ("new/n.py/m.py", "new/n.py")])
def test_what_is_staged_and_not_on_disk_is_in_the_way(repository, root, staged, added):
    (root / staged).parent.mkdir(parents=True, exist_ok=True)
    (root / staged).write_text("mine\n")
    git(root, "add", "-A")
    (root / staged).unlink()
    for folder in (root / "new" / "n.py", root / "new"):
        if folder.is_dir():
            folder.rmdir()
    before = snapshot(root)
    with pytest.raises(Refused, match=f"uncommitted changes overlap in {staged}"):
        publish(repository, ApplyMode.COMMIT, commit(repository, FileChange(added, None, b"N = 1\n")))
    assert snapshot(root) == before


@pytest.mark.parametrize(("theirs", "ours"), [("new", "new/n.py"), ("new/n.py", "new")])
def test_a_branch_that_moved_on_to_a_file_where_the_run_has_a_folder(repository, root, theirs, ours):
    new, base = commit(repository, FileChange(ours, None, b"N = 1\n")), repository.head
    (root / theirs).parent.mkdir(exist_ok=True)
    (root / theirs).write_text("theirs\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "theirs")
    (root / theirs).unlink()
    git(root, "update-index", "--skip-worktree", theirs)
    with pytest.raises(Refused, match=f"has moved since the run began, with changes in {theirs}:"):
        repository.publish("run-1", base, new, ApplyMode.COMMIT)
    assert git(root, "show", f"HEAD:{theirs}") == "theirs"


# --- object formats, partial and shallow clones ---------------------------------------------------


@pytest.mark.parametrize("mode", WAYS)
def test_sha256(tmp_path, mode):
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main", "--object-format=sha256")
    (root / "a.py").write_text("A = 1\n")
    git(root, "add", "a.py")
    git(root, "commit", "-qm", "one")
    repository = GitRepository.open(root, tmp_path / "data")
    before = git(root, "for-each-ref")
    publish(repository, mode, commit(repository, change(repository, "a.py", b"A = 2\n")))
    repository.undo("run-1")
    assert git(root, "for-each-ref") == before
    assert git(root, "status", "--porcelain") == ""
    assert "error" not in git(root, "fsck", "--strict", "--no-dangling")


@pytest.fixture
def partial(root, tmp_path):
    """A clone without blobs, whose remote would run a command if anything were fetched from it."""
    git(root, "config", "uploadpack.allowFilter", "true")
    git(root, "config", "uploadpack.allowAnySHA1InWant", "true")

    def clone(*options: str) -> Path:
        path = tmp_path / "partial"
        git(tmp_path, "clone", "-q", "--filter=blob:none", *options, f"file://{root}", str(path))
        git(path, "config", "remote.origin.url", f"ext::sh -c touch% {tmp_path / 'canary'}")
        git(path, "config", "protocol.allow", "always")
        return path

    return clone


def test_partial_clone_with_what_is_needed(partial, tmp_path):
    path = partial()
    repository = GitRepository.open(path, tmp_path / "data")
    publish(repository, ApplyMode.COMMIT)
    repository.undo("run-1")
    assert git(path, "status", "--porcelain") == ""
    assert not (tmp_path / "canary").exists()


def test_partial_clone_with_missing_blobs_is_refused_and_fetches_nothing(partial, root, tmp_path):
    path = partial("--no-checkout")
    repository = GitRepository.open(path, tmp_path / "data")
    with pytest.raises(UsageError, match="git fetch --refetch --no-filter") as caught:
        repository.files(repository.head)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "canary").exists()
    git(path, "config", "remote.origin.url", f"file://{root}")
    git(path, "fetch", "-q", "--refetch", "--no-filter")
    git(path, "reset", "-q", "--hard")
    publish(reopen(path, repository), ApplyMode.COMMIT)
    assert git(path, "status", "--porcelain") == ""


def test_shallow_clone_that_moved_on(root, tmp_path):
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    path = tmp_path / "shallow"
    repository = GitRepository.open(path, tmp_path / "data")
    (path / "c.txt").write_text("seen\n")
    git(path, "commit", "-qam", "three")
    assert publish(repository, ApplyMode.COMMIT).onto == git(path, "rev-parse", "HEAD^")
    git(path, "commit", "-q", "--allow-empty", "-m", "four")
    repository.undo("run-1")
    assert git(path, "diff", "--name-only", repository.head, "HEAD") == "c.txt"
    assert git(path, "status", "--porcelain") == ""


# --- attributes and line ends ---------------------------------------------------------------------


@pytest.mark.parametrize("mode", WAYS)
def test_lfs_pointers(root, tmp_path, mode):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 1\n"
    (root / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (root / "big.bin").write_text(pointer)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "lfs")
    canary = tmp_path / "canary"
    for name in ("clean", "smudge", "process"):
        git(root, "config", f"filter.lfs.{name}", f"sh -c 'touch {canary}'")
    repository = GitRepository.open(root, tmp_path / "data")
    new = commit(repository, change(repository, "big.bin", pointer.replace("0", "1").encode()))
    before = snapshot(root)
    if mode in (ApplyMode.COMMIT, ApplyMode.WORKTREE):
        with pytest.raises(Refused, match="'filter', which is not run here: use --apply branch"):
            publish(repository, mode, new)
        assert snapshot(root) == before
    else:
        publish(repository, mode, new)
        repository.undo("run-1")
    other = commit(repository, change(repository, "a.py", b"A = 2\n"))
    publish(repository, mode, other, "run-2")
    repository.undo("run-2")
    assert not canary.exists()


@pytest.mark.parametrize(
    ("settings", "attributes", "ends"),
    [
        ({"core.autocrlf": "true"}, "", b"\r\n"),
        ({"core.autocrlf": "1"}, "", b"\r\n"),
        ({"core.autocrlf": "Yes"}, "", b"\r\n"),
        ({"core.autocrlf": "off", "core.eol": "crlf"}, "* text=auto\n", b"\r\n"),
        ({"core.autocrlf": "input"}, "", b"\n"),
        ({"core.autocrlf": "Input", "core.eol": "crlf"}, "* text=auto\n", b"\n"),
        ({}, "*.py text eol=crlf\n", b"\r\n"),
        ({}, "*.py eol=lf\n", b"\n"),
        ({"core.autocrlf": "true"}, "*.py -text\n", b"\n"),
        ({"core.eol": "crlf"}, "* text=auto\n", b"\r\n"),
        ({"core.autocrlf": "true"}, "*.py eol=lf\n", b"\n"),
    ],
)
@pytest.mark.parametrize("mode", [ApplyMode.COMMIT, ApplyMode.WORKTREE])
def test_line_ends_are_those_of_git(root, tmp_path, settings, attributes, ends, mode):
    (root / ".gitattributes").write_text(attributes)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "attributes")
    for name, value in settings.items():
        git(root, "config", name, value)
    for path in (root / "a.py", root / "pkg" / "b.py"):
        path.unlink()
    git(root, "checkout", "-q", ".")
    repository = GitRepository.open(root, tmp_path / "data")
    assert repository.dirty(["a.py", "pkg/b.py", "c.txt"]) == []
    publish(repository, mode)
    assert (root / "a.py").read_bytes() == b"A = 2" + ends
    if mode is ApplyMode.COMMIT:
        assert git(root, "status", "--porcelain") == ""
    written = {path: (root / path).read_bytes() for path in ("a.py", "new/n.py")}
    for path in written if mode is ApplyMode.COMMIT else ():
        (root / path).unlink()
        git(root, "checkout", "-q", path)
        assert (root / path).read_bytes() == written[path]
    repository.undo("run-1")
    assert git(root, "status", "--porcelain") == ""
    assert (root / "a.py").read_bytes() == b"A = 1" + ends


def test_line_ends_that_git_would_normalise_are_no_edit(root, tmp_path):
    git(root, "config", "core.autocrlf", "input")
    (root / "a.py").write_bytes(b"A = 1\r\n")
    git(root, "add", "a.py")
    assert git(root, "diff", "HEAD") == ""
    publish(GitRepository.open(root, tmp_path / "data"), ApplyMode.COMMIT)
    assert git(root, "status", "--porcelain") == ""


# --- submodules, indexes, refs --------------------------------------------------------------------


@pytest.mark.parametrize("mode", WAYS)
def test_submodules_are_left_alone(root, tmp_path, mode):
    git(tmp_path, "clone", "-q", str(root), "library")
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"{tmp_path}/library", "sub")
    git(root, "commit", "-qm", "submodule")
    (root / "sub" / "a.py").write_text("A = 'mine'\n")
    before = snapshot(root / "sub")
    repository = GitRepository.open(root, tmp_path / "data")
    new = edit(repository)
    entry = git(root, "ls-tree", "HEAD", "sub")
    publish(repository, mode, new)
    assert git(root, "ls-tree", "HEAD", "sub") == entry
    repository.undo("run-1")
    assert snapshot(root / "sub") == before
    assert git(root, "status", "--porcelain") == " M sub"


@pytest.mark.parametrize("kind", ["fsmonitor", "untracked cache", "version 4", "assume unchanged"])
def test_extensions_of_the_index(root, tmp_path, kind):
    if kind == "fsmonitor":
        git(root, "config", "core.fsmonitor", "false")
        git(root, "update-index", "--fsmonitor")
    elif kind == "untracked cache":
        git(root, "update-index", "--force-untracked-cache")
        git(root, "status")
    elif kind == "version 4":
        git(root, "update-index", "--index-version", "4")
    else:
        git(root, "update-index", "--assume-unchanged", "a.py")
    publish(GitRepository.open(root, tmp_path / "data"), ApplyMode.COMMIT)
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "diff", "HEAD") == ""
    if kind == "assume unchanged":
        assert git(root, "ls-files", "-v", "a.py") == "h a.py"


def test_split_indexes_are_refused_and_the_advice_helps(root, tmp_path):
    git(root, "update-index", "--split-index")
    repository = GitRepository.open(root, tmp_path / "data")
    with pytest.raises(Refused, match="git update-index --no-split-index"):
        publish(repository, ApplyMode.COMMIT)
    git(root, "update-index", "--no-split-index")
    publish(repository, ApplyMode.COMMIT)
    assert git(root, "status", "--porcelain") == ""


def test_intent_to_add_is_the_users_work(root, tmp_path):
    (root / "new").mkdir()
    (root / "new" / "n.py").write_text("")
    git(root, "add", "-N", "new/n.py")
    with pytest.raises(Refused, match="uncommitted"):
        publish(GitRepository.open(root, tmp_path / "data"), ApplyMode.COMMIT)


def test_packed_refs(repository, root):
    git(root, "pack-refs", "--all")
    publish(repository, ApplyMode.COMMIT)
    git(root, "pack-refs", "--all")
    repository.undo("run-1")
    assert git(root, "rev-parse", "main") == repository.head


def test_reftable(tmp_path):
    made = subprocess.run(["git", "init", "-q", "--ref-format=reftable", str(tmp_path / "r")], check=False)
    if made.returncode:
        pytest.skip("this git has no reftable")
    root = tmp_path / "r"
    (root / "a.py").write_text("A = 1\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    repository = GitRepository.open(root, tmp_path / "data")
    new = commit(repository, change(repository, "a.py", b"A = 2\n"))
    publish(repository, ApplyMode.COMMIT, new)
    repository.undo("run-1")
    assert git(root, "rev-parse", "HEAD") == repository.head


NAMES = [
    b"new\nline",
    b'quo"te',
    b"back\\slash",
    b"sp ace",
    "ünï".encode(),
    b"latin-\xe9",
    b"-dash",
    b":(top)x",
]


@pytest.mark.parametrize("mode", WAYS)
def test_odd_names(repository, root, mode):
    changes = [FileChange(os.fsdecode(b"odd/" + name), None, b"1\n") for name in NAMES]
    new = repository.commit(repository.head, Patch(tuple(changes)), "odd")
    publication = publish(repository, mode, new)
    if mode in (ApplyMode.COMMIT, ApplyMode.WORKTREE):
        assert {os.fsencode(file.name) for file in (root / "odd").iterdir()} == set(NAMES)
        git(root, "add", "-A")
        assert (git(root, "diff", "--cached", "HEAD") == "") is (mode is ApplyMode.COMMIT)
    if mode is ApplyMode.PATCH:
        git(root, "apply", "--check", str(publication.patch_file))
    repository.undo("run-1")
    assert not (root / "odd").exists()


def test_names_that_differ_in_case_only(repository, root):
    (root / "A.py").write_text("A = 'large'\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "case")
    publish(reopen(root, repository), ApplyMode.COMMIT)
    assert (root / "A.py").read_text() == "A = 'large'\n"
    assert git(root, "status", "--porcelain") == ""


# --- states that stand in the way -----------------------------------------------------------------


@pytest.mark.parametrize("state", ["merge", "rebase", "cherry-pick", "revert", "bisect"])
def test_unfinished_operations(repository, root, state):
    def conflicting(*command: str) -> None:
        subprocess.run(["git", "-c", "user.name=u", "-c", "user.email=u@e", *command], cwd=root, check=False)

    git(root, "checkout", "-q", "-b", "side", "HEAD^")
    (root / "a.py").write_text("A = 'side'\n")
    git(root, "commit", "-qam", "side")
    git(root, "checkout", "-q", "main")
    (root / "a.py").write_text("A = 'main'\n")
    git(root, "commit", "-qam", "main")
    match state:
        case "bisect":
            git(root, "bisect", "start")
        case "revert":
            conflicting("revert", "--no-edit", "side")
        case "rebase":
            conflicting("rebase", "side")
        case _:
            conflicting(state, "side")
    before = snapshot(root)
    for refusing in (
        lambda: repository.require_publishable(ApplyMode.COMMIT),
        lambda: publish(repository, ApplyMode.COMMIT),
    ):
        with pytest.raises(Refused, match="not finished here: finish or abort it"):
            refusing()
    repository.require_publishable(ApplyMode.BRANCH)
    assert snapshot(root) == before


def test_a_lock_that_goes_away_is_waited_for(repository, root):
    lock = root / ".git" / "index.lock"
    lock.touch()
    with subprocess.Popen(
        [sys.executable, "-c", f"import time, os; time.sleep(1); os.remove({str(lock)!r})"]
    ):
        publish(repository, ApplyMode.COMMIT)
    assert git(root, "status", "--porcelain") == ""


def test_a_foreign_lock_is_never_removed(repository, root, monkeypatch):
    monkeypatch.setattr("moot.agent.git.checkout._LOCK_WAIT", 0.2)
    for name in ("index.lock", "refs/heads/main.lock"):
        lock = root / ".git" / name
        lock.write_bytes(b"")
        before = snapshot(root)
        with pytest.raises(Refused, match=r"\.lock"):
            publish(repository, ApplyMode.COMMIT)
        found = snapshot(root)
        assert {path: found[path] for path in before} == before
        assert all(path.startswith(".git/objects/") for path in set(found) - set(before))
        reopen(root, repository)
        assert lock.exists()
        lock.unlink()
    publish(repository, ApplyMode.COMMIT)


def test_a_dead_lock_of_our_own_is_removed(repository, root, monkeypatch):
    """As a process group leaves it that is killed while git holds the branch."""

    def killed(*_: object) -> None:
        for name in ("refs/heads/main.lock", "HEAD.lock"):
            (root / ".git" / name).write_bytes(b"")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lander, "_move", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(repository, ApplyMode.COMMIT)
    started = time.monotonic()
    again = reopen(root, repository)
    assert time.monotonic() - started > 0.5
    assert not list((root / ".git").rglob("*.lock"))
    publish(again, ApplyMode.COMMIT)
    assert git(root, "status", "--porcelain") == ""


def test_the_locks_of_another_git_stay(repository, root, monkeypatch):
    """As `git gc` and others take them, empty, while a publication waits that was killed before."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lander, "_move", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(repository, ApplyMode.COMMIT)
    packed, *later = (
        root / ".git" / name for name in ("packed-refs.lock", "HEAD.lock", "refs/heads/main.lock")
    )
    for lock in (packed, *later):
        lock.touch()
    for lock in later:
        os.utime(lock, (time.time() + 60,) * 2)
    again = reopen(root, repository)
    assert all(lock.exists() for lock in (packed, *later))
    for lock in (packed, *later):
        lock.unlink()
    publish(again, ApplyMode.COMMIT)
    assert git(root, "status", "--porcelain") == ""


def test_a_dead_lock_of_the_packed_refs_is_removed_where_a_ref_was_deleted(repository, root, monkeypatch):
    branch = publish(repository, ApplyMode.BRANCH).branch

    def killed(*_: object) -> None:
        (root / ".git" / "packed-refs.lock").touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lander, "_move", killed)
        with pytest.raises(KeyboardInterrupt):
            repository.undo("run-1")
    again = reopen(root, repository)
    assert not list((root / ".git").rglob("*.lock"))
    again.undo("run-1")
    assert git(root, "branch", "--list", str(branch)) == ""


def test_a_dead_lock_of_the_index_where_files_have_no_hard_links(repository, root, monkeypatch):
    take, taken = landing._take, list[bool]()

    def killed(lock: Path, content: Path) -> bool:
        taken.append(take(lock, content))
        raise KeyboardInterrupt

    def no_link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no hard links here")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "hardlink_to", no_link)
        patch.setattr(landing, "_take", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(repository, ApplyMode.COMMIT)
        assert taken == [True]
        assert (root / ".git" / "index.lock").exists()
        patch.setattr(landing, "_take", take)
        assert reopen(root, repository).recovered
    assert git(root, "status", "--porcelain") == ""


def as_a_user(act: Callable[[], object]) -> str:
    """Act as an ordinary user, whom permissions bind; return what was said."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        text = "crashed"
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            text = str(act())
        except MootError as exc:
            text = str(exc)
        finally:
            os.write(writer, text.encode())
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as stream:
        return stream.read()


@pytest.fixture
def owned(monkeypatch) -> Generator[Path]:
    """A repository of an ordinary user, where that user can reach it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repo"
        root.mkdir()
        git(root, "init", "-q", "-b", "main")
        (root / "a.py").write_text("A = 1\n")
        (root / "pkg").mkdir()
        (root / "pkg" / "b.py").write_text("B = 1\n")
        git(root, "add", "-A")
        git(root, "commit", "-qm", "one")
        GitRepository.open(root, root.parent / "data")  # loads what an ordinary user may not be let to read
        owner = 65534 if os.getuid() == 0 else os.getuid()
        for path in [root.parent, *root.parent.rglob("*")]:
            os.chown(path, owner, -1)
        monkeypatch.setenv("HOME", folder)
        yield root
        for path in [root, *root.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)


def publish_as_a_user(root: Path, mode: str) -> str:
    def act() -> str:
        publish(GitRepository.open(root, root.parent / "data"), ApplyMode(mode))
        return "published"

    return as_a_user(act)


@pytest.mark.parametrize("mode", ["commit", "branch", "worktree"])
def test_a_read_only_repository(owned, mode):
    for path in [owned, owned / ".git", *(owned / ".git").rglob("*")]:
        if path.is_dir():
            path.chmod(0o555)
    before = snapshot(owned)
    said = publish_as_a_user(owned, mode)
    assert "could not be written" in said
    assert "agent run --resume run-1" in said
    assert "\n" not in said
    assert snapshot(owned) == before


@pytest.mark.parametrize("mode", ["commit", "worktree"])
def test_a_folder_that_may_not_be_written(owned, mode):
    (owned / "pkg").chmod(0o555)
    before = snapshot(owned)
    said = publish_as_a_user(owned, mode)
    assert f"could not be written ({owned / 'pkg'} may not be written)" in said
    after = snapshot(owned)
    assert all(path.startswith(".git/objects/") for path in set(after) - set(before))
    assert {path: after[path] for path in before} == before
    (owned / "pkg").chmod(0o755)
    assert publish_as_a_user(owned, mode) == "published"
    for folder, shut in ((owned, 0o555), (owned, 0o755)):
        folder.chmod(shut)
        said = as_a_user(lambda: GitRepository.open(owned, owned.parent / "data").undo("run-1").how)
        assert ("may not be written" in said) is (shut == 0o555)
    assert as_a_user(lambda: git(owned, "status", "--porcelain")) == ""


def test_a_folder_that_is_shut_when_what_was_cut_off_is_finished(owned):
    def killed() -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Worktree, "install", lambda *_: os._exit(0))
            publish(GitRepository.open(owned, owned.parent / "data"), ApplyMode.COMMIT)
        return "not killed"

    def look() -> str:
        return "".join(GitRepository.open(owned, owned.parent / "data").recovered)

    assert as_a_user(killed) == ""
    (owned / "pkg").chmod(0o555)
    assert "cannot be finished yet: Permission denied" in as_a_user(look)
    assert "cannot be taken back: Permission denied" in as_a_user(
        lambda: GitRepository.open(owned, owned.parent / "data").undo("run-1")
    )
    (owned / "pkg").chmod(0o755)
    assert "was finished now" in as_a_user(look)
    assert as_a_user(lambda: git(owned, "status", "--porcelain")) == ""
