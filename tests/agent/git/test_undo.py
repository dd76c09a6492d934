"""Taking one run back: every way to publish, later commits, and what cannot be taken back."""

from pathlib import Path

import pytest

from moot.agent.core.choices import ApplyMode
from moot.agent.core.errors import Refused
from moot.agent.core.types import Publication
from moot.agent.git.landing import Lander
from moot.agent.git.repository import GitRepository
from tests.agent.git.conftest import git
from tests.agent.git.test_publish import edit
from tests.agent.git.test_repository import change, commit, snapshot


def publish(repository: GitRepository, mode: ApplyMode, run_id: str = "run-1") -> Publication:
    return repository.publish(run_id, repository.head, edit(repository), mode, "a model")


def visible(root: Path) -> dict[str, tuple[int, bytes]]:
    """Everything that a person sees: files, HEAD and refs; the index by `git status`."""
    files = {path: state for path, state in snapshot(root).items() if not path.startswith(".git/")}
    return files | {
        "status": (0, git(root, "status", "--porcelain").encode()),
        "refs": (0, git(root, "for-each-ref").encode()),
        "index": (0, git(root, "ls-files", "-s").encode()),
    }


def sound(root: Path) -> None:
    assert git(root, "fsck", "--strict", "--no-dangling") == ""
    assert not list((root / ".git").rglob("*.lock"))
    assert not (root / ".git" / "moot").exists()


def test_the_last_commit_is_moved_back(repository, root):
    before = visible(root)
    publish(repository, ApplyMode.COMMIT)
    undone = repository.undo("run-1")
    assert undone.how == f"moved main back to {repository.head[:10]}"
    assert visible(root) == before
    assert "moot: undo run run-1" in git(root, "reflog", "main")
    sound(root)


def test_users_other_files_stay(repository, root):
    publish(repository, ApplyMode.COMMIT)
    (root / "c.txt").write_text("mine, unsaved\n")
    (root / "untracked").write_text("mine\n")
    repository.undo("run-1")
    assert git(root, "status", "--porcelain") == " M c.txt\n?? untracked"
    assert (root / "a.py").read_text() == "A = 1\n"


@pytest.mark.parametrize("later", [False, True])
def test_users_work_in_the_way(repository, root, later):
    publish(repository, ApplyMode.COMMIT)
    if later:
        git(root, "commit", "-q", "--allow-empty", "-m", "later")
    (root / "a.py").write_text("A = 'mine'\n")
    before = snapshot(root)
    with pytest.raises(Refused, match="uncommitted changes overlap in"):
        repository.undo("run-1")
    assert snapshot(root) == before


@pytest.mark.parametrize(
    ("case", "advice"),
    [
        ("merge", "finish or abort it, then undo again"),
        ("split", "git update-index --no-split-index`, then undo again"),
        ("edited", "commit or stash them, then undo again"),
        ("filter", "is not run here: use `git revert`"),
    ],
)
def test_what_stands_in_the_way_of_undoing_is_said_with_what_helps(repository, root, case, advice):
    publish(repository, ApplyMode.COMMIT)
    match case:
        case "merge":
            (root / ".git" / "MERGE_HEAD").write_text(f"{repository.head}\n")
        case "split":
            git(root, "update-index", "--split-index")
        case "edited":
            (root / "a.py").write_text("A = 'mine'\n")
        case _:
            (root / ".git" / "info" / "attributes").write_text("a.py filter=lfs\n")
    with pytest.raises(Refused) as caught:
        repository.undo("run-1")
    assert str(caught.value).endswith(advice)


def test_later_commits_make_it_a_revert(repository, root):
    publish(repository, ApplyMode.COMMIT)
    (root / "c.txt").write_text("seen\n")
    git(root, "commit", "-qam", "later")
    undone = repository.undo("run-1")
    assert undone.published == git(root, "rev-parse", "main")
    assert git(root, "rev-list", "--count", "main") == "5"
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "diff", "--name-only", repository.head, "main") == "c.txt"
    assert git(root, "log", "-1", "--format=%s") == 'Revert "a change"'
    assert "Moot-Undo: run-1" in git(root, "log", "-1", "--format=%(trailers)")
    sound(root)


