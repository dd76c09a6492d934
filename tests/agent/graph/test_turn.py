"""Over the turns of a session every prompt begins with the one before, and shows the files as they are."""

import asyncio
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from moot.agent.core.config import Settings
from moot.agent.core.errors import UsageError
from moot.agent.core.events import Event, Notice
from moot.agent.core.messages import ChatMessage, ToolCall
from moot.agent.core.types import EditFormat, PackLevel, RankedFile, Symbol, Task
from moot.agent.graph.conversation import close, size, write
from moot.agent.graph.deps import Deps, Generation
from moot.agent.graph.turn import Turn, take_turn
from moot.agent.pack.packer import ContextPacker
from tests.agent.index.tree import tree

KEY = "AKIAABCDEFGHIJKLMNOP"
PATHS = ("a.py", "b.py", "pkg/c.py", "pkg/d.py", 'odd "&" name.txt', "keys/id_rsa")
WINDOW = 4000  # tokens

Files = dict[str, str]


class Words:
    """A served model's tokenizer that counts words and marks."""

    async def count(self, texts: Sequence[str]) -> list[int]:
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


class Definitions:
    """An index that knows the functions of the files that there are."""

    def __init__(self) -> None:
        self.files: Files = {}

    def symbols(self, path: str) -> list[Symbol]:
        lines = self.files[path].split("\n")
        return [
            Symbol(line[4:-3], line[4:-3], "function", path, number, number, 0, 0, line[:-1])
            for number, line in enumerate(lines, 1)
            if re.fullmatch(r"def \w+\(\):", line)
        ]


class History:
    """A repository whose commits are numbers, and whose old blobs may be lost."""

    def __init__(self) -> None:
        self.commits: list[Files] = []

    def files(self, commit: str) -> list:
        return tree(self.commits[int(commit)]).entries

    def read_many(self, blobs):
        known = {blob: data for files in self.commits for blob, data in tree(files).blobs.items()}
        for blob in blobs:
            if blob not in known:
                raise UsageError(f"{blob} is missing")
            yield blob, known[blob]


@dataclass
class Person:
    """Somebody who gives one task after the other, each following the one before."""

    folder: Path
    budget: int
    events: list[Event] = field(default_factory=list)
    repository: History = field(default_factory=History)
    index: Definitions = field(default_factory=Definitions)

    def deps(self, number: int) -> Deps:
        folder = self.folder / f"run-{number}"
        folder.mkdir()
        packer = ContextPacker(self.index, self.repository.read_many, Words())
        generation = Generation(
            *("chat", EditFormat.SEARCH_REPLACE, None, 0.7, 0.95),
            context_tokens=self.budget,
            prompt_tokens=WINDOW,
            session_tokens=min(WINDOW, 500 + 2 * self.budget),
            answer_tokens=100,
        )
        settings = Settings(data_dir=self.folder)
        client = Words()
        return Deps(
            *(settings, self.repository, self.index, packer, client, None, generation, SimpleNamespace()),
            self.events.append,
            folder,
            council=None,
        )

    def ask(self, files: Files, ranking: Sequence[str], task: str) -> tuple[Turn, Deps]:
        """Give a task on the files as they are now, and get an answer."""
        number = len(self.repository.commits)
        self.repository.commits.append(files)
        self.index.files = files
        blobs = {entry.path: entry.blob for entry in tree(files).entries}
        ranked = tuple(
            RankedFile(path, blobs[path], 1.0, (), tuple(s.name for s in self.index.symbols(path)[:1]))
            for path in ranking
        )
        deps = self.deps(number)
        state = {
            "task": Task(task, f"run-{number - 1}" if number else None),
            "base": str(number),
            "before": None,
            "ranked": ranked,
        }
        turn = asyncio.run(take_turn(state, deps))
        write(deps.folder, turn.session)
        close({**state, "said": (), "answer": f"the answer to {task}"}, deps)
        return turn, deps


def prompt(turn: Turn) -> str:
    return "".join(f"<|{m.role}|>{m.content}<|end|>" for m in turn.session.opening)


BLOCK = re.compile(r'<file path="([^"]*)"(?: part="([^"]*)")?(?:/>|>\n(.*?)</file>)\n', re.DOTALL)


def told(text: str) -> Files:
    """Read whole files off a prompt as a careful reader does: blocks in order, changes applied.

    No block may tell what is known already.
    """
    known: Files = {}
    for quoted, quoted_part, body in BLOCK.findall(text):
        path, part = unescape(quoted), unescape(quoted_part)
        match part:
            case "":
                assert known.get(path) != body
                known[path] = body
            case "changes" if path in known:
                known[path] = applied(known[path], body)
            case _ if part.startswith("renamed to "):
                known[part.removeprefix("renamed to ")] = known.pop(path)
            case _ if part == "gone" or part.startswith("not shown any more"):
                known.pop(path, None)
    return known


