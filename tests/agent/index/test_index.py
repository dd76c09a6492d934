"""The index over real SQLite files and real parser processes."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moot.agent.core.config import Settings
from moot.agent.core.errors import UsageError
from moot.agent.index.facts import decode_outline
from moot.agent.index.index import CodeIndex
from moot.agent.index.live import outline_text
from moot.agent.index.workers import Job, Workers
from tests.agent.index.tree import Tree, tree

DATA = Path(__file__).parent / "data"
SAMPLES = {
    f"src/{path.name}": path.read_bytes()
    for path in sorted(DATA.iterdir())
    if path.is_file() and path.suffix != ".toml"
}


@pytest.fixture
def index(tmp_path):
    with CodeIndex(tmp_path / "data" / "index.db", workers=1) as index:
        yield index


def update(index: CodeIndex, files: Tree):
    return index.update(files.entries, files.read_many)


def test_only_unknown_blobs_are_read(index):
    first = tree(SAMPLES)
    stats = update(index, first)
    assert (stats.files, stats.parsed, stats.reused) == (17, 17, 0)
    assert stats.symbols == sum(len(index.symbols(path)) for path in SAMPLES)

    second = tree(SAMPLES | {"src/new.py": "def fresh(): pass\n", "copy/ring.rs": SAMPLES["src/ring.rs"]})
    stats = update(index, second)
    assert (stats.files, stats.parsed, stats.reused) == (19, 1, 18)
    assert len(second.asked) == 1
    assert index.symbols("copy/ring.rs")[0].path == "copy/ring.rs"


def test_a_new_tree_forgets_the_old_one(index):
    update(index, tree({"a.py": "def gone(): pass\n"}))
    assert [s.path for s in index.find("gone")] == ["a.py"]
    update(index, tree({"b.py": "class K:\n    def here(self): pass\n"}))
    assert index.find("gone") == []
    assert index.symbols("a.py") == []
    assert (
        [s.qualified_name for s in index.find("K.here")]
        == ["K.here"]
        == [s.qualified_name for s in index.find("here")]
    )


QUALIFIED = {
    "srv/store.go": "package srv\n\ntype Store struct{}\n",
    "srv/get.go": "package srv\n\nfunc (s *Store) Get(key string) string {\n\treturn key\n}\n",
    "srv/cache.go": "package srv\n\ntype Cache struct{}\n\nfunc (c Cache) Get() int {\n\treturn 1\n}\n",
    "src/matrix.hpp": "namespace math {\nclass Matrix {\npublic:\n    int at() { return 1; }\n};\n}\n",
    "src/trace.cpp": '#include "matrix.hpp"\n\nint math::Matrix::trace() {\n    return 1;\n}\n',
    "Stock.cs": "namespace Shop.Stock\n{\n    class Slot\n    {\n        void Take() { }\n    }\n}\n",
    "ring.rs": "pub struct Ring;\n",
    "drain.rs": "impl Ring {\n    pub fn drain(&self) {}\n}\n",
    "events.js": "class Emitter {\n  #size = 0;\n}\n",
}


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("Store.Get", ["srv/get.go"]),
        ("Store::Get", ["srv/get.go"]),
        ("Store#Get()", ["srv/get.go"]),
        ("Get", ["srv/cache.go", "srv/get.go"]),
        ("math.Matrix.at", ["src/matrix.hpp"]),
        ("math::Matrix::at", ["src/matrix.hpp"]),
        ("Matrix.at", ["src/matrix.hpp"]),
        ("Matrix.trace", ["src/trace.cpp"]),
        ("Shop.Stock.Slot.Take", ["Stock.cs"]),
        ("Slot.Take", ["Stock.cs"]),
        ("Ring::drain", ["drain.rs"]),
        ("Emitter.#size", ["events.js"]),
        ("#size", ["events.js"]),
        ("Cache.gone", []),
        ("lot.Take", []),
        ("", []),
    ],
)
def test_a_qualified_name_is_found_wherever_its_owner_is_defined(index, name, paths):
    update(index, tree(QUALIFIED))
    assert [symbol.path for symbol in index.find(name)] == paths
    assert [symbol.path for symbol in index.look_up(name).definitions] == paths


def test_the_names_that_are_shown_are_found(index):
    files = tree(SAMPLES | QUALIFIED)
    update(index, files)
    for path in (entry.path for entry in files.entries):
        for symbol in index.symbols(path):
            assert symbol in index.find(symbol.qualified_name), symbol.qualified_name


def test_clones_share_the_store(tmp_path):
    with CodeIndex(tmp_path / "i.db", workers=1) as one, CodeIndex(tmp_path / "i.db", workers=1) as other:
        assert update(one, tree(SAMPLES)).parsed == 17
        assert update(other, tree(SAMPLES)).parsed == 0
        assert other.symbols("src/ring.rs") == one.symbols("src/ring.rs") != []


def test_the_same_blob_in_two_languages(index):
    files = tree({"a.js": "function f() {}\n", "a.ts": "function f() {}\n", "a.txt": "function f() {}\n"})
    assert update(index, files).parsed == 3
    assert len(files.asked) == 1
    assert len(index.find("f")) == 2


def test_odd_files_do_no_harm(index):
    files = tree(
        {
            "nul.py": b"\0\1def f(): pass",
            "latin.py": b"def caf\xe9(): pass\ndef plain(): pass\n",
            "huge.py": b"def f(): pass\n" * 80_000,
            "link.py": "nul.py",
            "module": "0" * 40,
            "empty.py": "",
        },
        modes={"link.py": "120000", "module": "160000"},
    )
    stats = update(index, files)
    assert (stats.files, stats.parsed) == (6, 3)
    assert len(files.asked) == 3  # neither the link, nor the submodule, nor the huge file
    assert [s.name for s in index.symbols("latin.py")][-1] == "plain"
    assert index.symbols("link.py") == index.symbols("module") == index.symbols("huge.py") == []
    paths = {file.path for file in index.search("nul link module huge latin plain")}
    assert paths == {"nul.py", "latin.py"}


def test_ignored_globs(tmp_path):
    with CodeIndex(tmp_path / "i.db", ignore=["gen/*", "*.lock"], workers=1) as index:
        assert update(index, tree({"gen/deep/a.py": "x = 1\n", "b.lock": "x", "c.py": "y = 2\n"})).files == 1


@pytest.mark.parametrize(
    ("globs", "kept"),
    [
        (["*.lock", "build/"], ["a/b/lib.py", "a/x.py", "building.py", "docs/build", "x.py"]),
        (["build"], ["a/b/lib.py", "a/x.py", "building.py", "y.lock", "x.py"]),
        (["/build"], ["a/b/lib.py", "a/build/z.py", "a/x.py", "building.py", "docs/build", "x.py", "y.lock"]),
        (["/**/x.py", "docs"], ["a/b/lib.py", "a/build/z.py", "build/y.py", "building.py", "y.lock"]),
        (["**/x.py", "docs"], ["a/b/lib.py", "a/build/z.py", "build/y.py", "building.py", "y.lock"]),
        (["a/**/lib.py", "b?ild*"], ["a/x.py", "x.py", "y.lock"]),
        (["a/"], ["build/y.py", "building.py", "docs/build", "x.py", "y.lock"]),
        (["a/**"], ["build/y.py", "building.py", "docs/build", "x.py", "y.lock"]),
        (["a/*.py", ""], ["build/y.py", "building.py", "docs/build", "x.py", "y.lock"]),
    ],
)
def test_globs_mean_files_and_whole_folders(tmp_path, globs, kept):
    paths = [
        "a/b/lib.py",
        "a/build/z.py",
        "a/x.py",
        "build/y.py",
        "building.py",
        "docs/build",
        "x.py",
        "y.lock",
    ]
    with CodeIndex(tmp_path / "i.db", ignore=globs, workers=1) as index:
        update(index, tree({path: f"{path}\n" for path in paths}))
        assert sorted(file.path for file in index.search(" ".join(paths))) == sorted(kept)


def test_the_globs_of_a_variable_are_heeded(tmp_path, monkeypatch):
    monkeypatch.setenv("MOOT_IGNORE", "*.lock,build/")
    files = tree({"build/deep/a.py": "x = 1\n", "b.lock": "x", "c.py": "y = 2\n"})
    with CodeIndex(tmp_path / "i.db", ignore=Settings().ignore, workers=1) as index:
        assert update(index, files).files == 1


def test_an_empty_tree(index):
    assert update(index, tree({})).files == 0
    assert index.search("anything") == []
    assert index.find("anything") == []


def test_the_store_is_private(tmp_path):
    with CodeIndex(tmp_path / "data" / "i.db", workers=1) as index:
        update(index, tree({"a.py": "x = 1\n"}))
        found = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
        assert len([path for path in found if path.parent.name == "i.db.segments"]) == 1
        modes = {path: (path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in found}
        assert set(modes.values()) == {(True, 0o700), (False, 0o600)}, modes


def test_a_damaged_store_is_built_again(tmp_path):
    path = tmp_path / "i.db"
    path.write_bytes(b"this is no database, and it is long enough to be read as one" * 100)
    with CodeIndex(path, workers=1) as index:
        assert update(index, tree({"a.py": "def f(): pass\n"})).symbols == 1


def test_a_store_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="choose another data folder"):
        CodeIndex(tmp_path / "file" / "i.db")


RACER = """
import sys
from pathlib import Path
from moot.agent.index.index import CodeIndex
from tests.agent.index.tree import tree

