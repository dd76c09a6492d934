import importlib.metadata
import json

import pytest

from moot.agent.core.choices import ApplyMode
from moot.agent.core.errors import Refused, UsageError
from moot.agent.core.types import FileChange, Patch
from moot.agent.git.landing import Lander
from moot.agent.git.plumbing import Git, GitFailed
from moot.agent.git.repository import GitRepository
from moot.agent.git.worktree import Worktree
from tests.agent.git.conftest import git
from tests.agent.git.test_repository import change, commit, snapshot


def edit(repository: GitRepository) -> str:
    return commit(
        repository,
        change(repository, "a.py", b"A = 2\n"),
        change(repository, "pkg/b.py", None),
        FileChange("new/n.py", None, b"N = 1\n"),
    )


def publish(repository: GitRepository, mode: ApplyMode, commit_id: str | None = None, run_id: str = "run-1"):
    return repository.publish(run_id, repository.head, commit_id or edit(repository), mode)


def test_commit_lands_on_the_branch(repository, root):
    (root / "c.txt").write_text("mine, unsaved\n")
    (root / "untracked").write_text("mine\n")
    result = publish(repository, ApplyMode.COMMIT)
    assert result.branch == "main"
    assert result.commit == git(root, "rev-parse", "main")
    assert git(root, "rev-parse", "HEAD^") == repository.head
    assert git(root, "status", "--porcelain") == " M c.txt\n?? untracked"
    assert (root / "a.py").read_text() == "A = 2\n"
    assert (root / "new" / "n.py").exists()
    assert not (root / "pkg").exists()
    assert "Moot-Run: run-1" in git(root, "log", "-1", "--format=%(trailers)")
    assert git(root, "log", "-1", "--format=%an <%ae>") == "moot <moot@localhost>"
    assert git(root, "fsck", "--strict") == ""


def test_author_and_trailers_name_tool_run_and_model(repository, root, monkeypatch):
    for name in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    git(root, "config", "user.name", "A User")
    git(root, "config", "user.email", "user@example.org")
    repository.publish("run-1", repository.head, edit(repository), ApplyMode.COMMIT, "a model\nMoot-Run: x")
    assert git(root, "log", "-1", "--format=%an <%ae>") == "moot <moot@localhost>"
    assert git(root, "log", "-1", "--format=%cn <%ce>") == "A User <user@example.org>"
    version = importlib.metadata.version("moot")
    assert git(root, "log", "-1", "--format=%(trailers)").split("\n") == [
        "Moot-Run: run-1",
        "Moot-Model: a model Moot-Run: x",
        f"Moot-Version: {version}",
    ]


def test_a_task_that_begins_like_a_patch(repository, root):
    new = repository.commit(repository.head, Patch((change(repository, "a.py", b"A = 2\n"),)), "---\nfix\n")
    publish(repository, ApplyMode.COMMIT, new)
    message = git(root, "log", "-1", "--format=%B")
    assert message.startswith("---\nfix\n\nMoot-Run: run-1\n")


@pytest.mark.parametrize("email", [None, "<>"])
def test_without_an_identity_the_tool_commits(root, tmp_path, monkeypatch, email):
    monkeypatch.setenv("GIT_COMMITTER_NAME", "A User")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", email or "")
    monkeypatch.setenv("HOME", str(tmp_path))
    publish(GitRepository.open(root, tmp_path / "data"), ApplyMode.COMMIT)
    assert git(root, "log", "-1", "--format=%cn <%ce>") == "moot <moot@localhost>"


def test_publishing_again_changes_nothing(repository, root, tmp_path):
    result = publish(repository, ApplyMode.COMMIT)
    before = snapshot(root)
    assert publish(repository, ApplyMode.COMMIT) == result
    again = GitRepository.open(root, tmp_path / "data")
    assert again.publish("run-1", repository.head, edit(repository), ApplyMode.COMMIT) == result
    assert snapshot(root) == before


