"""The index follows a working tree: after any edits it is what a fresh one would be."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moot.agent.core.config import Settings
from moot.agent.working_index import WorkingIndex
from tests.agent.projects import git, make_repository

FILES = {
    "shop/cart.py": "from shop.money import round_price\n\n\nclass Cart:\n    def total(self): ...\n",
    "shop/money.py": "def round_price(value): return value\n",
    "web/app.ts": "export function render() { return 1; }\n",
    ".gitignore": "out/\n*.log\n",
}
PATHS = (
    "shop/cart.py",
    "shop/money.py",
    "shop/new.py",
    "web/app.ts",
    "out/built.py",
    "a.log",
    ".gitignore",
    "b/c/d.go",
)
TEXTS = (
    "def alpha(): pass\n",
    "class Beta:\n    def gamma(self): return alpha()\n",
    "x = (\n",
    "\0",
    "",
    "web/\n",
    "*.py\r\n",
    "caf\xe9 = 1\n",
)
QUERIES = ("alpha gamma", "`Beta` in shop/cart.py", "round price render", "shop new")

write = st.tuples(st.just("write"), st.sampled_from(PATHS), st.sampled_from(TEXTS))
remove = st.tuples(st.just("remove"), st.sampled_from(PATHS), st.just(""))
rename = st.tuples(st.just("rename"), st.sampled_from(PATHS), st.sampled_from(PATHS))
link = st.tuples(st.just("link"), st.sampled_from(PATHS), st.sampled_from(PATHS))
mode = st.tuples(st.just("mode"), st.sampled_from(PATHS), st.just(""))
commit = st.tuples(st.just("commit"), st.just(""), st.just(""))


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo", FILES)


def opened(repo: Path, data: Path, *, warm: bool = False) -> WorkingIndex:
    return WorkingIndex(Settings(data_dir=data), repo, lambda done, total: None, warm=warm)


def apply(repo: Path, step: tuple[str, str, str]) -> set[str]:
    """Do one edit and return the paths that changed."""
    what, path, other = step
    file = repo / path
    match what:
        case "write" | "link":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            if what == "write":
                file.write_bytes(other.encode("latin-1"))
            else:
                file.symlink_to(repo / other)
        case "remove":
            file.unlink(missing_ok=True)
        case "rename" if file.exists() and path != other:
            (repo / other).parent.mkdir(parents=True, exist_ok=True)
            file.replace(repo / other)
        case "mode" if file.is_file() and not file.is_symlink():
            file.chmod(0o755)
        case "commit":
            git(repo, "add", "-A")
            git(repo, "commit", "-q", "--allow-empty", "-m", "a step")
        case _:
            pass
    return {each for each in (path, other if what == "rename" else "") if each}


def everything(working: WorkingIndex) -> list[object]:
    index = working.index
    paths = [file.path for query in QUERIES for file in index.search(query)]
    return [
        working.paths,
        [index.symbols(path) for path in working.paths],
        [index.search(query) for query in QUERIES],
        [index.find(name) for name in ("alpha", "Beta.gamma", "total")],
        index.dependents(paths),
        index.look_up("alpha"),
    ]


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.one_of(write, remove, rename, link, mode, commit), min_size=1, max_size=8))
def test_after_any_edits_it_is_what_a_fresh_one_would_be(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("tree")
    repo = make_repository(folder / "repo", FILES)
    with opened(repo, folder / "kept", warm=True) as kept:
        kept.update()
        for step in steps:
            kept.update(apply(repo, step))
        with opened(repo, folder / "fresh") as fresh:
            fresh.update()
            assert everything(kept) == everything(fresh)
    shutil.rmtree(folder)


def test_many_small_updates_are_merged_and_passing_states_are_dropped(tmp_path, repo):
    with opened(repo, tmp_path / "kept", warm=True) as kept, opened(repo, tmp_path / "fresh") as fresh:
        for number in range(40):
            (repo / f"module_{number}.py").write_text(f"def part_{number}(): pass\n")
            (repo / "shop" / "new.py").write_text(f"def passing_{number}(): pass\n")
            kept.update([f"module_{number}.py", "shop/new.py"])
        fresh.update()
        assert everything(kept) == everything(fresh)
        assert kept.index.find("part_7")[0].path == "module_7.py"
        assert kept.index.find("passing_7") == []
    segments = list((tmp_path / "kept" / "index.sqlite.segments").iterdir())
    assert 1 < len(segments) <= 32


def test_a_file_that_one_update_missed_is_found_by_the_next(tmp_path, repo):
    with opened(repo, tmp_path / "data", warm=True) as working:
        working.update()
        (repo / "shop" / "late.py").write_text("def late(): pass\n")
        working.update(["shop/cart.py"])
        assert working.index.find("late") == []
        working.update()
        assert [symbol.path for symbol in working.index.find("late")] == ["shop/late.py"]


def test_of_two_new_files_with_one_content_either_may_change(tmp_path, repo):
    for first, other in (("a.py", "b.py"), ("b.py", "a.py")):
        with opened(repo, tmp_path / first, warm=True) as working:
            working.update()
            for path in (first, other):
                (repo / "shop" / path).write_text("def twin(): pass\n")
                working.update([f"shop/{path}"])
            (repo / "shop" / first).write_text("def other(): pass\n")
            working.update([f"shop/{first}"])
            (symbol,) = working.index.find("twin")
            assert working.lines([("shop/" + other, 1)]) == {("shop/" + other, 1): "def twin(): pass"}
            assert symbol.path == f"shop/{other}"


def test_lines_are_numbered_as_the_index_numbers_them(tmp_path, repo):
    (repo / "odd.py").write_bytes("\x0ca = '\x0b\u2028\x85'\r\ndef last(): pass\r\n".encode())
    with opened(repo, tmp_path / "data") as working:
        working.update()
        (symbol,) = working.index.find("last")
        place = symbol.path, symbol.start_line
        assert working.lines([place]) == {place: "def last(): pass"}


def test_a_path_beyond_a_link_or_in_a_submodule_is_looked_for_in_the_whole_tree(tmp_path, repo):
    library = make_repository(tmp_path / "library", {"inner.py": "def inner(): pass\n"})
    git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "library")
    git(repo, "commit", "-qm", "Add library")
    (repo / "link").symlink_to("shop")
    with opened(repo, tmp_path / "data") as working:
        working.update()
        for number, path in enumerate(("link/late.py", "library/late.py")):
            (repo / "late.py").write_text(f"def late{number}(): pass\n")
            (repo / path).write_text("x = 1\n")
            working.update([path])
            assert working.index.find(f"late{number}")


def test_watching_sees_what_changed_before_it_began_and_what_lies_beyond_links(tmp_path, repo):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (repo / "link").symlink_to(elsewhere)
    with opened(repo, tmp_path / "data", warm=True) as working:
        files = working.update().files
        (repo / "early.py").write_text("def early(): pass\n")
        changes = working.watch()
        assert next(changes).files == files + 1
        (elsewhere / "beyond.py").write_text("x = 1\n")
        assert next(changes).files == files + 1
        (repo / "late.py").write_text("def late(): pass\n")
        assert next(changes).files == files + 2
        changes.close()
