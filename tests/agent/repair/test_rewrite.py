"""Functions to be written anew, in each language, and what answers give."""

from pathlib import PurePosixPath

import pytest

from moot.agent.core.messages import Completion
from moot.agent.edits.forms import SymbolEdit
from moot.agent.edits.symbols import edit_symbol
from moot.agent.edits.text import read_document
from moot.agent.index.live import outline_text
from moot.agent.repair.localise import Localisation, Suspect
from moot.agent.repair.rewrite import Target, definitions, targets
from moot.agent.repair.source import Source
from moot.agent.syntax import language_of, line_comment
from tests.agent.repair.seeded import SEEDED, Seeded

CASES = [pytest.param(each, id=each.name) for each in SEEDED]
OTHER = {
    "src/prices.ts": "export class Cart {\n  total(discount: number): number {\n"
    "    return 5 + discount;\n  }\n}\n"
}


def target_of(path: str, text: str, *lines: int) -> Target:
    found = Localisation(tuple(Suspect(path, line, 1 / (1 + n)) for n, line in enumerate(lines)), "")
    return targets(found, {path: text.encode()}, outline_text)[0]


def of(project: Seeded) -> tuple[Target, Source]:
    text = project.files[project.path]
    return target_of(project.path, text, project.line), Source.parse(project.path, text.encode())


@pytest.mark.parametrize("project", CASES)
def test_the_suspicious_function_is_shown_with_its_line_marked(project: Seeded):
    target, source = of(project)
    mark = line_comment(language_of(project.path))
    assert f"{project.bug}  {mark} <- suspicious\n" in target.shown + "\n"
    assert target.text in project.files[project.path]
    assert target.text.endswith(("}", "return result"))
    assert source.data[target.start_byte : target.end_byte].decode().rstrip() == target.text
    assert len(target.text) // 3 < target.max_tokens < len(target.text) // 3 + 100


@pytest.mark.parametrize("project", CASES)
@pytest.mark.parametrize(
    "form", ["```x\n{}\n```", "Here it is:\n\n```\n{}\n```\nIt subtracts.", "```x\n{}", "{}"]
)
def test_an_answer_gives_the_new_definition(project: Seeded, form: str):
    target, source = of(project)
    new = target.shown.replace("result + discount", "result - discount")
    [(text, _)] = definitions(target, source, [Completion(form.format(new), "stop", 9)])
    assert text == target.text.replace("result + discount", "result - discount")


@pytest.mark.parametrize("project", CASES)
def test_ends_of_lines_are_those_of_the_file(project: Seeded):
    path, text = project.path, project.files[project.path].replace("\n", "\r\n")
    target = target_of(path, text, project.line)
    assert "\r" not in target.shown
    new = f"It is:\n\n```\n{target.shown}\n```\n".replace("result + discount", "result - discount")
    answer = Completion(new.replace("\n", "\r\n"), "stop", 9)
    [(written, _)] = definitions(target, Source.parse(path, text.encode()), [answer])
    edit = SymbolEdit(path, target.symbol, written)
    edited = edit_symbol(edit, path, read_document(path, text.encode()), outline_text).data(path)
    assert edited.decode() == text.replace("result + discount", "result - discount")


def test_a_mark_that_the_model_changed_goes_too():
    target, source = of(SEEDED[-1])
    new = target.shown.replace("result + discount", "result - discount").replace("suspicious", "corrected")
    [(text, _)] = definitions(target, source, [Completion(new, "stop", 9)])
    assert text == target.text.replace("result + discount", "result - discount")


@pytest.mark.parametrize("project", CASES)
def test_answers_that_say_nothing_new_or_are_broken_off_are_dropped(project: Seeded):
    target, source = of(project)
    new = target.text.replace("result + discount", "result - discount")
    comment = line_comment(language_of(project.path))
    answers = [
        Completion(f"```x\n{target.text}\n```", "stop", 9),
        Completion(f"```x\n{target.text}  {comment} as it was\n```", "stop", 9),
        Completion(f"```x\n{new[:-4]}", "length", 9),
        Completion(f"```x\n{new}", "repetition", 9),
        Completion("```x\n(((\n```", "stop", 9),
        Completion("", "stop", 9),
    ]
    assert definitions(target, source, answers) == []


SHOP = """\
class Base:
    rate = 1


class Shop(Base):
    @cached
    def total(self):
        return self.rate

    def other(self):
        return 2
"""


@pytest.mark.parametrize(
    "form",
    [
        "class Base:\n    rate = 1\n\n{}",
        "class Shop(Base):\n{}\n\n    def other(self):\n        return 2",
        "{}  # <-",
    ],
)
def test_what_an_answer_repeats_of_the_file_is_left_out(form: str):
    target = target_of("shop.py", SHOP, 8)
    new = target.text.replace("self.rate", "self.rate * 3")
    answer = Completion(form.format(new), "stop", 9)
    [(text, _)] = definitions(target, Source.parse("shop.py", SHOP.encode()), [answer])
    assert text == new


def test_a_new_helper_beside_the_function_stays():
    target = target_of("shop.py", "def total():\n    return 1\n", 2)
    new = "def helper():\n    return 3\n\n\ndef total():\n    return helper()"
    [(text, _)] = definitions(
        target, Source.parse("shop.py", target.text.encode()), [Completion(new, "stop", 9)]
    )
    assert text == new


def test_what_most_answers_say_comes_first():
    target, source = of(SEEDED[-1])
    once, twice = (target.text.replace("+ discount", f"{sign} discount") for sign in "*-")
    answers = [Completion(once, "stop", 9, -0.1), *(Completion(twice, "stop", 9, -0.5),) * 2]
    assert [text for text, _ in definitions(target, source, answers)] == [twice, once]


def test_methods_are_named_with_their_class_and_line():
    [(path, text)] = OTHER.items()
    target = target_of(path, text, 3)
    assert target.symbol == "Cart.total@2"
    assert target.text.startswith("  total(")
    assert PurePosixPath(target.path).suffix == ".ts"


def test_functions_come_in_the_order_of_suspicion_and_long_ones_not_at_all():
    functions = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(3))
    long = "def g():\n" + "    a = 1\n" * 600
    text = functions + long
    suspects = tuple(Suspect("m.py", line, 0.5) for line in (20, 6, 2, 10))
    found = targets(Localisation(suspects, ""), {"m.py": text.encode()}, outline_text)
    assert [target.symbol.partition("@")[0] for target in found] == ["f1", "f0", "f2"]
