"""`agent doctor`, as a user runs it: real sandbox, real git, a scripted model server."""

import json
import shutil

import pytest

from tests.agent.projects import Agent, git, make_repository
from tests.scripted import Reply


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo")


def examined(agent: Agent, repo, code: int) -> dict[str, list[tuple[str, str]]]:
    outcome = agent("doctor", "--repo", str(repo), "--output", "json")
    assert outcome.exit_code == code, outcome.stderr
    document = json.loads(outcome.stdout)
    assert document["works"] is (code == 0)
    found: dict[str, list[tuple[str, str]]] = {}
    for finding in document["findings"]:
        found.setdefault(finding["area"], []).append((finding["status"], finding["text"]))
    return found


def test_all_is_well(repo, home, serve):
    (repo / "test_stats.py").write_text("def test_one():\n    pass\n")
    (repo / "package.json").write_text('{"dependencies": {"left-pad": "1"}}')
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "more")
    agent = Agent(home, serve([Reply("unused")]).base_url)
    found = examined(agent, repo, 0)
    assert ("ok", "bubblewrap works") in found["sandbox"]
    assert found["model"][0][0] == "ok"
    assert found["languages"] == [("ok", "python: 2 files")]
    assert found["tests"][0][1].startswith("python3 -m pytest (")
    assert found["toolchain"][0][1].startswith("pytest: pytest")
    assert "run `npm ci`" in found["packages"][0][1]
    text = agent("doctor", "--repo", str(repo)).stdout
    assert "ok" in text
    assert "bubblewrap works" in text


FILLS = ["*", "* height\n", "(", "def"]


@pytest.mark.parametrize(
    ("model", "answers", "finding"),
    [
        ("some-qwen-coder", FILLS, ("ok", "the qwen form works")),
        ("mystery", FILLS, ("warning", "the qwen form works: name it with MOOT_FIM=qwen")),
        ("codestral", ["* height\n"], ("warning", "codestral fills in the middle in no known form")),
    ],
)
def test_the_form_that_fills_in_the_middle_is_tried(repo, home, serve, model, answers, finding):
    def answer(request):
        return Reply(texts=answers) if "width" in request.prompt else Reply('{"ok": true}')

    server = serve(answer, models=[model], probes=False)
    [(status, text)] = examined(Agent(home, server.base_url), repo, 0)["infilling"]
    assert (status, text.split(": use another")[0]) == finding


def test_the_form_of_a_profile_that_does_not_work_is_named(repo, home, serve):
    (home / ".config" / "moot").mkdir(parents=True)
    (home / ".config" / "moot" / "moot.toml").write_text('profile = "codestral-2"\n')
    server = serve(lambda _: Reply(texts=FILLS), models=["codestral-2"], probes=False)
    [(status, text)] = examined(Agent(home, server.base_url), repo, 0)["infilling"]
    assert status == "warning"
    assert text.startswith(
        "the codestral form of the profile codestral-2 does not work, in which runs infill; "
    )
    assert text.endswith("the qwen form works: name it with MOOT_FIM=qwen")


def test_a_form_works_that_is_sent_as_ids(repo, home, serve):
    """All forms are probed in one request, which has ids or texts."""

    def answer(request):
        hole = "[SUFFIX] height" in request.prompt
        return Reply(texts=["(", "*" if hole else "def", "(", "("])

    server = serve(answer, models=["codestral-2"], probes=False, mistral=True)
    [finding] = examined(Agent(home, server.base_url), repo, 0)["infilling"]
    assert finding == ("ok", "the codestral form works")
    assert all(isinstance(each, list) for each in server.requests[-1].body["prompt"])


def test_no_model_and_a_detached_head(repo, home):
    git(repo, "checkout", "-q", "--detach")
    found = examined(Agent(home, "http://127.0.0.1:9/v1"), repo, 1)
    assert found["model"][0][0] == "problem"
    assert "agent model up" in found["model"][0][1]
    assert found["git"] == [("problem", "HEAD is detached: check out a branch, or use --apply branch")]


def test_who_verifies_nothing_needs_no_sandbox(repo, home, serve):
    (home / ".config" / "moot").mkdir(parents=True)
    (home / ".config" / "moot" / "moot.toml").write_text("verify = false\n")
    found = examined(Agent(home, serve([]).base_url), repo, 0)
    assert "sandbox" not in found


def test_no_repository(tmp_path, home, serve):
    found = examined(Agent(home, serve([]).base_url), tmp_path, 1)
    assert found["git"][0][0] == "problem"
    assert "git init" in found["git"][0][1]
    assert "languages" not in found


def test_a_missing_toolchain_is_a_warning(tmp_path, home, serve):
    assert shutil.which("jest") is None
    files = {"package.json": '{"devDependencies": {"jest": "29"}}', "a.test.js": "test('a', () => {})\n"}
    repo = make_repository(tmp_path / "js", files)
    found = examined(Agent(home, serve([Reply("unused")]).base_url), repo, 0)
    status, text = found["toolchain"][0]
    assert status == "warning"
    assert "npx --no-install jest --version" in text
