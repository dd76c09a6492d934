"""The folder in a workspace where a run's reports are written."""

import secrets
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from moot.agent.core.folders import remove
from moot.agent.verify.plan import Plan, Reports
from moot.agent.verify.tree import Tree

__all__ = ["fill", "report_folder"]


@contextmanager
def report_folder(workspace: Path) -> Generator[Path]:
    """Create a folder that no test can know the name of beforehand, and remove it in the end.

    The tests can write there while they run, as whatever writes the reports must; what they forge is
    bounded by the exit code, which they cannot take back, and by the whole run that is compared.
    """
    place = workspace / f".moot-{secrets.token_hex(8)}"
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        remove(place)


def fill(place: Path, plan: Plan, stack: ExitStack) -> Reports:
    """Write what the plan needs, and hold its folders open so that code under test cannot swap them."""
    for folder in plan.folders:
        (place / folder).mkdir(mode=0o700)
    for name, text in plan.files.items():
        (place / name).write_text(text, encoding="utf-8")
    folders = (".", *plan.folders)
    return Reports({folder: Tree.open(place / folder, stack) for folder in folders})
