"""`agent index`, `agent search` and `agent symbols` on real repositories, as processes of their own."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.agent.projects import Agent, git, make_repository

MEMORY = (
    "from shop.base import Store\n\n\nclass Memory(Store):\n    def get(self, key):\n        return key\n"
)
USE = "from shop.memory import Memory\n\n\ndef read_price(name):\n    return Memory().get(name)\n"
FILES = {
    "shop/base.py": "class Store:\n    def get(self, key):\n        raise NotImplementedError\n",
    "shop/memory.py": MEMORY,
    "shop/use.py": USE,
    "srv/store.go": "package srv\n\ntype Getter interface{ Fetch(k string) string }\n\ntype Disk struct{}\n\n"
    "func (d Disk) Fetch(k string) string { return k }\n",
    "web/a.ts": "export interface Cart { total(): number }\nexport class Basket implements Cart {\n"
    "  total() { return 1 }\n}\n",
    ".gitignore": "out/\n",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo", FILES)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    (tmp_path / "home").mkdir()
    return Agent(tmp_path / "home")


def ask(agent: Agent, repo: Path, *words: str) -> dict:
    outcome = agent(*words, "--repo", str(repo), "--output", "json")
    assert outcome.exit_code == 0, outcome.stderr
    return json.loads(outcome.stdout)


def test_the_index_holds_the_files_as_they_lie_there(agent, repo):
    first = ask(agent, repo, "index")
    assert (first["files"], first["parsed"]) == (6, 6)
    (repo / "new.py").write_text("def fresh(): pass\n")
    (repo / "out").mkdir()
    (repo / "out" / "built.py").write_text("def built(): pass\n")
    (repo / "shop" / "use.py").unlink()
    second = ask(agent, repo, "index")
    assert (second["files"], second["parsed"], second["reused"]) == (6, 1, 5)
    assert ask(agent, repo, "symbols", "fresh")["totals"]["definitions"] == 1
    assert agent("symbols", "built", "--repo", str(repo)).exit_code == 1
    assert git(repo, "status", "--porcelain") == "D shop/use.py\n?? new.py"


def test_search_ranks_files_and_says_why(agent, repo):
    found = ask(agent, repo, "search", "read the price")["files"]
    assert found[0]["path"] == "shop/use.py"
    assert found[0]["reasons"]
    assert found[0]["symbols"][0]["qualified_name"] == "read_price"
    text = agent("search", "read the price", "--repo", str(repo)).stdout
    assert text.startswith("shop/use.py  ")


def test_search_reads_a_stack_trace_from_stdin(agent, repo):
    trace = 'Traceback:\n  File "/elsewhere/shop/memory.py", line 5, in get\nKeyError\n'
    outcome = agent("search", "-", "--repo", str(repo), stdin=trace)
    assert outcome.stdout.startswith("shop/memory.py  ")


def test_a_symbol_has_definitions_callers_references_and_implementations(agent, repo):
    report = ask(agent, repo, "symbols", "Store.get")
    assert [each["path"] for each in report["definitions"]] == ["shop/base.py"]
    assert [each["qualified_name"] for each in report["implementations"]] == ["Memory.get"]
    memory = ask(agent, repo, "symbols", "Memory::get")
    assert [each["qualified_name"] for each in memory["callers"]] == ["read_price"]
    (use,) = memory["references"]
    assert (use["path"], use["line"], use["kind"], use["text"]) == (
        "shop/use.py",
        5,
        "call",
        "    return Memory().get(name)",
    )


@pytest.mark.parametrize(
    ("name", "implementation"), [("Store", "Memory"), ("Getter", "Disk"), ("Cart", "Basket")]
)
def test_implementations_in_several_languages(agent, repo, name, implementation):
    report = ask(agent, repo, "symbols", name)
    assert [each["name"] for each in report["implementations"]] == [implementation]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("symbols", "Memry"), "nothing is called Memry: did you mean Memory?"),
        (("search", "zzzz"), "nothing was found: try other words, a name or a path"),
    ],
)
def test_nothing_found_is_said_and_fails(agent, repo, words, said):
    outcome = agent(*words, "--repo", str(repo))
    assert outcome.exit_code == 1
    assert said in outcome.stderr


def test_no_repository_is_said(agent, tmp_path):
    outcome = agent("search", "x", "--repo", str(tmp_path))
    assert outcome.exit_code == 2
    assert outcome.error


def test_watching_follows_changes_until_interrupted(agent, repo):
    process = agent.start("index", "--watch", "--repo", str(repo), "--output", "json")
    assert process.stdout
    try:
        assert json.loads(process.stdout.readline())["files"] == 6
        (repo / "out").mkdir()
        for number in range(5):  # the watch begins a moment after the first line
            (repo / "out" / "ignored.py").write_text(f"a = {number}\n")
            (repo / "late.py").write_text(f"def late{number}(): pass\n")
            time.sleep(0.3)
        assert json.loads(process.stdout.readline())["files"] == 7
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert errors == ""


def test_names_cannot_write_to_the_terminal(agent, repo):
    (repo / "a\x1b[31m.py").write_text("def redden(): pass\n")
    outcome = agent("search", "redden", "--repo", str(repo))
    assert "redden" in outcome.stdout
    assert "\x1b" not in outcome.stdout


def test_nobody_listening_is_no_failure(agent, repo):
    command = f"{agent.program} symbols get --repo '{repo}' | true"
    done = subprocess.run(
        ["sh", "-c", command], env=agent.environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
