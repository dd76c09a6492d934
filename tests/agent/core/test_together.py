"""Several calls at once: in order, and none left behind."""

import asyncio

import pytest

from moot.agent.core.together import together


async def answer(number: int, ended: list[int]) -> int:
    try:
        await asyncio.sleep(0.001 * (3 - number) if number else 60)
        if number == 2:
            raise ValueError(number)
        return number
    finally:
        ended.append(number)


def test_answers_keep_their_order():
    ended: list[int] = []
    assert asyncio.run(together(answer(number, ended) for number in (1, 3))) == [1, 3]
    assert ended == [3, 1]


def test_nothing_goes_on_once_one_has_failed():
    async def ask() -> list[int]:
        ended: list[int] = []
        with pytest.raises(ValueError, match="2"):
            await together(answer(number, ended) for number in (0, 2))
        assert len(asyncio.all_tasks()) == 1
        return ended

    assert asyncio.run(ask()) == [2, 0]


def test_who_is_cancelled_cancels_all():
    async def ask() -> list[int]:
        ended: list[int] = []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(together(answer(0, ended) for _ in range(2)), 0.05)
        return ended

    assert asyncio.run(ask()) == [0, 0]
