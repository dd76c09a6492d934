"""`agent complete` as a process of its own, beside a scripted model server."""

import json
import time

import pytest

from tests.agent.projects import Agent, git, make_repository
from tests.scripted import Fault, Reply

STORE = "class Store:\n    def price(self, item: str) -> float:\n        return 1.0\n"
USE = "from shop.store import Store\n\n\ndef cost(item):\n    store = Store()\n    return store.\n\n\nX = 1\n"
PLACE = "shop/use.py:6:18"


@pytest.fixture
def repo(tmp_path):
    return make_repository(tmp_path / "repo", {"shop/store.py": STORE, "shop/use.py": USE})


@pytest.fixture
def agent(tmp_path, serve):
    def make(*replies, answer=None, **options):
        (tmp_path / "home").mkdir(exist_ok=True)
        options = {"models": ["some-qwen-coder"]} | options
        server = serve(answer or list(replies), **options)
        return Agent(tmp_path / "home", server.base_url), server

    return make


def test_stdout_is_the_completion_and_nothing_else(repo, agent):
    here, server = agent(Reply("price(item)\n\n\ndef another():\n    pass\n"))
    outcome = here.installed("complete", PLACE, "--repo", str(repo))
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "price(item)", "")
    [call] = server.calls
    assert call.prompt.startswith("<|repo_name|>repository\n<|file_sep|>shop/store.py\nclass Store\n")
    assert call.prompt.endswith(f"<|fim_prefix|>{USE[:-9]}<|fim_suffix|>\n\n\nX = 1\n<|fim_middle|>")
    assert call.body["max_tokens"] == 128
    assert [request.path for request in server.requests] == ["/v1/models", "/v1/completions"]
    assert git(repo, "status", "--porcelain") == ""


def test_json_says_what_was_used_and_why_it_stopped(repo, agent):
    here, _ = agent(Reply("price(item)\n\nX = 1\n"))
    outcome = here("complete", PLACE, "--repo", str(repo), "--output", "json")
    result = outcome.result
    assert result["completions"] == [{"text": "price(item)", "stop": "syntax"}]
    assert (result["model"], result["form"]) == ("some-qwen-coder", "qwen")
    assert result["tokens"]["prompt"] > 0
    assert result["tokens"]["completion"] > 0
    assert 0 < result["milliseconds"]["model"] <= result["milliseconds"]["total"]
    [file] = result["context"]["files"]
    assert file["path"] == "shop/store.py"
    assert "def price(self, item: str) -> float" in file["text"]
    assert result["context"]["note"] == ""


def test_several_completions_are_distinct_and_the_greedy_one_is_first(repo, agent):
    greedy, sampled = Reply("price(item)"), Reply(texts=["price(1)", "price(item)", "price(2)"])
    here, server = agent(answer=lambda request: greedy if request.body["n"] == 1 else sampled)
    outcome = here("complete", PLACE, "--repo", str(repo), "-n", "4", "--output", "json")
    texts = [each["text"] for each in outcome.result["completions"]]
    assert texts == ["price(item)", "price(1)", "price(2)"]
    assert sorted(request.body["n"] for request in server.calls) == [1, 3]


def test_a_stream_is_hung_up_on_as_soon_as_the_statement_ends(repo, agent):
    here, server = agent(Reply("price(item)\n\n\ndef f():\n" + "    y = 1\n" * 200, pause=0.05))
    started = time.monotonic()
    outcome = here("complete", PLACE, "--repo", str(repo), "--max-tokens", "600")
    assert outcome.stdout == "price(item)"
    assert time.monotonic() - started < 15
    assert server.wait_for_disconnects()


def test_stdin(agent, tmp_path):
    here, server = agent(Reply("+ b"), Reply("+ b\n}\n\nfunc g() {"))
    given = {"prefix": "def f(a, b):\n    return a ", "suffix": "\n", "path": "m.py"}
    outcome = here("complete", "-", "--repo", str(tmp_path), stdin=json.dumps(given))
    assert (outcome.exit_code, outcome.stdout) == (0, "+ b")
    given = {
        "prefix": "package m\n\nfunc f(a, b int) int {\n\treturn a ",
        "suffix": "\n}\n",
        "language": "go",
    }
    outcome = here("complete", "-", stdin=json.dumps(given))
    assert outcome.stdout == "+ b"
    assert server.calls[1].prompt.startswith("<|fim_prefix|>package m")


def test_a_language_that_the_path_does_not_tell(repo, agent):
    here, server = agent(Reply("+ b\n\n\ndef g():\n    pass\n"))
    given = {
        "prefix": "def f(a, b):\n    return a ",
        "suffix": "\n",
        "path": "bin/tool",
        "language": "python",
    }
    outcome = here("complete", "-", "--repo", str(repo), "--output", "json", stdin=json.dumps(given))
    assert outcome.result["completions"] == [{"text": "+ b", "stop": "syntax"}]
    assert outcome.result["context"]["note"] == ""
    assert len(server.calls) == 1


