"""Fixtures that every part of the tests shares."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.scripted import Script, ScriptedServer


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Start scripted model servers that stop with the test: `server = serve(["an answer"])`."""
    with ExitStack() as stack:

        def start(script: Script = (), **options: object) -> ScriptedServer:
            return stack.enter_context(ScriptedServer(script, **options))

        yield start
