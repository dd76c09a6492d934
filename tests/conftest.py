"""Fixtures that every part of the tests shares."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from tests.scripted import Script, ScriptedServer

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
"""What a loaded machine takes longer for is no failure."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with what takes longest, that no worker is left with it when the others have ended."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Start scripted model servers that stop with the test: `server = serve(["an answer"])`."""
    with ExitStack() as stack:

        def start(script: Script = (), **options: object) -> ScriptedServer:
            return stack.enter_context(ScriptedServer(script, **options))

        yield start
