import os
from pathlib import Path

import pytest

from moot.agent.core.errors import EditRejected, UsageError
from moot.agent.core.types import FileChange, Patch
from moot.agent.git.repository import GitRepository
from tests.agent.git.conftest import git


def blob(repository: GitRepository, path: str) -> str:
    return next(entry.blob for entry in repository.files(repository.head) if entry.path == path)


def change(repository: GitRepository, path: str, content: bytes | None, mode: str = "100644") -> FileChange:
    return FileChange(path, blob(repository, path), content, mode)


def commit(repository: GitRepository, *changes: FileChange) -> str:
    return repository.commit(repository.head, Patch(changes), "a change")


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    result = {}
    for where, names, files in os.walk(folder):
        for name in [*names, *files]:
            path = Path(where) / name
            if path.is_symlink():
                result[str(path.relative_to(folder))] = (0, os.fsencode(path.readlink()))
            elif path.is_file():
                result[str(path.relative_to(folder))] = (path.stat().st_mode, path.read_bytes())
    return result


def test_files_with_modes_and_sizes(repository):
    found = {entry.path: (entry.mode, entry.size) for entry in repository.files(repository.head)}
    assert found == {
        "a.py": ("100644", 6),
        "c.txt": ("100644", 4),
        "link": ("120000", 4),
        "pkg/b.py": ("100644", 6),
        "run.sh": ("100755", 10),
    }


def test_what_is_tracked_is_in_the_index_or_at_head(repository):
    (repository.root / "new").write_text("")
    (repository.root / "staged").write_text("")
    git(repository.root, "add", "staged")
    git(repository.root, "rm", "-q", "--cached", "a.py")
    at_head = {"a.py", "c.txt", "link", "pkg/b.py", "run.sh"}
    assert repository.tracked() == at_head | {"staged"}
    (repository.root / ".git" / "index").write_bytes(b"damaged")
    assert repository.tracked() == at_head


def test_read_many(repository):
    blobs = {entry.blob for entry in repository.files(repository.head)}
    read = dict(repository.read_many(blobs))
    assert set(read) == blobs
    assert all(repository.read(name) == content for name, content in read.items())


def test_missing_object_is_explained(repository):
    with pytest.raises(UsageError, match="fetch"):
        repository.read("1" * 40)


@pytest.mark.parametrize("name", ["HEAD", "--help", "a" * 39, "main", ""])
def test_only_full_ids(repository, name):
    with pytest.raises(UsageError):
        repository.read(name)
    with pytest.raises(UsageError):
        repository.files(name)


def test_commit_is_deterministic_and_leaves_the_repository_alone(repository, root):
    before = snapshot(root)
    first = commit(repository, change(repository, "a.py", b"A = 2\n"))
    assert commit(repository, change(repository, "a.py", b"A = 2\n")) == first
    assert "-A = 1\n+A = 2\n" in repository.diff(repository.head, first)
    assert "1 file changed" in repository.diffstat(repository.head, first)
    assert snapshot(root) == before


def test_commit_adds_deletes_and_changes_modes(repository):
    result = commit(
        repository,
        change(repository, "pkg/b.py", None),
        change(repository, "a.py", b"A = 1\n", "100755"),
        FileChange("new/deep/ü n.py", None, b"x"),
        FileChange(".gitmodules", None, b"x"),
        FileChange("a\\b", None, b"x", "120000"),
        FileChange(".gitx:y", None, b"x"),
    )
    found = {entry.path: entry.mode for entry in repository.files(result)}
    assert found["new/deep/ü n.py"] == "100644"
    assert found["a.py"] == "100755"
    assert "pkg/b.py" not in found
    assert {".gitmodules", "a\\b", ".gitx:y"} < set(found)


@pytest.mark.parametrize(
    "wrong",
    [
        FileChange("a.py", "1" * 40, b"x"),
        FileChange("a.py", None, b"x"),
        FileChange("none.py", None, None),
        FileChange("../out.py", None, b"x"),
        FileChange(".git/config", None, b"x"),
        FileChange("sub/.GIT/config", None, b"x"),
        FileChange("/etc/passwd", None, b"x"),
        FileChange("src\\.git\\x.py", None, b"x"),
        FileChange("sub/.git:x", None, b"x"),
        FileChange(".git. /x", None, b"x"),
        FileChange("GIT~1:x", None, b"x"),
        FileChange(".gitmodules", None, b"x", "120000"),
        FileChange("a.py/inner.py", None, b"x"),
        FileChange("pkg", None, b"x"),
        FileChange("m.py", None, b"x", "160000"),
    ],
)
def test_edits_that_do_not_fit(repository, wrong):
    with pytest.raises(EditRejected):
        commit(repository, wrong)


def test_edits_that_change_nothing(repository):
    with pytest.raises(EditRejected, match="nothing"):
        commit(repository, change(repository, "a.py", b"A = 1\n"))
    with pytest.raises(EditRejected, match="nothing"):
        commit(repository)


def test_checkout_writes_modes_and_links(repository, tmp_path):
    work = tmp_path / "work"
    repository.checkout(repository.head, work)
    assert (work / "link").readlink() == Path("a.py")
    assert os.access(work / "run.sh", os.X_OK)
    assert not (work / ".git").exists()


