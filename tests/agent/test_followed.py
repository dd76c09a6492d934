"""Which runs can be followed: those that ended here with an answer, and whose records are whole."""

import pytest

from moot.agent.core.errors import UsageError
from moot.agent.core.messages import ChatMessage
from moot.agent.core.types import Task
from moot.agent.followed import followed
from moot.agent.graph.conversation import write
from moot.agent.pack.session import Session
from moot.agent.record import RunRecord
from moot.agent.record import write as write_record


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def repo(tmp_path):
    return tmp_path / "repo"


@pytest.fixture
def finished(data, repo):
    """Leave a finished run in its folder."""

    def make(run_id, repository=repo, status="done", answer="an answer"):
        folder = data / "runs" / run_id
        folder.mkdir(parents=True)
        write_record(folder, RunRecord(task=Task("a task"), base="0" * 40, repository=repository))
        (folder / "result.json").write_text(f'{{"status": "{status}"}}')
        said = (ChatMessage("assistant", answer),) if answer else ()
        write(folder, Session((ChatMessage("user", "a task"),), {}, said))
        return folder

    return make


@pytest.mark.parametrize("status", ["done", "failed", "refused"])
def test_a_finished_run_by_its_id(data, repo, finished, status):
    finished("1", status=status)
    assert followed(data, repo, "1") == "1"


def test_the_last_one_of_the_repository(data, repo, finished, tmp_path):
    finished("20260101-000000-aaaa")
    finished("20260102-000000-aaaa")
    finished("20260103-000000-aaaa", repository=tmp_path / "other")
    (finished("20260104-000000-aaaa") / "run.json").write_text("{")
    assert followed(data, repo, "last") == "20260102-000000-aaaa"


@pytest.mark.parametrize("run_id", ["2", "../1", ""])
def test_an_unknown_run(data, repo, finished, run_id):
    finished("1")
    with pytest.raises(UsageError, match="`agent log` lists them"):
        followed(data, repo, run_id)


def test_a_run_of_another_repository(data, repo, finished, tmp_path):
    finished("1", repository=tmp_path / "other")
    with pytest.raises(UsageError, match=r"belongs to .*other"):
        followed(data, repo, "1")


def test_a_run_that_is_not_finished(data, repo, finished):
    finished("1", status="interrupted")
    (finished("2") / "result.json").unlink()
    (finished("3") / "result.json").write_text('{"status": "do')
    for run_id in "123":
        with pytest.raises(
            UsageError, match=f"not finished: end it first, with `agent run --resume {run_id}`"
        ):
            followed(data, repo, run_id)


def test_a_run_without_an_answer(data, repo, finished):
    finished("1", answer="")
    with pytest.raises(UsageError, match="without an answer"):
        followed(data, repo, "1")


def test_a_run_without_a_conversation(data, repo, finished):
    (finished("1") / "session.json").unlink()
    with pytest.raises(UsageError, match="no conversation: it ended before it asked the model"):
        followed(data, repo, "1")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"opening": [], "shown": {"a.py": 1}}', "\xff"])
def test_a_run_whose_conversation_is_damaged(data, repo, finished, text):
    (finished("1") / "session.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"cannot be read: begin a new one"):
        followed(data, repo, "1")