def test_a_run_is_published_one_way(repository):
    publish(repository, ApplyMode.PATCH)
    with pytest.raises(Refused, match="already published"):
        publish(repository, ApplyMode.COMMIT)


@pytest.mark.parametrize("mode", [ApplyMode.COMMIT, ApplyMode.WORKTREE])
@pytest.mark.parametrize("case", ["worktree", "index", "untracked", "deleted", "folder", "parent", "mode"])
def test_users_work_in_the_way(repository, root, mode, case):
    match case:
        case "worktree":
            (root / "a.py").write_text("A = 7\n")
        case "index":
            (root / "a.py").write_text("A = 7\n")
            git(root, "add", "a.py")
            (root / "a.py").write_text("A = 1\n")
        case "untracked":
            (root / "new").mkdir()
            (root / "new" / "n.py").write_text("mine")
        case "deleted":
            (root / "a.py").unlink()
        case "folder":
            (root / "new" / "n.py").mkdir(parents=True)
        case "parent":
            (root / "new").symlink_to("pkg")
        case _:
            (root / "a.py").chmod(0o755)
    before = snapshot(root)
    with pytest.raises(Refused, match="uncommitted"):
        publish(repository, mode)
    assert snapshot(root) == before


@pytest.mark.parametrize("detached", [False, True])
def test_branch_moved_on_under_files(repository, root, detached):
    (root / "c.txt").write_text("seen\n")
    git(root, "commit", "-qam", "three")
    if detached:
        git(root, "checkout", "-q", "--detach")
    assert publish(repository, ApplyMode.WORKTREE).onto == git(root, "rev-parse", "HEAD")
    assert git(root, "status", "--porcelain") == " M a.py\n D pkg/b.py\n?? new/"
    repository.undo("run-1")
    assert git(root, "status", "--porcelain") == ""
    assert (root / "c.txt").read_text() == "seen\n"


def test_branch_moved_on_in_other_files(repository, root):
    (root / "c.txt").write_text("seen\n")
    git(root, "commit", "-qam", "three")
    tip = git(root, "rev-parse", "HEAD")
    result = publish(repository, ApplyMode.COMMIT)
    assert result.onto == tip == git(root, "rev-parse", "HEAD^")
    assert git(root, "diff", "--name-only", "HEAD^", "HEAD").split() == ["a.py", "new/n.py", "pkg/b.py"]
    assert (root / "c.txt").read_text() == "seen\n"
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "fsck", "--strict") == ""


@pytest.mark.parametrize("mode", [ApplyMode.COMMIT, ApplyMode.WORKTREE])
@pytest.mark.parametrize("case", ["same file", "rewritten"])
def test_branch_moved_in_the_way(repository, root, case, mode):
    if case == "same file":
        (root / "a.py").write_text("# mine\nA = 1\n")
        git(root, "commit", "-qam", "three")
    else:
        git(root, "commit", "-q", "--amend", "-m", "other")
    before = snapshot(root)
    with pytest.raises(Refused, match=r"moved.*agent run --resume run-1 --apply branch"):
        publish(repository, mode)
    assert snapshot(root) == before
    assert publish(repository, ApplyMode.BRANCH).branch == "moot/run-1"


def test_detached_head(root, tmp_path):
    git(root, "checkout", "-q", "--detach")
    repository = GitRepository.open(root, tmp_path / "data")
    with pytest.raises(Refused, match="check out a branch, or use --apply branch"):
        publish(repository, ApplyMode.COMMIT)
    assert publish(repository, ApplyMode.BRANCH).branch == "moot/run-1"


def test_unfinished_merge(repository, root):
    (root / ".git" / "MERGE_HEAD").write_text(f"{repository.head}\n")
    with pytest.raises(Refused, match="not finished"):
        publish(repository, ApplyMode.COMMIT)


def test_locked_index(repository, root):
    (root / ".git" / "index.lock").touch()
    with pytest.raises(Refused, match=r"index\.lock"):
        publish(repository, ApplyMode.COMMIT)