def test_checkout_rewrites_only_what_differs(repository, tmp_path):
    work = tmp_path / "work"
    repository.checkout(repository.head, work)
    before = (work / "c.txt").stat()
    repository.checkout(commit(repository, change(repository, "a.py", b"A = 2\n")), work)
    assert (work / "a.py").read_text() == "A = 2\n"
    assert (work / "c.txt").stat() == before


def test_checkout_undoes_whatever_tests_left(repository, tmp_path):
    work = tmp_path / "work"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.py").write_text("mine")
    repository.checkout(repository.head, work)
    expected = snapshot(work)
    state = (work / "a.py").stat()
    (work / "a.py").write_text("A = 9\n")
    os.utime(work / "a.py", ns=(state.st_atime_ns, state.st_mtime_ns))
    (work / "c.txt").unlink()
    (work / "c.txt").mkdir()
    (work / "pkg" / "b.py").unlink()
    (work / "pkg").rmdir()
    (work / "pkg").symlink_to(outside)
    (work / "left").mkdir()
    (work / "left" / "over").write_text("x")
    (work / "left").chmod(0)
    (work / "run.sh").chmod(0o644)
    repository.checkout(repository.head, work)
    assert snapshot(work) == expected
    assert (outside / "b.py").read_text() == "mine"


def test_a_folder_that_is_not_ours_is_made_exact(repository, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "a.py").write_text("other")
    (work / "old").write_text("other")
    repository.checkout(repository.head, work)
    assert (work / "a.py").read_text() == "A = 1\n"
    assert not (work / "old").exists()


def test_no_stale_byte_code(repository, tmp_path):
    """Two candidates of the same size within one second share what Python compares."""
    work = tmp_path / "work"
    repository.checkout(repository.head, work)
    cache = work / "pkg" / "__pycache__"
    cache.mkdir()
    (cache / "b.cpython-311.pyc").write_bytes(b"old")
    (cache / "b.cpython-311-pytest-9.0.pyc").write_bytes(b"old")
    (cache / "bb.cpython-311.pyc").write_bytes(b"kept")
    repository.adopt(work)
    repository.checkout(commit(repository, change(repository, "pkg/b.py", b"B = 2\n")), work)
    assert [path.name for path in cache.iterdir()] == ["bb.cpython-311.pyc"]


@pytest.mark.parametrize("place", ["pkg/__pycache__", ".pytest_cache/v", "pkg/node_modules/dep"])
def test_what_a_candidate_leaves_in_a_cache_ends_with_it(repository, tmp_path, place):
    work = tmp_path / "work"
    repository.checkout(repository.head, work)
    cache = work / place
    cache.mkdir(parents=True)
    for name in ("same", "changed", "gone"):
        (cache / name).write_bytes(b"base")
    repository.adopt(work)
    new = commit(repository, change(repository, "a.py", b"A = 2\n"))
    repository.checkout(new, work)
    assert sorted(path.name for path in cache.iterdir()) == ["changed", "gone", "same"]
    state = (cache / "changed").stat()
    (cache / "changed").write_bytes(b"evil")
    os.utime(cache / "changed", ns=(state.st_atime_ns, state.st_mtime_ns))
    (cache / "gone").unlink()
    (cache / "below").mkdir()
    (cache / "below" / "new").write_bytes(b"evil")
    (work / "__pycache__").mkdir()
    (work / "__pycache__" / "c.cpython-311.pyc").write_bytes(b"evil")
    repository.checkout(repository.head, work)
    assert [path.name for path in cache.iterdir()] == ["same"]
    assert not (work / "__pycache__").exists()


@pytest.mark.parametrize("place", ["pkg/__pycache__", "node_modules/dep"])
def test_a_kept_cache_is_in_no_files_way(repository, tmp_path, place):
    work = tmp_path / "work"
    repository.checkout(repository.head, work)
    (work / place).mkdir(parents=True)
    (work / place / "x").write_bytes(b"base")
    repository.adopt(work)
    gone = commit(repository, change(repository, "pkg/b.py", None))
    repository.checkout(gone, work)
    assert not (work / "pkg").exists()
    top = place.partition("/")[0]
    removed = [change(repository, "pkg/b.py", None)] if top == "pkg" else []
    repository.checkout(commit(repository, *removed, FileChange(top, None, b"file\n")), work)
    assert (work / top).read_bytes() == b"file\n"


def test_submodules_stay_entries(root, tmp_path):
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},deps/sub")
    git(root, "commit", "-qm", "submodule")
    repository = GitRepository.open(root, tmp_path / "data")
    result = commit(repository, change(repository, "a.py", b"A = 2\n"))
    assert ("deps/sub", "160000") in [(entry.path, entry.mode) for entry in repository.files(result)]
    repository.checkout(result, tmp_path / "work")
    assert list((tmp_path / "work" / "deps" / "sub").iterdir()) == []
    with pytest.raises(EditRejected, match="submodule"):
        commit(repository, FileChange("deps/sub", "1" * 40, b"x"))


def test_sha256_repositories(tmp_path):
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "--object-format=sha256")
    (root / "a.py").write_text("A = 1\n")
    git(root, "add", "a.py")
    git(root, "commit", "-qm", "one")
    repository = GitRepository.open(root, tmp_path / "data")
    assert len(commit(repository, change(repository, "a.py", b"A = 2\n"))) == 64


def test_shallow_clones(root, tmp_path):
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    repository = GitRepository.open(tmp_path / "shallow", tmp_path / "data")
    assert commit(repository, change(repository, "a.py", b"A = 2\n"))