def applied(text: str, diff: str) -> str:
    """Apply a unified diff, whose every old line must stand where it says."""
    lines, shift = text.split("\n"), 0
    hunks = re.split(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@\n", diff, flags=re.MULTILINE)
    assert hunks[0] == ""
    for start, count, body in zip(hunks[1::3], hunks[2::3], hunks[3::3], strict=True):
        rows = body.split("\n")[:-1]
        old, new = ([row[1:] for row in rows if row[0] in f" {sign}"] for sign in "-+")
        at = int(start) - (count != "0") + shift
        assert lines[at : at + len(old)] == old
        lines[at : at + len(old)] = new
        shift += len(new) - len(old)
    return "\n".join(lines)


lines = st.sampled_from(
    [
        "def one():",
        "def two():",
        "    return 1",
        "    return 2",
        "x = 1\r",
        "",
        "é\x0c",
        f"k = '{KEY}'",
        "words " * 40,
    ]
)
texts = st.builds(
    lambda rows, end: "\n".join(rows) + end, st.lists(lines, max_size=8), st.sampled_from(["", "\n"])
)
trees = st.dictionaries(st.sampled_from(PATHS), texts, min_size=1)


@st.composite
def sessions(draw) -> list[tuple[Files, list[str], str]]:
    """Return turns: the files as they are then, a ranking of them, and a task."""
    files = draw(trees)
    turns: list[tuple[Files, list[str], str]] = []
    for number in range(draw(st.integers(2, 5))):
        turns.append((files, draw(st.permutations(sorted(files))), f"task {number}"))
        match draw(st.sampled_from(["edit", "remove", "rename", "nothing"])):
            case "edit":
                files = files | draw(trees)
            case "remove":
                files = {path: text for path, text in files.items() if path != max(files)}
            case "rename":
                moved = draw(st.sampled_from(PATHS))
                files = {moved if path == min(files) else path: text for path, text in files.items()}
            case _:
                pass
    return turns


def closed(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


@settings(max_examples=60, deadline=None)
@given(turns=sessions(), budget=st.integers(10, 700))
def test_a_prompt_grows_at_its_end_only_and_shows_the_files_as_they_are(turns, budget):
    with tempfile.TemporaryDirectory() as folder:
        person = Person(Path(folder), budget)
        taken = [person.ask(*turn) for turn in turns]
        for (earlier, _), (later, _) in pairwise(taken):
            assert later.follows is not None
            if not later.follows.restarted:
                assert prompt(later).startswith(prompt(earlier))
        for (turn, deps), (files, _, _) in zip(taken, turns, strict=True):
            follows = turn.follows is not None and not turn.follows.restarted
            limit = deps.generation.session_tokens if follows else WINDOW
            assert asyncio.run(size(turn.session.opening, deps)) <= limit
            shown = turn.session.shown
            whole = {path: closed(files[path]) for path, s in shown.items() if s.level is PackLevel.WHOLE}
            assert told(prompt(turn)) == whole
            blobs = {entry.path: entry.blob for entry in tree(files).entries}
            assert all(blobs[path] == each.blob for path, each in shown.items())
            assert KEY not in prompt(turn)


def session(tmp_path, *turns: Files, budget: int = 700, task: str = "a task") -> tuple[Person, list[Turn]]:
    person = Person(tmp_path, budget)
    return person, [person.ask(files, sorted(files), task)[0] for files in turns]


def last(turn: Turn) -> str:
    return turn.session.opening[-1].content


def test_what_changed_is_told_as_a_diff_and_nothing_is_sent_twice(tmp_path):
    text = "def one():\n    return 1\n"
    first = {"a.py": text, "b.py": "b = 1\n" * 30, "c.py": "c = 1\n"}
    second = {"b.py": "b = 1\n" * 29 + "b = 2\n", "d.py": text, "f.py": "f = 1\n"}
    second |= {"c.py": first["c.py"], "e.py": first["c.py"]}
    _, (before, after) = session(tmp_path, first, second)
    assert {s.level for s in before.session.shown.values()} == {PackLevel.WHOLE}
    told_now = after.pack.text
    diff = "@@ -27,4 +27,4 @@\n b = 1\n b = 1\n b = 1\n-b = 1\n+b = 2\n"
    assert told_now.startswith(
        f'<file path="a.py" part="renamed to d.py"/>\n<file path="b.py" part="changes">\n{diff}</file>\n'
    )
    assert '"c.py"' not in told_now
    assert '"d.py"' not in told_now
    assert ("e.py", "same content as c.py") in after.pack.left_out
    assert '<file path="f.py">\nf = 1\n</file>\n' in told_now
    assert [m.role for m in after.session.opening] == ["system", "user", "assistant", "user"]
    assert told_now in last(after)


def test_a_copy_that_was_there_before_and_an_empty_file_are_no_renames(tmp_path):
    first = {"a/__init__.py": "", "a/x.py": "x = 1\n", "keep.py": "k = 1\n", "z/copy.py": "x = 1\n"}
    second = {"keep.py": "k = 1\n", "new/__init__.py": "", "z/copy.py": "x = 1\n"}
    person = Person(tmp_path, 700)
    before, _ = person.ask(first, ["a/__init__.py", "a/x.py", "keep.py"], "a task")
    assert {s.level for s in before.session.shown.values()} == {PackLevel.WHOLE}
    after, _ = person.ask(second, sorted(second), "a task")
    assert '<file path="a/__init__.py" part="gone"/>\n<file path="a/x.py" part="gone"/>\n' in last(after)
    assert '<file path="z/copy.py">\nx = 1\n</file>\n' in last(after)
    assert told(prompt(after)) == second


def test_a_conversation_of_an_older_version_names_no_renames(tmp_path):
    person = Person(tmp_path, 700)
    person.ask({"a.py": "a = 1\n"}, ["a.py"], "a task")
    file = tmp_path / "run-0" / "session.json"
    record = json.loads(file.read_text())
    assert record.pop("base") == "0"
    file.write_text(json.dumps(record))
    after, _ = person.ask({"b.py": "a = 1\n"}, ["b.py"], "a task")
    assert after.pack.text == '<file path="a.py" part="gone"/>\n<file path="b.py">\na = 1\n</file>\n'


def test_a_file_that_is_gone_or_holds_a_key_now_is_said_to_be(tmp_path):
    _, (_, after) = session(tmp_path, {"a.py": "a = 1\n", "b.py": "b = 1\n"}, {"b.py": f"b = '{KEY}'\n"})
    assert '<file path="a.py" part="gone"/>' in last(after)
    assert '<file path="b.py" part="not shown any more: secret: it contains an AWS key"/>' in last(after)
    assert KEY not in last(after)


def test_a_file_shown_in_part_is_shown_whole_when_it_matters(tmp_path):
    long = "def one():\n" + "    value = 1\n" * 60 + "def two():\n    return 2\n"
    person = Person(tmp_path, 90)
    first, _ = person.ask({"a.py": long}, ["a.py"], "a task")
    assert first.session.shown["a.py"].level is PackLevel.FOCUS
    person.budget = 2000
    second, _ = person.ask({"a.py": long}, ["a.py"], "a task")
    assert second.session.shown["a.py"].level is PackLevel.WHOLE
    third, _ = person.ask({"a.py": long}, ["a.py"], "a task")
    assert "<file" not in last(third)
    assert "None of them has changed." in last(third)


def test_without_room_the_session_starts_afresh_and_says_so(tmp_path):
    person, (_, after) = session(
        tmp_path, {"a.py": "a = 1\n"}, {"a.py": "a = 2\n"}, budget=10, task="long " * 200
    )
    assert after.follows is not None
    assert "tokens, of 520 at most" in after.follows.restarted
    assert len(after.session.opening) == 2
    assert Notice("warning", f"the session starts afresh: {after.follows.restarted}") in person.events


def test_a_version_that_is_lost_starts_the_session_afresh(tmp_path):
    person, _ = session(tmp_path, {"a.py": "a = 1\n"})
    person.repository.commits[0] = {}
    after, _ = person.ask({"a.py": "a = 2\n"}, ["a.py"], "a task")
    assert after.follows is not None
    assert "missing" in after.follows.restarted
    assert told(prompt(after)) == {"a.py": "a = 2\n"}


def test_calls_count_for_the_size_of_a_conversation(tmp_path):
    deps = Person(tmp_path, 100).deps(0)
    call = ToolCall("call-1", "read_file", '{"path": "' + "a " * 100 + '"}')
    plain, calls = ChatMessage("assistant", "So."), ChatMessage("assistant", "So.", (call,))
    assert asyncio.run(size([calls], deps)) - asyncio.run(size([plain], deps)) >= 100
