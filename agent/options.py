"""What several commands have in common on the command line."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Form", "Output", "Repo", "top_of"]


class Form(StrEnum):
    """Forms of the answer."""

    TEXT = "text"
    JSON = "json"


Repo = Annotated[Path, typer.Option("--repo", help="A folder inside the repository.")]
Output = Annotated[Form, typer.Option("--output", help="Form of the answer on stdout.")]


def top_of(repo: Path) -> Path | None:
    """Return the top of the working tree that holds a path, where its settings are; None where none does.

    What is wrong with a path is said when the repository is opened, not here.
    """
    here = Path(os.path.realpath(repo))
    return next((folder for folder in (here, *here.parents) if os.path.lexists(folder / ".git")), None)
