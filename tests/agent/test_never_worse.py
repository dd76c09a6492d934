"""Whatever members and judge say of patches, the one that is published passes what the first one passes."""

import json
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.agent.projects import PYTEST, Agent, make_repository
from tests.scripted import Fault, Reply, Request, ScriptedServer

CODE = '''\
def clamp(value, low, high):
    """Return value, held between low and high."""
    return value
'''
CASES = {"inside": ((5, 0, 10), 5), "above": ((11, 0, 10), 10), "below": ((-1, 0, 10), 0)}
TEST = "from clamp import clamp\n" + "".join(
    f"\n\ndef test_{name}():\n    assert clamp{given} == {right}\n" for name, (given, right) in CASES.items()
)
TASK = "clamp lets values through that are out of bounds: hold them between low and high"
ALL = frozenset(CASES)
BODIES = {
    "return max(low, min(value, high))": ALL,
    "return sorted((low, value, high))[1]": ALL,
    "return min(value, high)": {"inside", "above"},
    "return max(low, value)": {"inside", "below"},
    "return low": {"below"},
    "raise SystemExit(0)": set[str](),
    "import os\n    os._exit(0)": set[str](),
    "return value if": set[str](),
}
"""What the function may become, and the tests that it passes then; before, it is `inside` alone."""


def edit(new: str, old: str = "return value", path: str = "clamp.py") -> str:
    return f"<<<<<<< SEARCH {path}\n    {old}\n=======\n    {new}\n>>>>>>> REPLACE\n"


PATCHES = st.sampled_from(list(BODIES)).map(edit)
WEAKENED = edit("pass", "assert clamp(-1, 0, 10) == 0", "test_clamp.py")
OTHERS = PATCHES | st.text(max_size=60) | st.just(WEAKENED)
VALUES = st.lists(st.sampled_from(["0", "10", "-7", "nan", "1/0", "exit()", "'a'"]), max_size=3)
DEFECT = {"path": "clamp.py", "line": 3, "actual": "1", "sentence": "hold them between low and high"}


def defects(values: list[str]) -> str:
    found = [
        {**DEFECT, "answer": "A", "code": f"clamp({value}, 0, 10)", "expected": value} for value in values
    ]
    return json.dumps({"defects": found})


def inputs(values: list[str]) -> str:
    found = [{"path": "clamp.py", "code": f"clamp({value}, 0, 10)"} for value in values]
    return json.dumps({"inputs": found})


def verdict(word: str, cited: str) -> str:
    return json.dumps({"reasons": [{"cites": [cited], "text": "so it is"}], "verdict": word})


WORDS, CITED = st.sampled_from(["A", "B", "TIE", "ABSTAIN"]), st.sampled_from(["T1", "D1", "A1", "X9"])
SAID = st.one_of(
    st.builds(verdict, WORDS, CITED),
    VALUES.map(lambda values: json.dumps({"values": values})),
    VALUES.map(inputs),
    VALUES.map(defects),
    OTHERS,
    st.sampled_from([Fault.garbage(), Fault.empty_body(), Fault.status(400)]),
)
"""Answers to any question about patches: each has the form that one question wants, or none."""


@pytest.fixture(scope="module")
def hostile() -> Iterator[tuple[dict[str, Any], Agent]]:
    """A server whose first answer is the first patch, and the others what an example says."""
    script: dict[str, Any] = {}

    def reply(request: Request) -> Any:
        n, messages = request.body.get("n") or 1, request.body["messages"]
        if messages == script.setdefault("task", messages):
            return Reply(texts=[next(script["others"]) for _ in range(n)] if n > 1 else [script["first"]])
        said = next(script["said"])
        return Reply(texts=[said] * n) if isinstance(said, str) else said

    with ScriptedServer(reply, tools=False) as server, tempfile.TemporaryDirectory() as home:
        yield script, Agent(Path(home), server.base_url)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("mode", ["best-of", "merge", "debate"])
@settings(
    max_examples=5,  # whole runs, of some seconds each
    phases=[Phase.generate],
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    first=st.sampled_from(list(BODIES)),
    others=st.lists(OTHERS, min_size=1, max_size=3),
    said=st.lists(SAID, min_size=1, max_size=4),
)
def test_what_is_published_passes_what_the_base_and_a_sound_first_patch_pass(
    hostile, mode, first, others, said
):
    script, agent = hostile
    script.clear()
    script.update(first=edit(first), others=cycle(others), said=cycle(said))
    with tempfile.TemporaryDirectory() as folder:
        repo = make_repository(Path(folder, "repo"), {"clamp.py": CODE, "test_clamp.py": TEST})
        options = ("--fusion", "always", "--mode", mode, "--output", "json")
        outcome = agent("run", TASK, "--repo", str(repo), "--test", PYTEST, *options)
        code, test = (repo / "clamp.py").read_text(), (repo / "test_clamp.py").read_text()
    assert test == TEST
    sound = BODIES[first] > {"inside"}
    if outcome.exit_code:
        assert (code, sound) == (CODE, False), outcome.stderr
        return
    own: dict[str, Any] = {}
    exec(code, own)
    passed = {name for name, (given, right) in CASES.items() if own["clamp"](*given) == right}
    assert passed > {"inside"}
    assert not sound or passed >= BODIES[first]
