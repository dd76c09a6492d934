import pytest

from moot.agent.core.config import Settings
from moot.agent.core.errors import LimitReached
from moot.agent.core.messages import Usage
from moot.agent.graph.limits import Limits


def limits(usage: Usage, **settings: float) -> Limits:
    return Limits(Settings(**settings), lambda: usage)


def test_without_limits_every_token_is_left():
    assert limits(Usage(10**9)).tokens_left is None
    assert limits(Usage(10**9)).answer(500, 10**9) == 500


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({"max_tokens": 1000}, 700),
        ({"max_tokens": 300}, 0),
        ({"max_tokens": 100}, 0),
        ({"max_cost": 0.001, "price_in": 1.0, "price_out": 2.0}, 300),
        ({"max_cost": 0.001, "price_in": 1.0, "price_out": 2.0, "max_tokens": 400}, 100),
        ({"max_cost": 0.001, "price_out": 0.0}, None),
    ],
)
def test_what_is_left_is_never_too_much(settings, left):
    """A dollar buys the fewest tokens at the higher price."""
    assert limits(Usage(200, 0, 100), **settings).tokens_left == left


def test_answers_share_what_the_prompt_leaves():
    some = limits(Usage(100), max_tokens=1100)
    assert some.answer(500, 200) == 500
    assert some.answer(500, 200, 4) == 200
    assert some.answer(20, 960, 2) == 20
    with pytest.raises(LimitReached, match="--max-tokens"):
        some.answer(500, 990)
