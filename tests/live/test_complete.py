"""`agent complete` on real vLLM with embedded weights."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

AGENT = Path(sys.executable).with_name("agent")
FILES = {
    "store.py": "class Store:\n    def fetch_price(self, item: str) -> float:\n        return 1.0\n",
    "use.py": "from store import Store\n\n\ndef cost(item):\n    store = Store()\n    return store.\n",
}


@pytest.fixture(scope="module", autouse=True)
def server() -> None:
    """Bring the embedded model up, or find it running."""
    subprocess.run([AGENT, "model", "up"], check=True)


def run(*arguments: str, stdin: str | None = None) -> str:
    return subprocess.run([AGENT, *arguments], input=stdin, capture_output=True, text=True, check=True).stdout


def test_the_operator_between_two_operands():
    given = {"prefix": "def add(a, b):\n    return a ", "suffix": " b\n", "language": "python"}
    assert run("complete", "-", stdin=json.dumps(given)) == "+"


def test_a_method_that_another_file_defines(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, "commit", "-qm", "Start"], cwd=tmp_path, check=True)
    answer = json.loads(run("complete", "use.py:6:18", "--repo", str(tmp_path), "--output", "json"))
    print(answer)
    assert answer["completions"][0]["text"].startswith("fetch_price(")
    assert answer["context"]["files"][0]["path"] == "store.py"
    alone = run("complete", "use.py:6:18", "--repo", str(tmp_path), "--no-context")
    assert not alone.startswith("fetch_price(")


def test_the_form_of_the_profile_works(tmp_path):
    done = subprocess.run(
        [AGENT, "doctor", "--repo", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert "the qwen form works" in done.stdout
