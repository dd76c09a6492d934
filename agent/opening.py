"""Opens what needs no model: the repository and the index. Importing it is quick, unlike `app`."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moot.agent.core.config import Settings
from moot.agent.git.repository import GitRepository

if TYPE_CHECKING:
    from moot.agent.index.index import CodeIndex

__all__ = ["open_index", "open_repository"]

_LOG = logging.getLogger(__name__)


def open_repository(settings: Settings, repo: Path) -> GitRepository:
    """Open a repository; what a killed run left half done there is finished, and said on stderr."""
    repository = GitRepository.open(repo, settings.data_dir)
    for sentence in repository.recovered:
        _LOG.warning(sentence)
    return repository


@contextmanager
def open_index(settings: Settings, *, warm: bool = False) -> "Generator[CodeIndex]":
    """Open the index that all repositories share, until the end of the block; see `CodeIndex` for `warm`."""
    from moot.agent.index.index import CodeIndex

    with CodeIndex(settings.data_dir / "index.sqlite", ignore=settings.ignore, warm=warm) as code_index:
        yield code_index
