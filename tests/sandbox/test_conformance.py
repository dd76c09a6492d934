"""Every escape in every sandbox: none of this may be skipped, and every check has to be able to fail."""

import asyncio
import os

import pytest

from moot.sandbox.choose import CONFINING
from moot.sandbox.conformance import ESCAPES, Escape
from moot.sandbox.limits import Limits
from moot.sandbox.unconfined import Unconfined
from tests.sandbox.bare import Bare

IMPLEMENTATIONS = {**CONFINING, "none": Unconfined}
PROVABLE = [escape for escape in ESCAPES if os.geteuid() == 0 or not escape.as_root]


def named(escape: Escape) -> str:
    return escape.name.replace(" ", "-")


@pytest.mark.parametrize("escape", ESCAPES, ids=named)
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_escape(name, escape):
    """Blocked, or declared as a gap and really one: a sandbox that is missing here is an error."""
    make = IMPLEMENTATIONS[name]
    gap = make(Limits()).gaps.get(escape.name)
    if name == "none" and gap is not None and escape not in PROVABLE:
        return
    evidence = asyncio.run(escape.run(make))
    assert bool(evidence) is (gap is not None), evidence


@pytest.mark.parametrize(
    "escape", [escape for escape in PROVABLE if escape.name not in Unconfined().gaps], ids=named
)
def test_checks_can_fail(escape):
    """What even `none` blocks succeeds without any sandbox; the rest succeeds in `none`, above."""
    assert asyncio.run(escape.run(lambda limits: Bare()))


def test_gaps_are_of_escapes_and_say_why():
    names = [escape.name for escape in ESCAPES]
    assert len(set(names)) == len(names)
    for make in IMPLEMENTATIONS.values():
        gaps = make(Limits()).gaps
        assert set(gaps) <= set(names)
        assert all(gaps.values())
