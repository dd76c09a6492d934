"""The tools of the explore step show what the index knows, and no secret."""

import json

import pytest

from moot.agent.core.errors import ToolRefused
from moot.agent.core.messages import ToolCall
from moot.agent.index.index import CodeIndex
from moot.tools.toolbox import ToolBox
from tests.agent.index.tree import tree

KEY = "AKIA" + "Q7" * 8
FILES = {
    "app.py": "def run(a):\n    return a\n",
    "odd.py": "a = 1\r\n\x0c\nb = '\u2028\x85'\r\ndef last(): pass\r\n",
    "keys.py": f'def connect(key="{KEY}"): pass\n\n\ndef other(): pass\n',
    ".ssh/load.py": "def connect(host): pass\n",
    "srv/store.go": "package srv\n\ntype Store struct{}\n",
    "srv/get.go": "package srv\n\nfunc (s *Store) Get(key string) string {\n\treturn key\n}\n",
    ".env": "TOKEN=hunter2\n",
    "key.json": '{"key": "-----BEGIN PRIVATE KEY-----\\nMIIEow\\n-----END PRIVATE KEY-----\\n"}\n',
    "empty.py": "",
}


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    files = tree(FILES)
    with CodeIndex(tmp_path_factory.mktemp("tools") / "i.db", workers=1) as index:
        index.update(files.entries, files.read_many)
        yield ToolBox(index, {entry.path: entry for entry in files.entries}, files.read)


def call(tools: ToolBox, tool: str, /, **arguments: object) -> str:
    return tools.call(ToolCall("1", tool, json.dumps(arguments)))


@pytest.mark.parametrize("path", [".env", ".ssh/load.py", "keys.py", "key.json"])
def test_a_file_with_secrets_is_not_read(tools, path):
    with pytest.raises(ToolRefused, match="is not shown: secret"):
        call(tools, "read_file", path=path)


def test_a_definition_with_secrets_is_not_found(tools):
    assert call(tools, "find_symbol", name="connect") == "no definition of connect"
    assert call(tools, "find_symbol", name="other") == "keys.py:4: def other()"


def test_a_method_is_found_by_its_qualified_name(tools):
    found = "srv/get.go:3: func (s *Store) Get(key string) string"
    assert (
        call(tools, "find_symbol", name="Store.Get") == call(tools, "find_symbol", name="Store::Get") == found
    )


def test_lines_are_numbered_as_the_index_numbers_them(tools):
    line = int(call(tools, "find_symbol", name="last").split(":")[1])
    assert call(tools, "read_file", path="odd.py", first_line=line) == "def last(): pass"
    assert call(tools, "read_file", path="odd.py") == "a = 1\n\x0c\nb = '\u2028\x85'\ndef last(): pass"


@pytest.mark.parametrize(
    "arguments",
    [
        "[" * 100_000,
        '{"path": ' + "[" * 100_000,
        f'{{"path": {"1" * 5_000}}}',
        '{"path": "\\ud800"}',
        "{",
        "null",
    ],
)
def test_arguments_that_cannot_be_read_are_refused(tools, arguments):
    with pytest.raises(ToolRefused, match="bad arguments for read_file") as refused:
        tools.call(ToolCall("1", "read_file", arguments))
    assert len(str(refused.value)) < 1_000


def test_a_line_beyond_every_file_is_not_there(tools):
    arguments = f'{{"path": "app.py", "first_line": {"9" * 4_000}}}'
    assert tools.call(ToolCall("1", "read_file", arguments)) == "no such lines"


def test_what_is_not_there_is_said(tools):
    assert call(tools, "read_file", path="app.py") == "def run(a):\n    return a"
    assert call(tools, "read_file", path="app.py", first_line=3) == "no such lines"
    assert call(tools, "read_file", path="empty.py") == "no such lines"
    with pytest.raises(ToolRefused, match=r"there is no file gone\.py"):
        call(tools, "read_file", path="gone.py")