def test_a_file_outside_of_any_repository(agent, tmp_path):
    (tmp_path / "é m.py").write_bytes("# é\r\nx = 'é' \r\ny = 1\r\n".encode())
    here, _ = agent(Reply("+ 'z'\ny = 2\n"))
    outcome = here("complete", "é m.py:2:9", "--repo", str(tmp_path), "--output", "json")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.result["completions"][0]["text"] == "+ 'z'"
    assert "git init" in outcome.result["context"]["note"]


def test_context_can_be_left_out(repo, agent):
    here, server = agent(Reply("price(item)"))
    outcome = here("complete", PLACE, "--repo", str(repo), "--no-context", "--output", "json")
    assert outcome.result["context"]["files"] == []
    assert server.calls[0].prompt.startswith("<|fim_prefix|>from shop.store")


def test_the_forms_of_other_families(repo, agent):
    here, server = agent(Reply("price(item)"), models=["codestral-latest"])
    assert here("complete", PLACE, "--repo", str(repo)).exit_code == 0
    assert server.calls[0].prompt.startswith("[SUFFIX]\n\n\nX = 1\n[PREFIX]+++++ shop/store.py\n")
    here, server = agent(Reply("price(item)"), models=["mystery"])
    assert here("complete", PLACE, "--repo", str(repo), "--fim", "starcoder").exit_code == 0
    assert server.calls[0].prompt.endswith("<fim_middle>")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere.py:1:1", "cannot read"),
        ("shop:1:1", "cannot read"),
        ("shop/use.py", "FILE:LINE:COL"),
        ("shop/use.py:6", "FILE:LINE:COL"),
        ("shop/use.py:six:1", "FILE:LINE:COL"),
        ("shop/use.py:-1:1", "FILE:LINE:COL"),
        ("shop/use.py:1:" + "9" * 5000, "FILE:LINE:COL"),
        ("shop/use.py:0:1", "no line 0"),
        ("shop/use.py:99:1", "lines 1 to 10"),
        ("shop/use.py:6:0", "no column 0"),
        ("shop/use.py:6:19", "1 to 18"),
        ("raw.bin:1:1", "UTF-8"),
    ],
)
def test_a_bad_place(repo, agent, place, words):
    (repo / "raw.bin").write_bytes(b"\xff\xfe\x00")
    here, _ = agent()
    outcome = here("complete", place, "--repo", str(repo))
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert words in outcome.error


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[]", "prefix, suffix"),
        ('{"prefix": "a"}', "suffix"),
        ('{"prefix": 1, "suffix": ""}', "prefix"),
        ('{"prefix": "", "suffix": "", "language": "klingon"}', "klingon"),
        ('{"prefix": "", "suffix": "", "cursor": 1}', "cursor"),
    ],
)
def test_bad_stdin(agent, given, words):
    here, _ = agent()
    outcome = here("complete", "-", stdin=given)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert words in outcome.error
    assert "Traceback" not in outcome.stderr


def test_a_model_whose_form_is_not_known(repo, agent):
    here, _ = agent(models=["mystery"])
    outcome = here("complete", PLACE, "--repo", str(repo))
    assert outcome.exit_code == 2
    assert "--fim" in outcome.error
    outcome = here("complete", PLACE, "--repo", str(repo), "--fim", "klingon")
    assert outcome.exit_code == 2
    assert "klingon" in outcome.error


def test_no_server(repo, tmp_path):
    (tmp_path / "home").mkdir()
    outcome = Agent(tmp_path / "home")("complete", PLACE, "--repo", str(repo))
    assert outcome.exit_code == 3
    assert "agent model up" in outcome.error
    outcome = Agent(tmp_path / "home", "http://127.0.0.1:9/v1")("complete", PLACE, "--repo", str(repo))
    assert outcome.exit_code == 3
    assert "http://127.0.0.1:9" in outcome.error


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        (Fault.status(500, times=99), {}),
        (Fault.garbage(times=99), {}),
        (Fault.empty_body(times=99), {}),
        (Fault.stream_error(times=99), {}),
        (Reply("unused"), {"completions": False}),
    ],
    ids=["500s", "garbage", "nothing", "engine-died", "no-completions"],
)
def test_a_server_that_misbehaves_for_good(repo, agent, fault, options):
    here, _ = agent(fault, **options)
    outcome = here("complete", PLACE, "--repo", str(repo))
    assert (outcome.exit_code, outcome.stdout) == (3, "")
    assert "Traceback" not in outcome.stderr
    assert outcome.error


@pytest.mark.parametrize("answer", ["", "((", "\n\n", "<|endoftext|>"])
def test_an_answer_that_fits_nowhere(repo, agent, answer):
    here, _ = agent(Reply(answer))
    outcome = here("complete", PLACE, "--repo", str(repo))
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "nothing" in outcome.stderr


def test_no_room_for_the_answer(repo, agent):
    here, _ = agent(Reply("x"), context=256)
    outcome = here("complete", PLACE, "--repo", str(repo), "--max-tokens", "250")
    assert outcome.exit_code == 2
    assert "--max-tokens" in outcome.error