def test_a_later_rename_is_followed(repository, root):
    (root / "a.py").write_text("".join(f"line {n}\n" for n in range(30)))
    git(root, "commit", "-qam", "long")
    repository = GitRepository.open(root, repository.data_dir)
    text = (root / "a.py").read_text()
    new = commit(repository, change(repository, "a.py", text.replace("line 5\n", "five\n").encode()))
    repository.publish("run-1", repository.head, new, ApplyMode.COMMIT)
    git(root, "mv", "a.py", "z.py")
    git(root, "commit", "-qm", "rename")
    repository.undo("run-1")
    assert (root / "z.py").read_text() == text
    assert git(root, "status", "--porcelain") == ""


def test_a_conflict_names_the_files_and_changes_nothing(repository, root):
    publish(repository, ApplyMode.COMMIT)
    (root / "a.py").write_text("A = 3\n")
    git(root, "commit", "-qam", "later")
    before = snapshot(root)
    with pytest.raises(Refused, match=r"same lines in a\.py: nothing was undone"):
        repository.undo("run-1")
    assert snapshot(root) == before


def test_only_the_one_run_of_several(repository, root):
    for number, path in enumerate(["a.py", "c.txt", "run.sh"]):
        content = f"run {number}\n".encode()
        mode = "100755" if path == "run.sh" else "100644"
        new = commit(repository, change(repository, path, content, mode))
        repository.publish(f"run-{number}", repository.head, new, ApplyMode.COMMIT)
    repository.undo("run-1")
    assert (root / "a.py").read_text() == "run 0\n"
    assert (root / "c.txt").read_text() == "see\n"
    assert (root / "run.sh").read_text() == "run 2\n"
    assert git(root, "status", "--porcelain") == ""


def test_a_commit_that_is_shared_is_reverted(repository, root):
    publish(repository, ApplyMode.COMMIT)
    git(root, "update-ref", "refs/remotes/origin/main", "main")
    repository.undo("run-1")
    assert git(root, "rev-list", "--count", "main") == "4"
    assert (root / "a.py").read_text() == "A = 1\n"


def test_a_rebased_commit_is_found_by_its_trailer(repository, root):
    publish(repository, ApplyMode.COMMIT)
    git(root, "commit", "-q", "--amend", "--no-edit", "--reset-author")
    repository.undo("run-1")
    assert git(root, "diff", "--name-only", repository.head, "main") == ""
    assert git(root, "status", "--porcelain") == ""


def test_a_commit_that_is_gone(repository, root):
    publish(repository, ApplyMode.COMMIT)
    git(root, "reset", "-q", "--hard", "HEAD^")
    before = snapshot(root)
    with pytest.raises(Refused, match="not on main any more"):
        repository.undo("run-1")
    assert snapshot(root) == before


def test_reverted_by_hand(repository, root):
    publish(repository, ApplyMode.COMMIT)
    git(root, "revert", "--no-edit", "HEAD")
    with pytest.raises(Refused, match="have already taken run run-1 back"):
        repository.undo("run-1")


@pytest.mark.parametrize("mode", [ApplyMode.COMMIT, ApplyMode.BRANCH, ApplyMode.WORKTREE, ApplyMode.PATCH])
def test_twice(repository, root, mode):
    before = visible(root)
    publish(repository, mode)
    how = repository.undo("run-1").how
    assert visible(root) == before
    with pytest.raises(Refused, match="already taken back") as caught:
        repository.undo("run-1")
    assert how in str(caught.value)
    assert visible(root) == before
    with pytest.raises(Refused, match="start a new run"):
        publish(repository, mode)


def test_nothing_was_published(repository):
    publish(repository, ApplyMode.NONE)
    with pytest.raises(Refused, match="nothing to undo"):
        repository.undo("run-1")


def test_another_branch_is_checked_out(repository, root):
    publish(repository, ApplyMode.COMMIT)
    git(root, "checkout", "-q", "-b", "other", "HEAD^")
    before = visible(root)
    repository.undo("run-1")
    assert git(root, "rev-parse", "main") == repository.head
    assert {**visible(root), "refs": before["refs"]} == before
    sound(root)


