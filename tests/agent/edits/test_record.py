import json
from dataclasses import asdict, replace
from pathlib import Path

from moot.agent.core.types import EditFormat
from tests.agent.edits.recorded import Answer, load_answers, prompt_id, tasks
from tests.live.record_edits import keep

TASKS = list(tasks().values())[:3]
ASKED = [(task, EditFormat.DIFF) for task in TASKS]


def answer_to(number: int) -> Answer:
    task = TASKS[number].id
    return Answer(task, EditFormat.DIFF, "stop", f"answer {number}", prompt_id(task, EditFormat.DIFF))


def write(path: Path, *answers: Answer) -> None:
    path.write_text("".join(json.dumps(asdict(answer)) + "\n" for answer in answers))


def test_a_first_recording_asks_everything(tmp_path: Path):
    assert keep(tmp_path / "answers.jsonl", ASKED, again=False) == ASKED


def test_an_interrupted_recording_asks_what_is_missing(tmp_path: Path):
    path = tmp_path / "answers.jsonl"
    write(path, answer_to(1))
    with path.open("a") as file:
        file.write(json.dumps(asdict(answer_to(2)))[:-9])
    assert keep(path, ASKED, again=False) == [ASKED[0], ASKED[2]]
    assert load_answers(path) == [answer_to(1)]


def test_an_answer_to_another_prompt_is_asked_again(tmp_path: Path):
    path = tmp_path / "answers.jsonl"
    write(path, answer_to(0), replace(answer_to(1), prompt="another"), answer_to(2))
    assert keep(path, ASKED, again=False) == [ASKED[1]]
    assert load_answers(path) == [answer_to(0), answer_to(2)]


def test_again_drops_the_chosen_answers_and_no_others(tmp_path: Path):
    path = tmp_path / "answers.jsonl"
    write(path, answer_to(0), answer_to(1), answer_to(2))
    assert keep(path, ASKED[:1], again=True) == ASKED[:1]
    assert load_answers(path) == [answer_to(1), answer_to(2)]
