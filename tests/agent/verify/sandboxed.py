"""A test command in a real sandbox."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moot.agent.core.commands import TestReport
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose

LIGHT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Without the plugins of our own environment, which take seconds to load."""


@contextmanager
def passable() -> Iterator[Path]:
    """Make a folder that another user may pass, as Landlock needs when we are root."""
    with tempfile.TemporaryDirectory(prefix="moot-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def run(
    root: Path, work: Path, command: str = "python3 -m pytest", *only: str, timeout: float = 60
) -> TestReport:
    return asyncio.run(TestRunner(choose("auto"), root, timeout).run(command, work, only, env=LIGHT))


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
