"""Answers that depart from a greedy one at one token."""

import asyncio
import math

from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.messages import Completion, TokenChoice, Usage
from moot.agent.repair.branches import branches
from moot.agent.repair.generate import fim_batch
from tests.agent.repair.test_generate import FAULT, FIM, TEXT, Model

ENDS = ("\n", "<end>")


def greedy(*choices: dict[str, float]) -> Completion:
    """Return an answer that took the likeliest token of each place."""
    steps = tuple(TokenChoice(max(each, key=lambda t: each[t]), tuple(each.items())) for each in choices)
    return Completion("".join(step.text for step in steps), "stop", len(steps), choices=steps)


def test_the_likeliest_departure_comes_first():
    answer = greedy(
        {"a": -0.1, "b": -2.0}, {" <": -0.2, " <=": -1.5, "<end>": -3.0}, {"\n": -0.1, " and": -1.0}
    )
    found = branches(answer, ENDS, 9)
    assert [(each.text, each.ended) for each in found] == [
        ("a < and", False),
        ("a <=", False),
        ("b", False),
        ("a", True),
    ]
    assert [round(each.logprob, 1) for each in found] == [-1.3, -1.6, -2.0, -3.1]
    assert branches(answer, ENDS, 2) == found[:2]


def test_a_token_that_ends_an_answer_keeps_what_stands_before_the_end():
    answer = greedy({"f(a": -0.1}, {", b": -0.2, ")\n": -0.9}, {")\n": -0.1, "))\n": -1.5, "\n": -2.0})
    found = [(each.text, each.ended) for each in branches(answer, ENDS, 9)]
    assert found == [("f(a)", True), ("f(a, b))", True), ("f(a, b", True)]


def test_nothing_is_no_answer_and_unknown_alternatives_are_no_branches():
    assert branches(greedy({"a": -0.1, "<end>": -0.2}), ENDS, 9) == []
    assert branches(Completion("a", "stop", 1), ENDS, 9) == []


def test_the_end_of_a_sequence_and_parts_of_characters_are_no_text():
    found = branches(
        greedy({"a": -0.1}, {" b": -0.2, "</s>": -0.5, "\N{REPLACEMENT CHARACTER}": -0.6}), ENDS, 9
    )
    assert [(each.text, each.ended) for each in found] == [("a", True)]


def test_a_branch_with_its_rest_is_an_answer():
    [branch] = branches(greedy({"a": -0.1, "b": -1.0}), ENDS, 1)
    whole = branch.followed_by(Completion(" + 1", "stop", 2, -0.25))
    assert whole == Completion("b + 1", "stop", 3, -0.5)


steps = st.dictionaries(st.sampled_from(["a", " b", "", "\n", "<end>", "+"]), st.floats(-9, 0), min_size=1)


@given(st.lists(steps, max_size=6), st.integers(0, 9))
def test_branches_are_distinct_and_share_the_beginning(places, most):
    answer = greedy(*places)
    found = branches(answer, ENDS, most)
    assert len(found) <= most
    assert len({(each.text, each.ended) for each in found}) == len(found)
    assert found == sorted(found, key=lambda each: -each.logprob)
    for each in found:
        texts = [choice.text for choice in answer.choices]
        begins = ["".join(texts[:n]) for n in range(len(texts) + 1)]
        assert any(each.text.startswith(one) and len(each.text) - len(one) <= 2 for one in begins)
        assert math.isfinite(each.logprob)
        assert not any(end in each.text for end in ENDS)


class Telling(Model):
    """Names what could stand in an answer's place, where it is asked for that."""

    async def complete(self, request, *, used):
        answers = await super().complete(request, used=used)
        if not request.top_logprobs:
            return answers
        likely = (("a", -0.1), ("b", -0.5), ("<|endoftext|>", -0.7), ("c", -0.9))
        return [[Completion("a", "stop", 1, -0.1, choices=(TokenChoice("a", likely),))] for _ in answers]


def test_the_likeliest_answers_are_asked_for_where_the_server_names_them():
    model = Telling(" > 1")
    batch = asyncio.run(fim_batch(model, FIM, FAULT, 0))
    assert batch is not None
    assert all((each.n, each.temperature) == (1, 0) for each in model.requests)
    assert {prompt[-1] for each in model.requests if not each.top_logprobs for prompt in each.prompts} == {
        "b",
        "c",
    }
    assert batch.completions == 3 * batch.prompts
    assert any(b"if b > 1:" in infill.apply(TEXT.encode()) for infill in batch.infills)
    assert batch.usage == Usage(len(model.requests), 0, 5 * len(model.requests), len(model.requests))
