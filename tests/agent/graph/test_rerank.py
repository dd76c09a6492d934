"""The model ranks the best files once more, and cannot spoil the ranking."""

import asyncio
from collections.abc import Sequence

import pytest

from moot.agent.core.types import RankedFile
from moot.agent.graph.rerank import rerank
from moot.agent.index.index import CodeIndex
from moot.agent.models.client import ClientOptions, OpenAIClient
from tests.agent.index.tree import tree
from tests.scripted import ScriptedServer

FILES = {
    name: f"def {name[0]}_function(value):\n    return value\n" for name in ("a.py", "b.py", "c.py", "d.py")
}


def ranked(server: ScriptedServer, folder, shown: int = 3, files: dict[str, str] = FILES) -> list[RankedFile]:
    async def main(index: CodeIndex, files: Sequence[RankedFile]) -> list[RankedFile]:
        client = await OpenAIClient.connect(server.base_url, ClientOptions(first_wait=0.01))
        try:
            return await rerank(client, index, "make b_function faster", files, shown)
        finally:
            await client.close()

    stored = tree(files)
    with CodeIndex(folder / "i.db", workers=1) as index:
        index.update(stored.entries, stored.read_many)
        return asyncio.run(main(index, [RankedFile(e.path, e.blob, 1.0, ("words",)) for e in stored.entries]))


def test_what_the_model_names_comes_first(tmp_path):
    with ScriptedServer(['{"files": [3, 1]}']) as server:
        found = ranked(server, tmp_path)
        prompt = server.calls[0].prompt
    assert [file.path for file in found] == ["c.py", "a.py", "b.py", "d.py"]
    assert found[0].reasons == ("words", "the model chose it")
    assert "2. b.py: def b_function(value)" in prompt
    assert "d.py" not in prompt


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "b.py, I think",
        "{}",
        '{"files": []}',
        '{"files": ["b.py"]}',
        '{"files": [9, 0, -1]}',
        "{",
        "}{",
        "{" + "[" * 100_000 + "}",
    ],
)
def test_an_answer_of_another_form_changes_nothing(tmp_path, answer):
    with ScriptedServer([answer]) as server:
        assert [file.path for file in ranked(server, tmp_path)] == sorted(FILES)


def test_what_holds_secrets_is_not_shown(tmp_path):
    key = "AKIA" + "Q7" * 8
    secret = {
        "a.py": f'AWS_KEY = "{key}"\n\n\ndef connect(key="{key}"): pass\n',
        ".ssh/a.py": "def host(): pass\n",
    }
    files = FILES | secret
    with ScriptedServer(['{"files": [3]}']) as server:
        found = ranked(server, tmp_path, files=files)
        prompt = server.calls[0].prompt
    assert [file.path for file in found] == ["c.py", ".ssh/a.py", "a.py", "b.py", "d.py"]
    assert key not in prompt
    assert ".ssh" not in prompt
    assert "1. a.py\n" in prompt


def test_nothing_is_asked_about_one_file(tmp_path):
    with ScriptedServer([]) as server:
        assert [file.path for file in ranked(server, tmp_path, shown=1)] == sorted(FILES)
        assert not server.calls
