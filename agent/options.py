"""What several commands have in common on the command line."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Form", "Output", "Repo"]


class Form(StrEnum):
    """Forms of the answer."""

    TEXT = "text"
    JSON = "json"


Repo = Annotated[Path, typer.Option("--repo", help="A folder inside the repository.")]
Output = Annotated[Form, typer.Option("--output", help="Form of the answer on stdout.")]