def test_the_branch_is_checked_out_elsewhere(repository, root, tmp_path):
    publish(repository, ApplyMode.COMMIT)
    git(root, "checkout", "-q", "-b", "other", "HEAD^")
    git(root, "worktree", "add", "-q", str(tmp_path / "side"), "main")
    with pytest.raises(Refused, match=f"checked out in {tmp_path / 'side'}"):
        repository.undo("run-1")
    side = GitRepository.open(tmp_path / "side", repository.data_dir)
    side.undo("run-1")
    assert git(tmp_path / "side", "status", "--porcelain") == ""
    assert git(root, "rev-parse", "main") == repository.head


def test_a_branch_that_was_built_on_is_reverted_there(repository, root):
    publish(repository, ApplyMode.BRANCH)
    git(root, "checkout", "-q", "moot/run-1")
    (root / "c.txt").write_text("seen\n")
    git(root, "commit", "-qam", "later")
    git(root, "checkout", "-q", "main")
    before = visible(root)
    repository.undo("run-1")
    assert git(root, "diff", "--name-only", "main", "moot/run-1") == "c.txt"
    assert {**visible(root), "refs": before["refs"]} == before


def test_a_branch_that_was_merged_is_reverted_where_it_went(repository, root):
    publish(repository, ApplyMode.BRANCH)
    git(root, "commit", "-q", "--allow-empty", "-m", "other")
    git(root, "merge", "-q", "--no-edit", "moot/run-1")
    repository.undo("run-1")
    assert git(root, "diff", "--name-only", repository.head, "main") == ""
    assert git(root, "status", "--porcelain") == ""


def test_a_branch_that_was_merged_elsewhere_is_not_said_to_be_taken_back(repository, root):
    git(root, "branch", "other")
    result = publish(repository, ApplyMode.BRANCH)
    git(root, "merge", "-q", "--no-ff", "-m", "merge", result.branch)
    git(root, "checkout", "-q", "other")
    with pytest.raises(Refused, match="is on main too: check that out"):
        repository.undo("run-1")
    assert git(root, "rev-parse", result.branch) == result.commit


def test_what_was_merged_is_taken_back_on_the_branch_that_is_seen(repository, root):
    git(root, "checkout", "-q", "-b", "feature")
    publish(repository, ApplyMode.COMMIT)
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "-m", "merge", "feature")
    repository.undo("run-1")
    assert (root / "a.py").read_text() == "A = 1\n"
    assert git(root, "log", "-1", "--format=%s", "main").startswith("Revert")


def test_packed_branches_are_deleted_too(repository, root):
    publish(repository, ApplyMode.BRANCH)
    git(root, "pack-refs", "--all")
    repository.undo("run-1")
    assert git(root, "branch", "--list", "moot/*") == ""
    sound(root)


def test_files_that_were_edited_since(repository, root):
    publish(repository, ApplyMode.WORKTREE)
    (root / "a.py").write_text("A = 'mine'\n")
    before = snapshot(root)
    with pytest.raises(Refused, match=r"you have changed a\.py since"):
        repository.undo("run-1")
    assert snapshot(root) == before


def test_files_that_are_back_already(repository, root):
    publish(repository, ApplyMode.WORKTREE)
    git(root, "checkout", "-q", ".")
    (root / "new" / "n.py").unlink()
    with pytest.raises(Refused, match="already as they were"):
        repository.undo("run-1")


@pytest.mark.parametrize("case", ["edited", "gone"])
def test_patch_files(repository, case):
    file = Path(str(publish(repository, ApplyMode.PATCH).patch_file))
    if case == "gone":
        file.unlink()
    else:
        file.write_text("mine")
    with pytest.raises(Refused, match="gone" if case == "gone" else "changed since"):
        repository.undo("run-1")
    assert case == "gone" or file.read_text() == "mine"


@pytest.mark.parametrize("stage", ["_move", "_install_index", "_clean"])
@pytest.mark.parametrize("later", [False, True])
def test_killed_while_undoing(repository, root, monkeypatch, stage, later):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    before = visible(root)
    publish(repository, ApplyMode.COMMIT)
    if later:
        git(root, "commit", "-q", "--allow-empty", "-m", "later")
    with monkeypatch.context() as patch:
        patch.setattr(Lander, stage, killed)
        with pytest.raises(KeyboardInterrupt):
            repository.undo("run-1")
    again = GitRepository.open(root, repository.data_dir)
    assert bool(again.recovered) == (stage == "_install_index")
    if stage == "_move":
        again.undo("run-1")
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "diff", "--name-only", repository.head, "main") == ""
    assert later or visible(root) == before
    sound(root)
