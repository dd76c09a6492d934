"""Tests that the model writes to show a reported error, at the end of a file of tests."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, takewhile

from tree_sitter import Node

from moot.agent.core.ports import FimPrompt
from moot.agent.fim.trim import Hole, Trimmer
from moot.agent.fim.window import window
from moot.agent.repair.source import COMMENTS, Source, is_statement, walk
from moot.agent.repair.trace import Trace
from moot.agent.syntax import language_of, line_comment

__all__ = ["Frame", "Sketch", "frame_of", "least", "prompt", "sketches", "with_tests"]

_SHOWN = 2400
"""Bytes of a file of tests that a prompt shows: its opening lines, and its end."""
_OPENING = 1000
"""Bytes of its opening, the imports, at most."""
_REPORT = 1500
"""Characters of the task, its end, that a prompt shows."""
_FUNCTIONS, _FUNCTION = 2, 1200
"""Functions of the trace that a prompt shows, the innermost ones, and the characters of each."""
_NOTHING = "pass"
"""A body that does nothing and parses in all these languages, in some as a name."""
_ASSERTING = frozenset({"assert", "expect", "require"})
_CALLS = frozenset({"call", "call_expression", "new_expression"})
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


@dataclass(frozen=True, slots=True)
class Frame:
    """The lines around a test's body, and the name by which its outcome is known.

    Attributes:
        head: the lines above the body.
        indent: the body's indentation.
        tail: what stands below the body.
        once: lines above the first test alone, such as of a class for it.
        imports: names that the file lacks, with the statements that import them.
    """

    name: str
    head: str
    indent: str
    tail: str
    once: str = ""
    imports: tuple[tuple[str, str], ...] = ()

    def above(self, body: str | None = None) -> str:
        """Return what stands above a body, with the imports that it needs: where it is not known, all."""
        needed = (
            f"{self.indent}{statement}\n"
            for name, statement in self.imports
            if body is None or re.search(rf"\b{re.escape(name)}\b", body)
        )
        return f"{self.head}{''.join(needed)}{self.indent}"

    def numbered(self, number: int) -> "Frame":
        """Return it with another name, for one of several tests in a file; 0 leaves it as it is."""
        name = f"{self.name}{'_' if ' ' not in self.name else ' '}{number}" if number else self.name
        return replace(self, name=name, head=self.head.replace(self.name, name))


@dataclass(frozen=True, slots=True)
class Sketch:
    """The body of a test, and where it stands in the file that has it."""

    frame: Frame
    body: str
    start_byte: int = 0
    end_byte: int = 0


def frame_of(trace: Trace, tests: Source, sources: Mapping[str, Source]) -> Frame | None:
    """Return how a test looks in a file of tests; None in a language whose tests do not stand at its end.

    Args:
        trace: the error that it is to show.
        tests: the file.
        sources: the files of the trace's frames.
    """
    text = _text(tests)
    subject = _subject(trace, sources)
    words = [word.lower() for word in _WORDS.findall(f"{subject} does not raise {trace.error}")]
    language, mark = language_of(tests.path), line_comment(language_of(tests.path))
    told = " ".join(trace.told[:200].splitlines())  # many characters but "\n" end a comment, too
    said = f"{mark} as reported: {told}\n"
    match language:
        case "python":
            imports = tuple(_imports(trace, tests, sources))
            name = _unused("test_" + "_".join(words), text)
            case = re.search(r"^class \w+\((?P<base>(?:\w+\.)*\w*TestCase)\):", text, re.MULTILINE)
            if case is None or re.search(r"^(?:async )?def test", text, re.MULTILINE):
                return Frame(name, f"def {name}():\n    {said}", "    ", "\n", imports=imports)
            title = _unused("Test" + "".join(word.title() for word in words), text)
            once = f"class {title}({case['base']}):\n"
            return Frame(name, f"    def {name}(self):\n        {said}", " " * 8, "\n", once, imports)
        case "javascript" | "typescript" | "tsx":
            name = _unused(" ".join([subject, "does not raise", trace.error]), text)
            call = "test" if re.search(r"\btest\(", text) else "it"
            return Frame(name, f'{call}("{name}", async () => {{\n  {said}', "  ", "\n});\n")
        case "go":
            name = _unused("Test" + "".join(word.title() for word in words), text)
            return Frame(name, f"func {name}(t *testing.T) {{\n\t{said}", "\t", "\n}\n")
        case _:
            return None


def _subject(trace: Trace, sources: Mapping[str, Source]) -> str:
    """Return the function that raises the error, of one like `__init__` its class, else the file."""
    source, name = sources.get(trace.path), trace.function
    if name.startswith("__") and source is not None:
        name = source.definition_at_line(trace.frames[0][1])
    return name or trace.path.rpartition("/")[2].partition(".")[0]


def prompt(
    fim: FimPrompt, task: str, trace: Trace, sources: Mapping[str, Source], frame: Frame, tests: Source
) -> str:
    """Return the prompt whose completion is a test's body.

    It shows the report and the functions that the trace leads through, the file's imports and last tests.

    Args:
        fim: the model's form.
        task: the report's words.
        trace: the error that it tells of.
        sources: the files of the trace's frames.
        frame: of the test.
        tests: the file at whose end it is to stand.
    """
    text = _text(tests)
    before, _ = window(text, "", _SHOWN, keep=min(_opening(tests), text[:_OPENING].count("\n")))
    files = [("REPORT.md", task[-_REPORT:]), *reversed(_functions(trace, sources))]
    prefix = f"{before}{_between(tests.path)}{frame.once}{frame.above()}"
    return fim.prompt(prefix, frame.tail, files, tests.path)


def _functions(trace: Trace, sources: Mapping[str, Source]) -> list[tuple[str, str]]:
    """Return (path, code) of the functions that the trace leads through, the innermost first."""
    found = dict[tuple[str, str], None]()
    for path, line in trace.frames:
        source = sources.get(path)
        node = source.function_at_line(line) if source is not None else None
        if source is not None and node is not None:
            found[path, source.text(node)[:_FUNCTION]] = None
    return list(found)[:_FUNCTIONS]


def _imports(trace: Trace, tests: Source, sources: Mapping[str, Source]) -> Iterator[tuple[str, str]]:
    """Yield the functions and classes of Python that the trace leads through and the tests do not import."""
    nodes = tests.tree.root_node.children if tests.tree is not None else ()
    known = {word for node in nodes if "import" in node.type for word in re.findall(r"\w+", tests.text(node))}
    for path, line in trace.frames:
        source = sources.get(path)
        name = source.definition_at_line(line) if source is not None else ""
        if name and name not in known:
            known.add(name)
            module = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            yield name, f"from {module} import {name}"


def sketches(answers: Sequence[tuple[str, str]], frame: Frame, tests: Source) -> list[Sketch]:
    """Return the distinct bodies among answers, each with how the server says it ended, in their order."""
    judge = Trimmer(Hole(tests.path, _text(tests) + frame.once + frame.above(), frame.tail))
    bodies = dict.fromkeys(_body(text, finish, frame, judge) for text, finish in answers)
    return [Sketch(frame, body) for body in bodies if body.strip()]


def _body(text: str, finish: str, frame: Frame, judge: Trimmer) -> str:
    """Return the lines that stand as deep as the first, and parse, and of an answer cut off not its last."""
    lines = text.replace("\r\n", "\n").split("\n")
    kept = [lines[0], *takewhile(lambda line: not line.strip() or line.startswith(frame.indent), lines[1:])]
    if finish == "length" and len(kept) == len(lines):
        kept.pop()
    ends = range(len(kept), 0, -1)
    bodies = ("\n".join(kept[:end]).rstrip() for end in ends)
    return next((body for body in bodies if judge.errors(body) <= judge.errors(_NOTHING)), "")


def with_tests(tests: Source, found: Sequence[Sketch]) -> tuple[bytes, list[Sketch]]:
    """Return a file of tests with more of them at its end, and these with their places in it."""
    ending = b"\r\n" if b"\r\n" in tests.data else b"\n"
    data, placed = tests.data.rstrip(b"\r\n") + ending, list[Sketch]()

    def added(text: str) -> bytes:
        return text.encode().replace(b"\n", ending)

    for number, sketch in enumerate(found, start=1):
        frame = sketch.frame.numbered(number if len(found) > 1 else 0)
        data += added(_between(tests.path) + ("" if number > 1 else frame.once) + frame.above(sketch.body))
        start = len(data)
        data += added(sketch.body)
        placed.append(Sketch(frame, sketch.body, start, len(data)))
        data += added(frame.tail)
    return data, placed


def least(source: Source, sketch: Sketch, line: int) -> str | None:
    """Return a body that ends with the call that fails at a line (1-based); None where there is no such call.

    What would be asserted after it is a guess of the model: that nothing is raised is all that is known.
    """
    body = [node for node in _outermost(source, sketch) if node.type not in COMMENTS]
    failing = next((node for node in body if node.start_point.row < line <= node.end_point.row + 1), None)
    if failing is None:
        return None
    called = _called(failing, source)
    if called is None:
        return None
    before = source.data[sketch.start_byte : failing.start_byte].decode("utf-8", "replace")
    ending = ";" if source.text(failing).endswith(";") else ""
    return f"{before}{source.text(called)}{ending}".replace("\r\n", "\n")


def _outermost(source: Source, sketch: Sketch) -> Iterator[Node]:
    """Yield the statements of a test's body that are in no other one."""
    end = 0
    for node in source.statements():
        if (
            sketch.start_byte <= node.start_byte
            and node.end_byte <= sketch.end_byte
            and node.start_byte >= end
        ):
            end = node.end_byte
            yield node