def test_branch_touches_only_its_ref(repository, root):
    before = snapshot(root)
    result = publish(repository, ApplyMode.BRANCH)
    assert result == publish(repository, ApplyMode.BRANCH)
    assert git(root, "rev-parse", "moot/run-1") == result.commit
    changed = {path for path, state in snapshot(root).items() if before.get(path) != state}
    allowed = (".git/objects/", ".git/refs/heads/moot/", ".git/logs/refs/heads/moot/")
    assert all(path.startswith(allowed) for path in changed)
    assert before.items() <= snapshot(root).items()


def test_branch_name_in_the_way(repository, root):
    git(root, "branch", "moot")
    with pytest.raises(Refused, match="--apply patch"):
        publish(repository, ApplyMode.BRANCH)
    git(root, "branch", "-m", "moot", "other")
    assert publish(repository, ApplyMode.BRANCH).commit


def test_worktree_leaves_git_alone(repository, root):
    before = snapshot(root / ".git")
    publish(repository, ApplyMode.WORKTREE)
    assert snapshot(root / ".git") == before
    assert git(root, "status", "--porcelain") == " M a.py\n D pkg/b.py\n?? new/"


def test_patch_applies(repository, root):
    before = snapshot(root)
    result = publish(repository, ApplyMode.PATCH)
    assert snapshot(root) == before
    assert result.patch_file is not None
    git(root, "apply", "--check", result.patch_file)


def test_none(repository, root):
    before = snapshot(root)
    assert publish(repository, ApplyMode.NONE).commit is None
    assert snapshot(root) == before


@pytest.mark.parametrize("stage", ["_move", "_install_index", "_clean"])
def test_killed_in_between_and_resumed(repository, root, tmp_path, monkeypatch, stage):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lander, stage, killed)
        with pytest.raises(KeyboardInterrupt):
            publish(repository, ApplyMode.COMMIT)
    again = GitRepository.open(root, tmp_path / "data")
    result = again.publish("run-1", repository.head, edit(repository), ApplyMode.COMMIT)
    assert git(root, "rev-parse", "main") == result.commit
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "rev-list", "--count", "main") == "3"


def test_killed_then_edited_keeps_the_edit(repository, root, monkeypatch):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Worktree, "install", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(repository, ApplyMode.COMMIT)
    (root / "a.py").write_text("A = 'mine'\n")
    publish(repository, ApplyMode.COMMIT)
    assert (root / "a.py").read_text() == "A = 'mine'\n"


def test_linked_worktree(root, tmp_path):
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    repository = GitRepository.open(tmp_path / "side", tmp_path / "data")
    assert publish(repository, ApplyMode.COMMIT).branch == "side"
    assert git(tmp_path / "side", "status", "--porcelain") == ""
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "rev-parse", "main") == repository.head


def test_shallow_clone(root, tmp_path):
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    repository = GitRepository.open(tmp_path / "shallow", tmp_path / "data")
    publish(repository, ApplyMode.COMMIT)
    assert git(tmp_path / "shallow", "status", "--porcelain") == ""


def test_line_ends_are_converted(root, tmp_path):
    git(root, "config", "core.autocrlf", "true")
    (root / "a.py").unlink()
    git(root, "checkout", "a.py")
    assert (root / "a.py").read_bytes() == b"A = 1\r\n"
    repository = GitRepository.open(root, tmp_path / "data")
    assert repository.dirty(["a.py", "pkg/b.py"]) == []
    publish(repository, ApplyMode.COMMIT)
    assert (root / "a.py").read_bytes() == b"A = 2\r\n"
    assert git(root, "status", "--porcelain") == ""


