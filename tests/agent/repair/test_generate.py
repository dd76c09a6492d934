import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from moot.agent.core.commands import TestCase
from moot.agent.core.messages import Completion, CompletionRequest, Usage
from moot.agent.models.fim import fim_format
from moot.agent.repair.generate import FIM_BATCHES, ROUNDS, Batch, Fault, Limits, Round, View, fim_batch
from moot.agent.repair.kinds import Mask, MaskKind
from moot.agent.repair.localise import Localisation, Suspect
from moot.agent.repair.prompt import context
from moot.agent.repair.source import Source

TEXT = "".join(
    f"def f{number}(a):\n    if a > {number}:\n        return a + {number}\n    return {number}\n\n\n"
    for number in range(10)
)
SOURCES = {"m.py": ("b" * 40, TEXT.encode())}
SUSPECTS = Localisation(tuple(Suspect("m.py", line, 1 / line) for line in range(2, 60, 6)), "")
FAILING = [TestCase("t.py::test", "failed", "def test():\n>   assert f1(2) == 3\nE   assert 4 == 3\n")]
FAULT = Fault("fix it", SUSPECTS, SOURCES, FAILING)
FIM = fim_format("qwen")


class Model:
    """Answers every prompt with numbers that differ, or with the same text."""

    def __init__(self, answer: str = "") -> None:
        self.requests: list[CompletionRequest] = []
        self._answer = answer
        self._count = 0

    async def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text) // 3 for text in texts]

    async def complete(self, request: CompletionRequest, *, used) -> list[list[Completion]]:
        self.requests.append(request)
        await asyncio.sleep(0)
        used(Usage(1, 0, 5 * request.n, 1))
        return [[self._next() for _ in range(request.n)] for _ in request.prompts]

    def _next(self) -> Completion:
        self._count += 1
        return Completion(self._answer or f"a == {self._count}", "stop", 5, -0.5)


def collect(model: Model, limits: Limits | None = None) -> list[Batch]:
    async def run() -> list[Batch]:
        batches: list[Batch] = []
        while (batch := await fim_batch(model, FIM, FAULT, len(batches), limits)) is not None:
            batches.append(batch)
        return batches

    return asyncio.run(run())


def test_rounds_come_in_batches():
    model = Model()
    batches = collect(model, Limits(prompts=4))
    assert [batch.round for batch in batches] == sorted(batch.round for batch in batches)
    assert {batch.round for batch in batches} == {0, 1, 2}
    assert all(batch.prompts <= 4 for batch in batches)
    for batch in batches:
        results = [infill.apply(TEXT.encode()) for infill in batch.infills]
        assert len(results) == len(set(results))
    greedy = [request for request in model.requests if request.n == 1]
    assert greedy
    assert all(request.temperature == 0 for request in greedy)
    assert all(request.temperature > 0 for request in model.requests if request.n > 1)
    assert all(len(request.stop) <= 4 for request in model.requests)


def test_the_most_suspicious_line_is_tried_first():
    first = collect(Model())[0]
    assert TEXT.encode()[: first.infills[0].start_byte].count(b"\n") + 1 == 2


def test_no_ops_give_no_candidates():
    infills = [infill for batch in collect(Model("# only words")) for infill in batch.infills]
    assert {infill.mask_kind for infill in infills} == {MaskKind.OPERATOR}


def test_every_third_mask_is_an_insertion():
    """Nothing of the function is missing around the hole."""
    model = Model()
    asyncio.run(fim_batch(model, FIM, FAULT, 0))
    prompts = [prompt for request in model.requests if request.top_logprobs for prompt in request.prompts]
    shown = [" ".join(re.sub(r"<\|fim_\w+\|>|# before: .*", "", prompt).split()) for prompt in prompts]
    whole = [text for text in shown if "if a > 0: return a + 0 return 0" in text]
    assert len(whole) == len(prompts) // 3 == 2


def test_operators_are_exchanged_without_the_model():
    first = collect(Model("# only words"))[0]
    assert first.operators == ROUNDS[0].operators
    assert b"if a >= 0:" in first.infills[0].apply(TEXT.encode())


def test_a_batch_keeps_within_its_tokens():
    every, few, none = (collect(Model(), Limits(tokens=tokens))[0] for tokens in (10**6, 1_500, 100))
    assert (every.left_out, none.prompts) == (0, 0)
    assert every.prompts > few.prompts > 0
    assert few.prompts + few.left_out == none.left_out == every.prompts
    assert none.infills  # operators cost nothing


def test_signatures_are_looked_up_once_a_function_and_shown():
    model, asked = Model(), list[str]()

    def signatures(path: str, before: str, function: str, after: str) -> list[tuple[str, str]]:
        assert before + function + after == TEXT
        asked.append(function.split("(")[0])
        return [("n.py", "def g(x): ...")]

    fault = replace(FAULT, signatures=signatures)
    asyncio.run(fim_batch(model, FIM, fault, 0))
    assert asked == list(dict.fromkeys(asked))
    assert all("n.py\ndef g(x): ...\n" in prompt for request in model.requests for prompt in request.prompts)


def test_a_whole_search_has_no_more_batches_than_promised():
    assert 0 < len(collect(Model())) <= FIM_BATCHES


def test_no_suspects_means_no_request():
    model = Model()
    nothing = Fault("fix", Localisation((), ""), SOURCES, FAILING)
    assert asyncio.run(fim_batch(model, FIM, nothing, 0)) is None
    assert model.requests == []