def _called(statement: Node, source: Source) -> Node | None:
    """Return the first call of a statement that asserts nothing itself, with its `await`."""
    if any(is_statement(node) for node in walk(statement) if node != statement):
        return None  # a call within a block may depend on what stands around it
    for node in walk(statement):
        if node.type in _CALLS:
            callee = node.child_by_field_name("function") or node.child_by_field_name("constructor")
            if callee is None or not _asserts(source.text(callee)):
                above = node.parent
                return above if above is not None and above.type.startswith("await") else node
    return None


def _asserts(callee: str) -> bool:
    """Tell what compares (`self.assertEqual`, `expect(…).toBe`, `require.Equal`) from what is tested."""
    names = re.split(r"[.(]", callee)
    return names[0] in _ASSERTING or names[-1].lower().startswith("assert")


def _opening(tests: Source) -> int:
    """Return how many lines there are above a file's first function, class or call of several lines."""
    nodes = tests.tree.root_node.children if tests.tree is not None else ()
    starts = (
        node.start_point.row
        for node in nodes
        if "import" not in node.type and node.end_point.row > node.start_point.row + 2
    )
    return next(starts, 0)


def _text(tests: Source) -> str:
    return tests.data.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n") + "\n"


def _between(path: str) -> str:
    return "\n\n" if path.endswith(".py") else "\n"


def _unused(name: str, text: str) -> str:
    """Return a name that the file does not have."""
    joint = " " if " " in name else "_"
    return next(each for each in chain([name], (f"{name}{joint}{n}" for n in count(2))) if each not in text)
