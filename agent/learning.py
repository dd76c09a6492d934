"""What this user's outcomes say of the risk model, and what can be learned from them.

`agent fusion` must answer at once, so this opens the log itself: the composition root would load the graph
and the models.
"""

import time
from collections.abc import Iterable
from pathlib import Path

from moot.agent.core.config import Settings
from moot.agent.core.errors import UsageError
from moot.agent.core.outcomes import Fate, Outcome
from moot.agent.git.repository import GitRepository
from moot.agent.opening import open_repository
from moot.agent.outcomes.fates import settle_open
from moot.agent.outcomes.store import FILE, OutcomeStore
from moot.agent.risk.calibrate import Calibration, calibrate
from moot.agent.risk.learned import save_learned
from moot.agent.risk.past import is_fix, is_revert

__all__ = ["learn", "outcomes"]


def outcomes(settings: Settings, root: Path | None = None) -> list[Outcome]:
    """Return the log, after what the repositories' histories say by now was noted in it.

    Args:
        settings: say where the log is.
        root: a folder inside the one repository that is meant; None for all.
    """
    path = settings.data_dir / FILE
    if not path.is_file():
        return []
    with OutcomeStore(path) as store:
        here = open_repository(settings, root) if root is not None else None
        _settle(store, [here] if here is not None else _repositories(store, settings))
        return store.all(str(here.root) if here is not None else None)


def learn(settings: Settings, root: Path | None = None) -> tuple[Calibration, Path | None]:
    """Learn from the log; return what was learned, and its file where it is better than the defaults.

    Raises:
        Refused: there is too little to learn from.
    """
    found = calibrate(outcomes(settings, root), int(time.time()))
    return found, save_learned(settings.data_dir, found.learned) if found.better else None


def _settle(store: OutcomeStore, repositories: Iterable[GitRepository]) -> None:
    for repository in repositories:
        settle_open(store, repository, str(repository.root), (is_fix, is_revert))


def _repositories(store: OutcomeStore, settings: Settings) -> Iterable[GitRepository]:
    """Yield the repositories that have open edits; one that is gone tells nothing."""
    for root in sorted({one.root for one in store.all() if one.fate is Fate.OPEN}):
        try:
            yield open_repository(settings, Path(root))
        except UsageError:
            continue
