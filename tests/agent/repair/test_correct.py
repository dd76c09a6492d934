import pytest

from moot.agent.core.messages import Completion
from moot.agent.repair.correct import Passage, corrected, passages
from moot.agent.repair.kinds import MaskKind
from moot.agent.repair.localise import Localisation, Suspect
from moot.agent.repair.source import Source

TEXT = """\
WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 5,
    "five": 5,
}


class Shop:
    def total(self, prices, discount):
        if discount and prices:
            prices = sum(
                prices
            )
        return prices
"""
SOURCE = Source.parse("shop.py", TEXT.encode())


def passages_at(*parts: str) -> list[Passage]:
    lines = [TEXT[: TEXT.index(part)].count("\n") + 1 for part in parts]
    found = Localisation(tuple(Suspect("shop.py", line, 1 / (1 + n)) for n, line in enumerate(lines)), "")
    return passages(found, {"shop.py": SOURCE})


def edited(part: str, *answers: str, finish: str = "stop") -> list[str]:
    [passage] = passages_at(part)
    edits = corrected(passage, SOURCE, [Completion(answer, finish, 9, -0.1) for answer in answers])
    return [edit.apply(SOURCE.data).decode() for edit in edits]


@pytest.mark.parametrize(
    ("part", "text", "kind"),
    [
        ("if discount", "if discount and prices:", MaskKind.HEADER),
        ("return prices", "return prices", MaskKind.STATEMENT),
        ("    prices\n", "prices = sum(\n    prices\n)", MaskKind.STATEMENT),
        ('"four"', '"four": 5,', MaskKind.LINE),
    ],
)
def test_a_line_is_asked_for_with_all_of_its_statement_if_that_is_short(part, text, kind):
    [passage] = passages_at(part)
    assert (passage.text, passage.mask.kind) == (text, kind)
    assert text.split("\n")[0] in passage.code


def test_the_most_suspicious_comes_first_and_each_statement_once():
    found = passages_at("return prices", "sum(", "    prices\n", "if discount")
    assert [passage.text.partition(" ")[0] for passage in found] == ["return", "prices", "if"]
    assert len({passage.code for passage in found}) == 1


def test_what_is_in_the_fence_takes_the_place_of_the_line():
    right = TEXT.replace("return prices", "return prices - discount")
    assert edited("return prices", "So:\n```python\nreturn prices - discount\n```\nDone.") == [right]
    assert edited("return prices", "```\n        return prices - discount\n```") == [right]
    assert edited("return prices", "return prices - discount") == [right]


def test_more_lines_have_the_indentation_of_the_first():
    answer = "```python\nif discount:\n    return 0\nreturn prices\n```"
    [text] = edited("return prices", answer)
    assert text.endswith("        if discount:\n            return 0\n        return prices\n")
    [text] = edited("if discount", "```python\nprices = list(prices)\nif discount:\n```")
    assert "        prices = list(prices)\n        if discount:\n            prices = sum(\n" in text


QUOTED = """\
def usage(name):
    if name:
        text = '''use:
    NAME of it
            and more
''' + nam
        return text
"""


@pytest.mark.parametrize("margin", ["", "    ", "        "])
@pytest.mark.parametrize("inner", ["    NAME of it\n            and more\n", "          a\n          b\n"])
def test_lines_within_a_string_keep_their_indentation(margin, inner):
    old = QUOTED.replace("    NAME of it\n            and more\n", inner)
    source = Source.parse("usage.py", old.encode())
    [passage] = passages(Localisation((Suspect("usage.py", 3, 1.0),), ""), {"usage.py": source})
    assert passage.text == f"text = '''use:\n{inner}''' + nam"
    answer = f"```python\n{margin}{passage.text}e\n{margin}text = text.strip()\n```"
    [edit] = corrected(passage, source, [Completion(answer, "stop", 9, -0.1)])
    right = old.replace("nam\n", "name\n        text = text.strip()\n")
    assert edit.apply(source.data).decode() == right


def test_what_changes_nothing_or_breaks_the_file_or_was_broken_off_is_left_out():
    answers = ("```python\nreturn prices  # right\n```", "```python\nreturn (\n```", "I cannot.", "")
    assert edited("return prices", *answers) == []
    assert edited("return prices", "```python\nreturn prices - disc", finish="length") == []