def test_filters_are_refused(root, tmp_path):
    (root / ".gitattributes").write_text("a.py filter=lfs\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "attributes")
    repository = GitRepository.open(root, tmp_path / "data")
    with pytest.raises(Refused, match="filter"):
        publish(repository, ApplyMode.COMMIT)
    assert publish(repository, ApplyMode.BRANCH).commit


def test_dirty_names_only_what_differs(repository, root):
    (root / "c.txt").write_text("other\n")
    (root / "extra").write_text("x")
    assert repository.dirty(["a.py", "c.txt", "extra", "absent", "link"]) == ["c.txt", "extra"]


@pytest.mark.parametrize("run_id", ["../x", "a..b", "-x", "", "a/b", "x.lock", "a b"])
def test_run_ids_are_checked(repository, run_id):
    with pytest.raises(UsageError):
        publish(repository, ApplyMode.BRANCH, run_id=run_id)


def test_a_hostile_configuration_executes_nothing(root, tmp_path):
    canary = tmp_path / "canary"
    script = tmp_path / "evil.sh"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {canary}\ncat\n')
    script.chmod(0o755)
    hooks = root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ["reference-transaction", "post-index-change", "pre-commit", "post-commit", "post-checkout"]:
        (hooks / name).write_bytes(script.read_bytes())
        (hooks / name).chmod(0o755)
    (root / ".gitattributes").write_text("c.txt filter=evil diff=evil merge=evil\n*.py diff=evil\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "attributes")
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "core.alternateRefsCommand",
        "gpg.program",
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "merge.evil.driver",
        "trailer.x.command",
        "uploadpack.packObjectsHook",
    ]:
        git(root, "config", key, str(script))
    git(root, "config", "commit.gpgSign", "true")
    git(root, "config", "core.hooksPath", str(hooks))
    canary.unlink(missing_ok=True)

    repository = GitRepository.open(root, tmp_path / "data")
    (root / "c.txt").touch()
    dict(repository.read_many(entry.blob for entry in repository.files(repository.head)))
    result = edit(repository)
    repository.diff(repository.head, result)
    repository.diffstat(repository.head, result)
    repository.checkout(result, tmp_path / "work")
    repository.dirty(["a.py", "c.txt"])
    for mode in (ApplyMode.PATCH, ApplyMode.BRANCH, ApplyMode.COMMIT):
        publish(repository, mode, result, f"run-{mode}")
    assert not canary.exists(), canary.read_text()
    git(root, "status")
    assert canary.exists(), "the trap does not work"


def test_the_journal_is_private(repository, tmp_path):
    publish(repository, ApplyMode.PATCH)
    (home,) = (tmp_path / "data" / "repos").iterdir()
    assert home.stat().st_mode & 0o077 == 0
    assert json.loads((home / "publications" / "run-1.json").read_text())["mode"] == "patch"
    assert not (home / "pending").exists()


def test_a_git_that_is_stopped_when_the_branch_had_moved_has_published(repository, root, monkeypatch):
    """It was killed beside its user's Ctrl-C; the ref says what happened."""
    run = Git.run

    def stopped(self: Git, *words: str, **more: object) -> bytes:
        said = run(self, *words, **more)
        if words[0] == "update-ref":
            raise GitFailed("update-ref", -2, "killed by SIGINT")
        return said

    monkeypatch.setattr(Git, "run", stopped)
    result = publish(repository, ApplyMode.COMMIT)
    assert result.commit == git(root, "rev-parse", "main")
    assert git(root, "status", "--porcelain") == ""


def test_a_base_of_1970_can_be_gone_on_from(root, tmp_path):
    tree = git(root, "rev-parse", "HEAD^{tree}")
    text = f"tree {tree}\nauthor u <u@e.org> 1 +0000\ncommitter u <u@e.org> 1 +0000\n\nlong ago\n"
    (tmp_path / "commit").write_text(text)
    old = git(root, "hash-object", "-t", "commit", "-w", str(tmp_path / "commit"))
    git(root, "reset", "-q", "--hard", old)
    assert publish(GitRepository.open(root, tmp_path / "data"), ApplyMode.COMMIT).branch == "main"
    assert (root / "a.py").read_text() == "A = 2\n"
