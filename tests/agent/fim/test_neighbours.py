"""What other files say, from a real index."""

from pathlib import Path

import pytest

from moot.agent.core.types import TreeEntry
from moot.agent.fim.neighbours import neighbours
from moot.agent.fim.trim import Hole
from moot.agent.index.index import CodeIndex

KEY = "AKIA" + "Q7" * 8
FILES = {
    "shop/store.py": "class Store:\n    def __init__(self, size: int):\n        pass\n\n"
    "    def price(self, item: str) -> float:\n        return 1.0\n\n\ndef unrelated():\n    pass\n",
    "shop/other.py": "class Store:\n    def never(self):\n        pass\n",
    "shop/use.py": "from shop.store import Store\n",
    "web/cart.ts": "export interface Cart { total(): number }\n\nexport function pay(cart: Cart) {}\n",
    "web/use.ts": 'import { pay } from "./cart";\n',
    "srv/a.go": "package srv\n\ntype Disk struct{}\n\nfunc (d Disk) Fetch(k string) string { return k }\n",
    "srv/b.go": "package srv\n",
    "far/c.go": "package far\n\nfunc Fetch(other int) int { return other }\n",
    "src/queue.rs": "pub fn push_back(value: u32) -> u32 { value }\n",
    "src/main.rs": "mod queue;\nuse crate::queue::push_back;\n",
    "shop/keys.py": f'class Keys:\n    def load(self, key="{KEY}"): pass\n\n    def count(self): pass\n',
    "shop/.aws/keys.py": "class Keys:\n    def read(self): pass\n",
}


@pytest.fixture
def index(tmp_path: Path):
    entries = [
        TreeEntry(path, "100644", f"{number:040x}", len(text))
        for number, (path, text) in enumerate(FILES.items())
    ]
    texts = {entry.blob: FILES[entry.path].encode() for entry in entries}
    with CodeIndex(tmp_path / "index.sqlite", workers=1) as opened:
        opened.update(entries, lambda blobs: [(blob, texts[blob]) for blob in blobs])
        yield opened


def found(index, path: str, prefix: str, suffix: str = "\n", room: int = 2000) -> list[tuple[str, str]]:
    return neighbours(Hole(path, prefix, suffix), index, (prefix, suffix), room)


def test_a_type_that_is_imported_comes_with_its_members(index):
    text = "from shop.store import Store\n\n\ndef f(store: Store):\n    return store."
    assert found(index, "shop/use.py", text) == [
        (
            "shop/store.py",
            "class Store\n    def __init__(self, size: int)\n    def price(self, item: str) -> float",
        )
    ]


def test_what_is_only_imported_by_an_unsaved_text_counts(index):
    assert found(index, "shop/new.py", "from shop.store import Store\n")[0][0] == "shop/store.py"


def test_what_is_not_imported_is_left_out(index):
    assert found(index, "shop/use.py", "def f():\n    return Store().") == []


@pytest.mark.parametrize(
    ("path", "text", "signature"),
    [
        (
            "web/use.ts",
            'import { pay } from "./cart";\n\npay(',
            "function pay(cart: Cart)",
        ),
        ("srv/b.go", "package srv\n\nvar x = Disk{}.Fetch(", "func (d Disk) Fetch(k string) string"),
        ("src/main.rs", "use crate::queue::push_back;\n\nfn main() { push_back(", "pub fn push_back"),
    ],
)
def test_other_languages(index, path: str, text: str, signature: str):
    files = found(index, path, text)
    assert len(files) == 1
    assert signature in files[0][1]


def test_what_the_prompt_leaves_out_of_the_file_itself(index):
    prefix = "def helper(a, b):\n    return a\n\n\n" + "x = 1\n" * 50 + "y = helper("
    shown = (prefix[-100:], "\n")
    assert neighbours(Hole("shop/use.py", prefix, "\n"), index, shown, 500) == [
        ("shop/use.py", "def helper(a, b)")
    ]
    assert neighbours(Hole("shop/use.py", prefix, "\n"), index, (prefix, "\n"), 500) == []


def test_it_keeps_to_its_room(index):
    text = "from shop.store import Store\n\n\nstore = Store("
    for room in (0, 20, 40, 80):
        files = found(index, "shop/use.py", text, room=room)
        assert sum(len(path) + len(said) for path, said in files) <= room


def test_secrets_are_left_out(index):
    text = "from shop.keys import Keys\n\n\nkeys = Keys("
    assert found(index, "shop/use.py", text) == [("shop/keys.py", "class Keys\n    def count(self)")]
    prefix = f'def helper(key="{KEY}"):\n    pass\n\n\n' + "x = 1\n" * 50 + "y = helper("
    assert neighbours(Hole("shop/use.py", prefix, "\n"), index, (prefix[-100:], "\n"), 500) == []