files = tree({f"m{n}.py": f"def f{n}(): pass\\n" for n in range(60)})
with CodeIndex(Path(sys.argv[1]), workers=1) as index:
    print(index.update(files.entries, files.read_many).symbols, flush=True)
"""


def test_processes_that_update_at_once(tmp_path):
    root = Path(__file__).parents[3]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path / "new" / "i.db")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        for _ in range(3)
    ]
    for racer in racers:
        out, err = racer.communicate(timeout=60)
        assert (racer.returncode, out.strip()) == (0, "60"), err
    with CodeIndex(tmp_path / "new" / "i.db", workers=1) as index:
        assert update(index, tree({f"m{n}.py": f"def f{n}(): pass\n" for n in range(60)})).parsed == 0


def test_rows_that_another_process_drops_are_made_again(tmp_path):
    path, files = tmp_path / "i.db", tree({"a.py": "def first(): pass\n", "b.py": "def second(): first()\n"})
    with CodeIndex(path, workers=1) as index, CodeIndex(path, workers=1, warm=True) as watcher:
        update(watcher, files)
        assert update(index, files).parsed == 0
        assert index.search("first")
        update(watcher, tree({"b.py": "def third(): pass\n"}))  # the others were passing states
        assert [symbol.name for symbol in index.symbols("a.py")] == ["first"]
        (found,) = index.search("second", limit=1)
        assert (found.path, found.symbols) == ("b.py", ("second",))


def test_parsers_start_where_memory_is_limited_already(tmp_path):
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); "
        "exec(sys.argv.pop(1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, RACER, str(tmp_path / "i.db")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert (done.returncode, done.stdout.strip()) == (0, "60"), done.stderr


def test_threads_that_search_while_another_updates(index):
    update(index, tree(SAMPLES))
    with ThreadPoolExecutor(4) as threads:
        searches = [threads.submit(index.search, "session store") for _ in range(20)]
        update(index, tree(SAMPLES | {"x.py": "def session_store(): pass\n"}))
        assert all(search.result() for search in searches)
    assert any(file.path == "x.py" for file in index.search("session store"))


def test_a_file_that_takes_too_long_is_read_by_lines_and_the_next_one_parsed():
    slow = b"def a(): pass\nx = " + b"(" * 400_000 + b"\n"  # takes the grammar far over 10 seconds
    texts = [b"def z(): pass\n", slow, b"def b(): pass\n"]
    with Workers(1, timeout=2.0) as workers:
        lost, whole = list(workers.index([("python", text) for text in texts], lambda done: None))
        (again,) = workers.index([("python", text) for text in texts], lambda done: None)
    assert (list(lost.rows), lost.segment) == ([0], None)  # the words of the first went with the process
    assert [whole.rows[n].state for n in (1, 2)] == ["words", "parsed"]
    assert [each.state for each in again.rows.values()] == ["parsed", "words", "parsed"]  # at once
    names = [[s.name for s in decode_outline(each.symbols)] for each in again.rows.values()]
    assert names == [["z"], ["a"], ["b"]]


def test_links_are_read_only_a_little_ahead():
    taken = list[int]()

    def jobs() -> Iterator[Job]:
        for number in range(1000):
            taken.append(number)
            yield "python", b"f%d()\n" % number

    with Workers(1, timeout=10.0) as workers:
        links = workers.links(jobs())
        first = next(links)
        assert len(taken) < 300
        assert [*first.calls, *(name for each in links for name in each.calls)] == [
            f"f{n}" for n in range(1000)
        ]


def test_files_that_hold_a_name_are_not_in_memory_all_at_once(index):
    size, files = 400_000, tree({f"m{n}.py": f"fetch({n})\n" for n in range(60)})

    def read_many(blobs):
        yield from ((blob, data + b"#" * size) for blob, data in files.read_many(blobs))

    index.update(files.entries, read_many)
    tracemalloc.start()
    try:
        assert len(index.look_up("fetch").references) == 60
        assert tracemalloc.get_traced_memory()[1] < 20 * size
    finally:
        tracemalloc.stop()


def test_what_is_lost_with_a_parser_is_read_again(tmp_path):
    slow = "x = " + "(" * 400_000 + "\n"
    files = tree({"a.py": "def first(): pass\n", "b.py": slow, "c.py": "def third(): pass\n"})
    with CodeIndex(tmp_path / "i.db", workers=1, timeout=2.0) as index:
        assert update(index, files).parsed == 3
        assert {file.path for file in index.search("first third")} == {"a.py", "c.py"}
        assert update(index, files).parsed == 0


def test_a_text_that_takes_too_long_is_outlined_by_lines(tmp_path):
    slow = b"import os\n\n\ndef a(): pass\nx = " + b"(" * 400_000 + b"\n"
    with CodeIndex(tmp_path / "i.db", workers=1, timeout=2.0) as index:
        update(index, tree({"os.py": ""}))
        began = time.monotonic()
        assert [symbol.name for symbol in index.outline("m.py", slow)] == ["a"]
        assert index.imports("m.py", slow) == []
        assert time.monotonic() - began < 60
        assert [symbol.name for symbol in index.outline("m.py", b"def b(): pass\n")] == ["b"]


def test_a_large_text_is_outlined_as_a_small_one(tmp_path):
    large = b"import a.b\nfrom c import d\n\n\n" + b"".join(
        b'def f%d(x):\n    """Do %d."""\n    return x\n\n\n' % (n, n) for n in range(2000)
    )
    before = children()
    with CodeIndex(tmp_path / "i.db", workers=1) as index:
        update(index, tree({"a/b.py": "", "c.py": ""}))
        assert index.outline("m.py", large) == outline_text("m.py", large)
        assert [s.name for s in index.outline("m.py", large) if s.kind == "import"] == ["a.b", "c"]
        assert index.imports("m.py", large) == ["a/b.py", "c.py"]
        assert len(children() - before) == 1
        assert index.outline("m.py", large * 20) == []
        assert index.outline("notes.txt", large) == []
    assert children() == before


def test_an_interrupt_leaves_no_answer_behind():
    slow = b"x = " + b"(" * 400_000 + b"\n"
    interrupt = threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT))
    with Workers(1, timeout=60.0) as workers:
        interrupt.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                workers.outline(("python", slow))
        finally:
            interrupt.cancel()
        assert [each.name for each in workers.outline(("python", b"def b(): pass\n"))] == ["b"]


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (
            "#!/bin/sh\necho starting >&2\necho 'ImportError: NumPy is broken' >&2\nexit 1\n",
            "ImportError: NumPy is broken",
        ),
        ("#!/bin/sh\nexit 1\n", "it ended at once"),
        ("", "Exec format error"),
    ],
)
def test_where_no_parser_can_run_that_is_said(tmp_path, monkeypatch, program, why):
    broken = tmp_path / "python"
    broken.write_text(program)
    broken.chmod(0o755)
    files = tree({f"m{n}.py": f"def f{n}(): pass\n" for n in range(200)})
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(broken))
        told = pytest.raises(UsageError, match=rf"no parser process can run here \(.*{why}.*ulimit -u")
        with CodeIndex(tmp_path / "i.db", workers=2) as index, told:
            update(index, files)
    with CodeIndex(tmp_path / "i.db", workers=2) as index:
        stats = update(index, files)
        assert (stats.parsed, stats.symbols) == (200, 200)


def test_what_could_not_be_read_does_not_count_as_parsed(index):
    files = tree({"a.py": "x = 1\n", "b.py": "y = 2\n"})
    gone = files.entries[1].blob
    stats = index.update(files.entries, lambda blobs: files.read_many(b for b in blobs if b != gone))
    assert (stats.files, stats.parsed, stats.reused) == (2, 1, 0)


def test_a_repository_cannot_run_code_in_the_parser(tmp_path, monkeypatch):
    trap = tmp_path / "repo"
    trap.mkdir()
    for name in ("json", "struct", "resource", "tree_sitter", "moot", "multiprocessing"):
        (trap / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit\n")
    monkeypatch.chdir(trap)
    with CodeIndex(tmp_path / "i.db", workers=2) as index:
        stats = update(index, tree({f"m{n}.py": f"def f{n}(): pass\n" for n in range(60)}))
    assert stats.symbols == 60
    assert not (tmp_path / "ran").exists()


def test_no_process_outlives_the_update(tmp_path):
    before = children()
    with CodeIndex(tmp_path / "i.db", workers=2) as index:
        assert len(children() - before) == 2  # at once, since there is everything to read
        update(index, tree(SAMPLES))
        assert children() == before
    with CodeIndex(tmp_path / "i.db", workers=2):
        assert children() == before


def test_importing_the_index_loads_no_grammar():
    program = (
        "import sys, moot.agent.index.index; print([m for m in sys.modules if m.startswith('tree_sitter')])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


CONTENTS = st.sampled_from(
    [
        "def alpha(): pass\n",
        "class Beta:\n    def gamma(self): return alpha()\n",
        "x = (\n",
        "\0",
        "",
        textwrap.dedent("""\
            import alpha
            delta = 1
        """),
    ]
)
TREES = st.dictionaries(st.sampled_from(["a.py", "b.py", "tests/test_a.py", "c.txt"]), CONTENTS, max_size=4)


@settings(max_examples=12, deadline=None)
@given(st.lists(TREES, min_size=1, max_size=3))
def test_incremental_equals_fresh(tmp_path_factory, trees):
    folder = tmp_path_factory.mktemp("index")
    with CodeIndex(folder / "kept.db", workers=1) as kept, CodeIndex(folder / "new.db", workers=1) as fresh:
        for files in trees:
            update(kept, tree(files))
        update(fresh, tree(trees[-1]))
        assert [kept.symbols(p) for p in trees[-1]] == [fresh.symbols(p) for p in trees[-1]]
        for query in ("alpha gamma", "`Beta` in tests/test_a.py"):
            assert kept.search(query) == fresh.search(query)


def children() -> set[int]:
    own = os.getpid()
    return {int(p) for p in Path(f"/proc/{own}/task/{own}/children").read_text().split()}
