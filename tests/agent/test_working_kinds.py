"""Every kind of file and checkout, in real repositories: what the index says is what lies there."""

import os
from pathlib import Path

import pytest

from moot.agent.core.config import Settings
from moot.agent.working_index import WorkingIndex
from tests.agent.projects import git, make_repository

FILES = {
    "shop/cart.py": "def total(): pass\n",
    "shop/money.py": "def round_price(value): return value\n",
    "web/app.ts": "export function render() { return 1; }\n",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo", FILES)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def opened(repo: Path, data: Path) -> WorkingIndex:
    return WorkingIndex(Settings(data_dir=data), repo, lambda done, total: None, warm=True)


def places(working: WorkingIndex, name: str) -> list[str]:
    return [f"{symbol.path}:{symbol.start_line}" for symbol in working.index.find(name)]


def test_another_branch_checked_out_under_it(repo, data):
    with opened(repo, data) as working:
        working.update()
        git(repo, "checkout", "-q", "-b", "other")
        (repo / "shop" / "cart.py").write_text("# moved\ndef total(): pass\ndef empty(): pass\n")
        git(repo, "commit", "-qam", "Add empty")
        assert working.update().parsed == 1
        assert places(working, "total") == ["shop/cart.py:2"]
        git(repo, "checkout", "-q", "main")
        working.update()
        assert (places(working, "total"), places(working, "empty")) == (["shop/cart.py:1"], [])


def test_a_renamed_file_is_not_read_again(repo, data):
    with opened(repo, data) as working:
        working.update()
        git(repo, "mv", "shop/money.py", "shop/prices.py")
        assert working.update().parsed == 0
        assert places(working, "round_price") == ["shop/prices.py:1"]


def test_a_sparse_checkout_has_the_files_that_are_not_there(repo, data):
    git(repo, "sparse-checkout", "set", "--cone", "web")
    assert not (repo / "shop").exists()
    with opened(repo, data) as working:
        working.update()
        assert places(working, "total") == ["shop/cart.py:1"]
        assert [file.path for file in working.index.search("round price")] == ["shop/money.py"]


def test_a_submodule_is_one_path_and_keeps_its_own_files(repo, data, tmp_path):
    other = make_repository(tmp_path / "other", {"inner.py": "def inner(): pass\n"})
    git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "libs/other")
    git(repo, "commit", "-qm", "Add other")
    with opened(repo, data) as working:
        working.update()
        assert "libs/other" in working.paths
        assert not any(path.startswith("libs/other/") for path in working.paths)
        assert places(working, "inner") == []
    with opened(repo / "libs" / "other", data) as inside:
        inside.update()
        assert places(inside, "inner") == ["inner.py:1"]


def test_a_repository_that_only_lies_in_the_tree_is_another_one(repo, data):
    make_repository(repo / "scratch", {"theirs.py": "def theirs(): pass\n"})
    with opened(repo, data) as working:
        working.update()
        assert places(working, "theirs") == []


def test_worktrees_and_clones_share_what_was_parsed(repo, data, tmp_path):
    git(repo, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "linked")
    git(repo, "clone", "-q", str(repo), str(tmp_path / "clone"))
    with opened(repo, data) as working:
        assert working.update().parsed == 3
    for other in ("linked", "clone"):
        (tmp_path / other / "web" / "app.ts").write_text("export function draw() { return 2; }\n")
        with opened(tmp_path / other, data) as working:
            assert working.update().parsed == (1 if other == "linked" else 0)
            assert places(working, "draw") == ["web/app.ts:1"]


