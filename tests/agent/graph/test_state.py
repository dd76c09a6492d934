"""What a checkpoint holds comes back as it was."""

from importlib import import_module

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from moot.agent.core.commands import TestCase, TestReport
from moot.agent.core.messages import Usage
from moot.agent.graph.state import SERIALISED

REPORT = TestReport("pytest", "failed", 1, 1.5, (TestCase("a.py::t", "failed", "no", "a.py", 0.5),))


@pytest.mark.parametrize(("module", "name"), SERIALISED)
def test_a_listed_type_lives_where_the_list_says(module, name):
    assert getattr(import_module(module), name).__module__ == module


def test_values_come_back():
    """Tuples come back as lists, which every reader takes."""
    serde = JsonPlusSerializer(allowed_msgpack_modules=SERIALISED)
    assert serde.loads_typed(serde.dumps_typed(Usage(1, 2, 3, 4))) == Usage(1, 2, 3, 4)
    report = serde.loads_typed(serde.dumps_typed(REPORT))
    assert isinstance(report, TestReport)
    assert report.failed == REPORT.failed
    assert list(report.cases) == list(REPORT.cases)
