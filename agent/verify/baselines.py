"""Keeps what the tests said of a tree, so that the next run on the same files need not run them first.

Gzipped JSON files: gzip's own checksum tells a damaged one, and nothing in them can run. diskcache was
passed over because it pickles.
"""

import contextlib
import gzip
import hashlib
import json
import secrets
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from moot.agent.core.verification import Baseline

__all__ = ["Baselines"]

_FORM = "3"
"""Goes into every key: raise it when what a report says of the same run changes."""

_MOST_BYTES = 64 * 2**20
_MOST_SECONDS = 30 * 86_400
"""Tests may depend on the date, so what they said does not count for ever."""

_SUFFIX = ".json.gz"
_BASELINE = TypeAdapter(Baseline)


class Baselines:
    """A folder of baselines, by tree, command and everything that the tests can see."""

    def __init__(self, folder: Path, scope: Sequence[str], most_bytes: int = _MOST_BYTES) -> None:
        """Bind to a folder, which need not exist.

        Args:
            scope: what else decides what tests say: the sandbox, its limits, the program's version.
            most_bytes: of all files together; the oldest go first.
        """
        self._folder, self._scope, self._most = folder, tuple(scope), most_bytes

    def key(self, tree: str, command: str, fingerprint: str) -> str:
        """Return the name of a baseline.

        Args:
            tree: id of the git tree that was tested.
            command: the test command.
            fingerprint: of everything else that the tests can see.
        """
        text = json.dumps([_FORM, *self._scope, tree, command, fingerprint])
        return hashlib.sha256(text.encode()).hexdigest()

    def load(self, key: str) -> Baseline | None:
        """Return a baseline; None when there is none, or it is too old or damaged."""
        file = self._file(key)
        try:
            if time.time() - file.stat().st_mtime > _MOST_SECONDS:
                return None
            return _BASELINE.validate_json(gzip.decompress(file.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, EOFError, zlib.error, ValidationError):
            with contextlib.suppress(OSError):
                file.unlink()
            return None

    def save(self, key: str, baseline: Baseline) -> None:
        """Keep a baseline, entirely or not at all; a disk that is full keeps none."""
        new = self._folder / f"{secrets.token_hex(8)}.new"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.write_bytes(gzip.compress(_BASELINE.dump_json(baseline), mtime=0))
            new.replace(self._file(key))
            self._prune()
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _prune(self) -> None:
        """Delete the oldest beyond the bound, and what a killed process left half written."""
        found = [(file.stat(), file) for file in self._folder.iterdir()]
        left = self._most
        for stat, file in sorted(found, key=lambda pair: -pair[0].st_mtime):
            whole = file.name.endswith(_SUFFIX)
            left -= stat.st_size if whole else 0
            if left < 0 or (not whole and time.time() - stat.st_mtime > 3600):
                file.unlink(missing_ok=True)
