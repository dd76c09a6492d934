"""The main job on real vLLM with embedded weights: a real bug of a published library is fixed."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.live import demo

ROOT = Path(__file__).parents[2]
AGENT = Path(sys.executable).with_name("agent")


@pytest.fixture(scope="session")
def server() -> None:
    """Bring the embedded model up: environment, weights, conversion, start. It is left running."""
    subprocess.run([AGENT, "model", "up"], check=True)


@pytest.fixture
def repo(tmp_path, server) -> Path:
    return demo.prepare(tmp_path)


def test_the_bug_is_fixed_and_committed(repo):
    command = [
        AGENT,
        "run",
        demo.TASK,
        "--repo",
        repo,
        "--test",
        demo.TEST_COMMAND,
        "--output",
        "stream-json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for event in events:
        if event["event"] in ("ModelCalled", "SuspectsFound", "CandidateSelected", "Notice"):
            print({key: str(value)[:300] for key, value in event.items()})
    result = {key: value for key, value in events[-1].items() if key != "event"}
    print(result["diff"], json.dumps(result["tokens"]), f"{result['seconds']} s")
    jsonschema.validate(result, json.loads((ROOT / "docs" / "result.schema.json").read_text()))
    assert done.returncode == 0, done.stderr
    assert result["tests"]["before"]["failed"] == ["tests/test_number.py::test_intcomma[test_args20-1,235]"]
    assert result["tests"]["after"]["status"] == "passed"
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repo, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert head == result["commit"]
    assert result["files"] == ["src/humanize/number.py"]


def test_the_server_can_do_what_runs_need(server):
    """Chat, streaming, structured output, exact token counts: what the client's preflight probes."""
    status = subprocess.run([AGENT, "model", "status"], capture_output=True, text=True, check=True).stdout
    assert "127.0.0.1" in status
    packed = subprocess.run(
        [AGENT, "context", "how are tokens counted", "--repo", ROOT, "--output", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    account = json.loads(packed.stdout)
    assert account["exact"] is True
    assert 0 < account["tokens"] <= account["budget"]
