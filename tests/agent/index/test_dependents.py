"""Which files an edit can affect, as far as imports and names tell."""

from pathlib import Path

import pytest

from moot.agent.index.index import CodeIndex
from tests.agent.index.tree import tree

PYTHON = {
    "pkg/__init__.py": "",
    "pkg/core.py": "def f(): ...\n",
    "pkg/middle.py": "from pkg.core import f\n",
    "pkg/other.py": "import json\n",
    "tests/test_middle.py": "from pkg import middle\n",
    "tests/test_core.py": "import importlib\n\ncore = importlib.import_module('pkg.' + 'core')\n",
    "tests/test_other.py": "from pkg import other\n",
}
CYCLE = {"a.py": "import b\n", "b.py": "import a\n", "test_a.py": "import a\n"}
TYPESCRIPT = {
    "src/a.ts": "export const a = 1;\n",
    "src/b.ts": 'import { a } from "./a";\nexport const b = a;\n',
    "src/b.test.ts": 'import { b } from "./b";\n',
    "src/c.ts": "export const c = 1;\n",
}
GO = {
    "go.mod": "module example.com/shop\n",
    "cart/cart.go": "package cart\n",
    "cart/price.go": "package cart\n",
    "cart/cart_test.go": "package cart\n",
    "web/page.go": 'package web\n\nimport "example.com/shop/cart"\n',
    "other/cart.go": 'package other\n\nimport "encoding/json"\n',
}
KOTLIN = {
    "src/Feed.kt": "package org.shop.feed\n\nfun slug(text: String) = text\n",
    "src/Page.kt": "package org.shop\n\nimport org.shop.feed.slug\n",
    "src/Other.kt": "package org.shop\n\nimport okio.slug\n",
}
RUST = {
    "Cargo.toml": '[package]\nname = "my-shop"\n',
    "src/lib.rs": "mod cart;\n",
    "src/cart.rs": "use crate::money::{Amount, Rate};\n",
    "src/money.rs": "pub struct Amount;\n",
    "tests/buying.rs": "use my_shop::money::Amount;\n",
    "tests/other.rs": "use serde::Serialize;\n",
}


@pytest.fixture
def index(tmp_path: Path):
    with CodeIndex(tmp_path / "index.db", workers=1) as index:
        yield index


@pytest.mark.parametrize(
    ("files", "changed", "found"),
    [
        pytest.param(
            PYTHON, "pkg/middle.py", {"pkg/middle.py", "tests/test_middle.py"}, id="a test imports it"
        ),
        pytest.param(
            PYTHON,
            "pkg/core.py",
            {"pkg/core.py", "pkg/middle.py", "tests/test_middle.py", "tests/test_core.py"},
            id="over another file, and by the test's name",
        ),
        pytest.param(CYCLE, "b.py", {"a.py", "b.py", "test_a.py"}, id="a cycle ends"),
        pytest.param(
            TYPESCRIPT, "src/a.ts", {"src/a.ts", "src/b.ts", "src/b.test.ts"}, id="relative imports"
        ),
        pytest.param(
            GO,
            "cart/price.go",
            {"cart/price.go", "cart/cart_test.go", "web/page.go"},
            id="a package of Go, and its tests",
        ),
        pytest.param(
            KOTLIN, "src/Feed.kt", {"src/Feed.kt", "src/Page.kt"}, id="by the package that a file declares"
        ),
        pytest.param(
            RUST,
            "src/money.rs",
            {"src/money.rs", "src/cart.rs", "src/lib.rs", "tests/buying.rs"},
            id="modules of Rust, and the crate by its name",
        ),
        pytest.param(PYTHON, "not/there.py", {"not/there.py"}, id="an unknown file is its own"),
    ],
)
def test_dependents(index: CodeIndex, files: dict[str, str], changed: str, found: set[str]) -> None:
    listed = tree(files)
    index.update(listed.entries, listed.read_many)
    assert set(index.dependents([changed])) == found


def test_configuration_is_read_when_imports_are_followed(index: CodeIndex) -> None:
    listed = tree(GO)
    index.update(listed.entries, listed.read_many)
    index.find("cart")
    asked = len(listed.asked)
    index.dependents(["cart/price.go"])
    read = listed.asked[asked:]
    index.dependents(["cart/cart.go"])
    assert [listed.blobs[blob] for blob in read] == [GO["go.mod"].encode()]
    assert listed.asked[asked:] == read


def test_a_configuration_that_cannot_be_read_says_nothing(index: CodeIndex) -> None:
    listed = tree(GO, {"go.mod": "120000"})
    index.update(listed.entries, listed.read_many)
    assert "web/page.go" not in index.dependents(["cart/price.go"])


def test_a_changed_configuration_is_read_again(index: CodeIndex) -> None:
    before = tree(GO | {"go.mod": "module example.com/old\n"})
    index.update(before.entries, before.read_many)
    assert "web/page.go" not in index.dependents(["cart/price.go"])
    after = tree(GO)
    index.update(after.entries, after.read_many)
    assert "web/page.go" in index.dependents(["cart/price.go"])
