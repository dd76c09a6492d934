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
        pytest.param(PYTHON, "not/there.py", {"not/there.py"}, id="an unknown file is its own"),
    ],
)
def test_dependents(index: CodeIndex, files: dict[str, str], changed: str, found: set[str]) -> None:
    listed = tree(files)
    index.update(listed.entries, listed.read_many)
    assert set(index.dependents([changed])) == found
