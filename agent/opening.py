"""Opens what needs no model: the repository, the index, the sandbox. Importing it is quick, unlike `app`."""

import logging
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from moot.agent.core.config import Settings
from moot.agent.core.errors import UsageError
from moot.agent.core.ports import Sandbox
from moot.agent.git.repository import GitRepository
from moot.agent.outcomes.fates import settle_open
from moot.agent.outcomes.store import FILE, OutcomeStore
from moot.agent.risk.past import is_fix, is_revert
from moot.agent.terminal import printable

if TYPE_CHECKING:
    from moot.agent.index.index import CodeIndex

__all__ = ["open_index", "open_outcomes", "open_repository", "open_sandbox"]

_SETTLED = 10
"""Edits of earlier runs that a run looks for in the history before it begins: each costs it some 50 ms."""

_LOG = logging.getLogger(__name__)


def open_repository(settings: Settings, repo: Path) -> GitRepository:
    """Open a repository; what a killed run left half done there is finished, and said on stderr."""
    repository = GitRepository.open(repo, settings.data_dir)
    for sentence in repository.recovered:
        _LOG.warning(printable(sentence))
    return repository


@contextmanager
def open_index(settings: Settings, *, warm: bool = False) -> "Generator[CodeIndex]":
    """Open the index that all repositories share, until the end of the block; see `CodeIndex` for `warm`."""
    from moot.agent.index.index import CodeIndex

    with CodeIndex(settings.data_dir / "index.sqlite", ignore=settings.ignore, warm=warm) as code_index:
        yield code_index


@contextmanager
def open_outcomes(
    settings: Settings, repository: GitRepository, warn: Callable[[str], None]
) -> Generator[OutcomeStore | None]:
    """Open the log of published edits, and note what the repository's history says of the oldest open ones.

    Args:
        settings: say where it is.
        repository: where a run begins.
        warn: called with a sentence where the log cannot be used; None is yielded then.
    """
    with ExitStack() as stack:
        try:
            store = stack.enter_context(OutcomeStore(settings.data_dir / FILE))
            root, says = str(repository.root), (is_fix, is_revert)
            settle_open(store, repository, root, says, most=_SETTLED)
        except UsageError as exc:
            warn(str(exc))
            store = None
        yield store


def open_sandbox(settings: Settings, warn: Callable[[str], None]) -> Sandbox:
    """Return the sandbox with the settings' limits; it blocks while it is tried.

    Args:
        warn: called with a sentence for each host that was asked for and may not be reached.

    Raises:
        SandboxUnavailable: none works here.
    """
    from moot.sandbox.choose import choose
    from moot.sandbox.limits import Limits
    from moot.sandbox.network import AllowNet

    limits = Limits(processes=settings.sandbox_processes, disk=settings.sandbox_disk * 2**20)
    if settings.sandbox_memory is not None:
        limits = replace(limits, memory=settings.sandbox_memory * 2**20)
    sandbox = choose(settings.sandbox, limits)
    return AllowNet(sandbox, settings.allow_net, warn) if settings.allow_net else sandbox
