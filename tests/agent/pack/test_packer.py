"""A context never exceeds its budget, holds no secret, and puts the best last."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moot.agent.core.types import PackLevel, RankedFile, Shown
from moot.agent.index.index import CodeIndex
from moot.agent.index.live import outline_text
from moot.agent.pack.packer import ContextPacker
from moot.agent.pack.render import focus_block
from tests.agent.index.tree import tree

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\n"
BIG = "import os\nfrom sys import (\n    path,\n)\n\n\n" + "".join(
    f'def step_{n}(a, b):\n    """Do step {n}."""\n    value = a + b + {n}\n    return value * 2\n\n\n'
    for n in range(60)
)
FILES = {
    "app/core.py": 'class Core:\n    """The core."""\n\n    def run(self):\n        return 1\n',
    "app/big.py": BIG,
    "app/copy.py": 'class Core:\n    """The core."""\n\n    def run(self):\n        return 1\n',
    "app/side.go": "package app\n\n// Side helps.\nfunc Side() int {\n\treturn 2\n}\n",
    "notes.txt": "some words about the core\n" * 5,
    ".env": "TOKEN=hunter2\n",
    ".env.example": "TOKEN=\n",
    "deploy/server.pem": "certificate\n",
    "home/id_rsa": "key\n",
    "conf/embedded.py": f"KEY = '''{PEM}'''\n",
    "image.png": b"\x89PNG\0\0\0",
    "data.csv": b"1,2,3\n" * 200_000,
}
SCORES = {"app/core.py": 1.0, "app/big.py": 0.9, "app/copy.py": 0.8, "app/side.go": 0.7, "notes.txt": 0.1}


class WordCounter:
    """Counts words and marks: deterministic, and additive over blocks."""

    async def count(self, texts: Sequence[str]) -> list[int]:
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


class GreedyCounter(WordCounter):
    """A counter whose sums are too low: each joint of blocks costs more."""

    async def count(self, texts: Sequence[str]) -> list[int]:
        return [n + 3 * t.count(">\n<file") for n, t in zip(await super().count(texts), texts, strict=True)]


@pytest.fixture(scope="module")
def files():
    return tree(FILES)


@pytest.fixture(scope="module")
def index(files, tmp_path_factory):
    with CodeIndex(tmp_path_factory.mktemp("pack") / "i.db", workers=1) as index:
        index.update(files.entries, files.read_many)
        yield index


@pytest.fixture(scope="module")
def ranked(files):
    blobs = {entry.path: entry.blob for entry in files.entries}
    found = [
        RankedFile(
            path, blob, SCORES.get(path, 0.5), (f"because {path}",), ("step_7",) if "big" in path else ()
        )
        for path, blob in blobs.items()
    ]
    return sorted(found, key=lambda file: (-file.score, file.path))


@pytest.fixture(scope="module")
def pack(index, files, ranked):
    def run(budget, counter=None, ranking=None):
        packer = ContextPacker(index, files.read_many, counter or WordCounter())
        return asyncio.run(packer.pack(ranked if ranking is None else ranking, budget))

    return run


def test_the_best_file_is_whole_and_last(pack):
    made = pack(4000)
    assert made.text.endswith("        return 1\n</file>\n")
    assert made.files[0].path == "app/core.py"
    assert made.files[0].level is PackLevel.WHOLE
    assert made.files[0].reasons == ("because app/core.py",)
    levels = [
        made.text.index(f'"{path}"') for path in ("notes.txt", "app/side.go", "app/big.py", "app/core.py")
    ]
    assert levels == sorted(levels)


def test_where_room_is_short_the_last_files_are_named_only(pack):
    levels = {file.path: file.level for file in pack(100).files}
    assert levels["app/core.py"] is PackLevel.WHOLE
    assert levels.get("notes.txt") in (PackLevel.NAME, None)


def test_with_room_everything_is_whole(pack):
    made = pack(100_000)
    assert {file.level for file in made.files} == {PackLevel.WHOLE}


def test_a_file_too_large_keeps_its_outline_and_the_lines_that_matter(pack):
    made = pack(1500)
    assert {file.path: file.level for file in made.files}["app/big.py"] is PackLevel.FOCUS
    assert "def step_59(a, b)  # Do step 59.\n" in made.text
    assert "from sys import ( path, )" in made.text
    assert '<lines first="49" last="52">\ndef step_7(a, b):' in made.text
    assert "value = a + b + 8\n" not in made.text


def test_excerpts_say_nothing_of_what_else_a_file_is_needed_for(index, files, ranked):
    (big,) = (replace(file, symbols=()) for file in ranked if file.path == "app/big.py")
    packer = ContextPacker(index, files.read_many, WordCounter())
    shown = {"app/big.py": Shown(big.blob, PackLevel.FOCUS, ("step_7",))}
    assert [file.level for file in asyncio.run(packer.pack([big], 1000, shown)).files] == [PackLevel.SKELETON]


def test_excerpts_show_what_they_lie_in():
    data = (
        b'import os\n\n\nclass Shelf:\n    """Holds."""\n\n    def put(self):\n        return 1\n\n'
        b"    def take(self):\n        return 2\n\n\ndef other():\n    return 3\n"
    )
    symbols = [each for each in outline_text("a.py", data) if each.kind != "import"]
    assert focus_block("a.py", data, symbols, ["Shelf.take"]) == (
        '<file path="a.py" part="excerpts">\nimport os\nclass Shelf  # Holds.\n'
        '<lines first="10" last="11">\n    def take(self):\n        return 2\n</lines>\n</file>\n'
    )
    outlined = focus_block("a.py", data, symbols, ["Shelf.take"], outline=True)
    assert outlined is not None
    assert "  def put(self)\n" in outlined
    assert focus_block("a.py", data, symbols, ["gone"]) is None


def test_where_the_ranking_is_sure_of_a_file_more_of_it_is_shown(pack, ranked):
    def tokens(score: float) -> int:
        files = [replace(file, score=score) if file.path == "app/big.py" else file for file in ranked]
        made = pack(180, ranking=sorted(files, key=lambda file: -file.score))
        return {file.path: file.tokens for file in made.files}.get("app/big.py", 0)

    assert tokens(9.0) > tokens(-9.0)


def test_a_skeleton_without_room_becomes_a_name(pack):
    levels = {file.path: file.level for file in pack(150).files}
    assert levels["app/big.py"] is PackLevel.NAME


@settings(max_examples=60, deadline=None)
@given(budget=st.integers(-5, 3000), greedy=st.booleans())
def test_never_over_the_budget(pack, budget, greedy):
    counter = GreedyCounter() if greedy else WordCounter()
    made = pack(budget, counter)
    assert made.tokens <= max(0, budget)
    assert made.tokens == (asyncio.run(counter.count([made.text]))[0] if made.text else 0)
    assert {file.path for file in made.files}.isdisjoint(path for path, _ in made.left_out)
    assert {file.path for file in made.files} | {path for path, _ in made.left_out} == set(FILES)
    assert made == pack(budget, counter)


def test_blocks_add_up(pack):
    made = pack(2500)
    assert made.tokens == sum(file.tokens for file in made.files)


def test_secrets_binaries_and_copies_are_left_out_and_listed(pack):
    made = pack(100_000)
    reasons = dict(made.left_out)
    assert reasons[".env"].startswith("secret")
    assert reasons["deploy/server.pem"].startswith("secret")
    assert reasons["home/id_rsa"].startswith("secret")
    assert reasons["conf/embedded.py"] == "secret: it contains a private key"
    assert reasons["image.png"] == "binary"
    assert reasons["data.csv"] == "larger than 1 MB"
    assert reasons["app/copy.py"] == "same content as app/core.py"
    assert ".env.example" not in reasons
    assert "hunter2" not in made.text
    assert "PRIVATE KEY" not in made.text
    assert made.text.count("The core.") == 1


def test_links_and_huge_files_are_not_read_though_the_task_names_them(tmp_path):
    texts = {"app/core.py": FILES["app/core.py"], "link.py": "app/core.py", "huge.py": "x = 1\n" * 200_000}
    files = tree(texts, modes={"link.py": "120000"})
    with CodeIndex(tmp_path / "i.db", workers=1) as index:
        index.update(files.entries, files.read_many)
        found = index.search("link.py and huge.py are wrong, not app/core.py")
        made = asyncio.run(ContextPacker(index, files.read_many, WordCounter()).pack(found, 4000))
    assert dict(made.left_out) == {"link.py": "a symbolic link", "huge.py": "larger than 1 MB"}
    assert [file.path for file in made.files] == ["app/core.py"]
    (core,) = (entry.blob for entry in files.entries if entry.path == "app/core.py")
    assert set(files.asked) == {core}


def test_a_name_that_is_not_text_is_left_out(index, pack):
    path = "caf\udce9.py"
    odd = tree({path: "x = 1\n"})
    packer = ContextPacker(index, odd.read_many, WordCounter())
    made = asyncio.run(packer.pack([RankedFile(path, odd.entries[0].blob, 1.0)], 100))
    assert (made.text, made.left_out) == ("", ((path, "its name is not UTF-8"),))


def test_nothing_ranked(pack):
    made = pack(1000, ranking=[])
    assert (made.text, made.tokens, made.files, made.left_out) == ("", 0, (), ())


def test_a_path_cannot_close_its_tag(index, pack):
    path = 'a"><x>\n.py'
    odd = tree({path: "x = 1\n"})
    packer = ContextPacker(index, odd.read_many, WordCounter())
    text = asyncio.run(packer.pack([RankedFile(path, odd.entries[0].blob, 1.0)], 100)).text
    assert text.startswith('<file path="a&quot;&gt;&lt;x&gt;&#10;.py">\n')