def test_a_batch_by_number_asks_the_same_again():
    async def run(number: int) -> tuple[Batch | None, list[CompletionRequest]]:
        model = Model("a is None")
        batch = await fim_batch(model, FIM, FAULT, number, Limits(prompts=4))
        return batch, model.requests

    one, again, other = (asyncio.run(run(number)) for number in (0, 0, 1))
    assert one[1] == again[1]
    assert one[1] != other[1]
    assert one[0] is not None
    assert again[0] is not None
    assert one[0].infills == again[0].infills
    assert asyncio.run(run(1000)) == (None, [])


def test_prompt_has_the_function_with_the_masked_line_as_a_comment():
    source = Source.parse("m.py", TEXT.encode())
    start = TEXT.index("a > 1")
    mask = Mask("m.py", start, start + 5, MaskKind.CONDITION, 1.0)
    prefix, suffix = context(mask, source, 200)
    assert prefix == "def f1(a):\n    # before: if a > 1:\n    if "
    assert suffix == ":\n        return a + 1\n    return 1\n"
    told, _ = context(mask, source, 200, "f1 is off")
    assert told == "def f1(a):\n    # before: if a > 1:\n    # fixed: f1 is off\n    if "


@pytest.mark.parametrize("test", [None, ("t.py", "assert f1(2) == 3")])
def test_all_prompts_of_a_run_begin_with_its_task_the_assertion_and_the_test(test):
    model = Model()
    asyncio.run(fim_batch(model, FIM, replace(FAULT, task="f1 is off\nby one", test=test), 0))
    shown = "<|file_sep|>t.py\nassert f1(2) == 3\n" if test else ""
    told = f"TASK.md\nf1 is off\nby one\n\nassert 4 == 3\n{shown}<|file_sep|>m.py\n<|fim_prefix|>def f"
    prompts = [prompt for request in model.requests for prompt in request.prompts]
    assert prompts
    assert all(prompt.partition("<|file_sep|>")[2].startswith(told) for prompt in prompts)


@pytest.mark.parametrize("budget", [50, 100, 400])
def test_prompt_stays_within_its_budget(budget: int):
    body = "".join(f"    x{number} = {number}\n" for number in range(500))
    source = Source.parse("m.py", f"def long(a):\n{body}".encode())
    at = source.data.index(b"x250")
    mask = Mask("m.py", at, at + 10, MaskKind.STATEMENT, 1.0)
    prefix, suffix = context(mask, source, budget)
    assert "def long(a):\n" in prefix
    assert prefix.endswith("    x249 = 249\n    # before: x250 = 250\n    ")
    assert len(prefix) + len(suffix) <= budget * 3 + 50


def test_javascript_is_shown_in_its_own_comments():
    source = Source.parse("m.js", b"class A {\n  f(a) {\n    return a;\n  }\n}\n")
    mask = Mask("m.js", source.data.index(b"a;"), source.data.index(b"a;") + 1, MaskKind.RETURN, 1.0)
    prefix, _ = context(mask, source, 100)
    assert prefix == "class A {\n  f(a) {\n    // before: return a;\n    return "


@pytest.mark.parametrize(("masked", "shown"), [(4, 4), (5, 0)])
def test_a_long_masked_text_is_written_anew(masked: int, shown: int):
    source = Source.parse("m.py", b"def f():\n" + b"".join(b"    x%d = 1\n" % n for n in range(9)))
    start = source.data.index(b"x2")
    mask = Mask("m.py", start, source.data.index(b"x%d" % (2 + masked)) - 5, MaskKind.BLOCK, 1.0)
    prefix, _ = context(mask, source, 200)
    assert prefix.count("    # before: x") == shown


def test_nothing_is_shown_where_nothing_is_masked():
    source = Source.parse("m.py", b"def f():\n    x = 1\n    y = 2\n")
    at = source.data.index(b"y = 2")
    prefix, _ = context(Mask("m.py", at, at, MaskKind.INSERTION, 1.0), source, 200, "f is off")
    assert prefix == "def f():\n    x = 1\n    "


def test_limits_name_their_rounds():
    batches = collect(Model(), Limits(rounds=(Round(masks=1, temperature=0.5),), views=(View(50, 2),)))
    assert [(batch.prompts, batch.completions) for batch in batches] == [(1, 3)]


def test_masks_of_a_round_are_shown_anew_where_more_of_the_function_can_be():
    long = "".join(f"    x{number} = a + {number}\n" for number in range(60))
    text = f"def short(a):\n    return a\n\n\ndef long(a):\n{long}    return a\n"
    found = Localisation((Suspect("m.py", 2, 1.0), Suspect("m.py", 30, 1.0)), "")
    fault = replace(FAULT, localisation=found, sources={"m.py": ("b" * 40, text.encode())})
    limits = Limits(rounds=(Round(masks=4, temperature=0.5),), views=(View(100, 0), View(300, 0)))

    def shown(number: int) -> list[str]:
        model = Model()
        asyncio.run(fim_batch(model, FIM, fault, number, limits))
        return [prompt for request in model.requests if request.top_logprobs for prompt in request.prompts]

    narrow, wide, none = map(shown, range(3))
    assert len(narrow) == 4
    assert 0 < len(wide) < 4
    assert all("def long" in prompt for prompt in wide)
    assert min(map(len, wide)) > max(map(len, narrow))
    assert none == []