def test_line_endings_that_git_converts(repo, data):
    git(repo, "config", "core.autocrlf", "true")
    (repo / ".gitattributes").write_text("*.py text eol=crlf\n")
    (repo / "shop" / "cart.py").unlink()
    git(repo, "checkout", "-q", "--", "shop/cart.py")
    assert b"\r\n" in (repo / "shop" / "cart.py").read_bytes()
    (repo / "shop" / "money.py").write_bytes(b"x = 1\r\ndef round_price(value):\r\n    return value\r\n")
    with opened(repo, data) as working:
        working.update()
        assert places(working, "total") == ["shop/cart.py:1"]
        assert places(working, "round_price") == ["shop/money.py:2"]
        assert [s.signature for s in working.index.find("round_price")] == ["def round_price(value)"]


def test_links_lead_nowhere(repo, data, tmp_path):
    (tmp_path / "secret.py").write_text("def secret(): pass\n")
    (repo / "out.py").symlink_to(tmp_path / "secret.py")
    (repo / "alias.py").symlink_to("shop/cart.py")
    (repo / "circle").symlink_to("circle")
    with opened(repo, data) as working:
        working.update()
        assert {"out.py", "alias.py", "circle"} <= set(working.paths)
        assert places(working, "secret") == []
        assert places(working, "total") == ["shop/cart.py:1"]


def test_names_that_are_not_utf8_and_odd_ones(repo, data):
    for name in (b"caf\xe9.py", b"two words.py", b'quo"te.py', b"new\nline.py", b"-dash.py", b":(top)x.py"):
        (repo / os.fsdecode(name)).write_bytes(b"def odd(): pass\n")
    with opened(repo, data) as working:
        working.update()
        assert len(places(working, "odd")) == 6
        assert working.index.search("`odd`")


def test_a_conflict_is_read_as_it_lies_there(repo, data):
    git(repo, "checkout", "-q", "-b", "theirs")
    (repo / "shop" / "cart.py").write_text("def total(): return 2\n")
    git(repo, "commit", "-qam", "Two")
    git(repo, "checkout", "-q", "main")
    (repo / "shop" / "cart.py").write_text("def total(): return 1\ndef mine(): pass\n")
    git(repo, "commit", "-qam", "One")
    with pytest.raises(Exception, match="merge"):
        git(repo, "merge", "-q", "theirs")
    with opened(repo, data) as working:
        working.update()
        assert places(working, "mine") != []
        assert working.paths.count("shop/cart.py") == 1


def test_files_that_nobody_wrote_here_come_last(repo, data):
    for path in ("vendor/lib/gateway.py", "dist/gateway.min.js", "api/gateway_pb2.py", "src/gateway.py"):
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        text = "function gateway() {}\n" if path.endswith("js") else "def gateway(): pass\n"
        (repo / path).write_text(text)
    made = "# Code generated by protoc. DO NOT EDIT.\ndef gateway(): pass\n"
    (repo / "src" / "made.py").write_text(made)
    with opened(repo, data) as working:
        working.update()
        assert working.index.search("gateway")[0].path == "src/gateway.py"
        assert len(places(working, "gateway")) == 5


def test_huge_and_binary_files_are_known_by_path(repo, data):
    (repo / "huge.py").write_bytes(b"def huge(): pass\n" * 80_000)
    (repo / "image.py").write_bytes(b"\x89PNG\0def image(): pass\n")
    with opened(repo, data) as working:
        working.update()
        assert {"huge.py", "image.py"} <= set(working.paths)
        assert places(working, "huge") == places(working, "image") == []
        assert [file.path for file in working.index.search("huge image")] == ["image.py"]
        assert working.index.search("why is `huge.py` slow")[0].path == "huge.py"


def test_what_is_ignored_later_goes_and_what_is_added_by_force_stays(repo, data):
    (repo / "notes.py").write_text("def note(): pass\n")
    (repo / "kept.py").write_text("def kept(): pass\n")
    with opened(repo, data) as working:
        working.update()
        assert places(working, "note") == ["notes.py:1"]
        (repo / ".gitignore").write_text("*s.py\nkept.py\n")
        git(repo, "add", "-f", "kept.py")
        working.update()
        assert (places(working, "note"), places(working, "kept")) == ([], ["kept.py:1"])
