"""What the last commits say of files: their messages by word, what they touched, and when.

The words of the messages are a segment whose documents are the commits, the newest first. It is made once
for a commit and kept beside the index; what is damaged is made again.
"""

import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from moot.agent.core.types import PartialLog, PastCommit
from moot.agent.index.segment import Builder, Segment, Vocabulary
from moot.agent.index.terms import count_words

__all__ = ["MOST_COMMITS", "History", "Past", "load_history", "scaled"]

MOST_COMMITS = 4000
"""Commits that are looked at."""

_MOST_PATHS = 30  # of one commit: a sweep over more says little of each
_MOST_CHARACTERS = 2000  # of a message
_MOST_KEPT = 32  # files of histories
_VERSION = 2
_NOISE = re.compile(r"https?://\S+|#\d+|^[A-Z][A-Za-z-]+-[Bb]y:.*$", re.M)
_K1, _B = 1.2, 0.75  # of BM25
_LAST = 20  # commits after which a touch says half
_MONTH = 30 * 86_400
_SHRINK = 3  # touches that are added, so that what was rarely touched says little of what goes with it
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
Floats = npt.NDArray[np.float64]
ReadLog = Callable[[int], Sequence[PastCommit]]
"""Returns so many commits at most, the newest first."""


class History:
    """The past of one commit, as arrays; one touch is one path that one commit changed."""

    def __init__(self, arrays: Mapping[str, "npt.NDArray[np.generic]"]) -> None:
        """Take what `_arrays` made. Raises ValueError or KeyError when it is of something else."""
        self.messages = Segment(arrays["messages"].tobytes())
        self.paths: list[str] = json.loads(arrays["paths"].tobytes())
        self.seconds = arrays["seconds"].astype(np.int64)
        self.commits = arrays["commits"].astype(np.int64)
        self.files = arrays["files"].astype(np.int64)
        least = len(self.seconds), len(self.paths)
        if self.messages.documents != least[0] or len(self.commits) != len(self.files):
            raise ValueError("the history does not fit together")
        if self.commits.max(initial=-1) >= least[0] or self.files.max(initial=-1) >= least[1]:
            raise ValueError("the history names what it does not have")

    @classmethod
    def of(cls, commits: Sequence[PastCommit]) -> "History":
        """Make the history of commits, the newest first."""
        return cls(_arrays(commits))


class Past:
    """A history as it concerns one tree: everything is by the number of a file there."""

    def __init__(self, history: History, numbers: Mapping[str, int]) -> None:
        """Bind to a tree.

        Args:
            history: the past of the tree's commit.
            numbers: path -> number, for each file of the tree.
        """
        self.history = history
        self._size = len(numbers)
        known = np.array([numbers.get(path, -1) for path in history.paths], np.int64)
        files = known[history.files] if len(known) else history.files
        self._files, self._commits = files[files >= 0], history.commits[files >= 0]
        self._widths = np.bincount(history.commits, minlength=len(history.seconds))  # paths of each commit

    def likeness(self, terms: Mapping[str, Sequence[str]]) -> Floats:
        """Return how like a text the message of each commit is, by BM25.

        Args:
            terms: of the text, each with its other forms.
        """
        messages = self.history.messages
        lengths = messages.lengths / max(1.0, float(messages.lengths.mean())) if messages.documents else 1.0
        found = np.zeros(messages.documents)
        for term, forms in terms.items():
            times = sum(
                (messages.frequencies(form)[0] for form in (term, *forms)), start=np.zeros(len(found))
            )
            having = np.count_nonzero(times)
            idf = np.log(1 + (len(found) - having + 0.5) / (having + 0.5))
            found += idf * times * (_K1 + 1) / (times + _K1 * (1 - _B + _B * lengths))
        return found

    def touches(self) -> tuple[Floats, Floats]:
        """Return how often each file was touched, and how lately; each 0 to 1."""
        often = self._sum(np.ones(len(self.history.seconds)))
        last = np.full(self._size, np.inf)
        np.minimum.at(last, self._files, self._commits)
        return scaled(np.log1p(often)), 1 / (1 + last / _LAST)

    def similar(self, likeness: Floats) -> tuple[Floats, Floats]:
        """Return for each file the likest commit that touched it, and the sum of likeness; each 0 to 1.

        Args:
            likeness: of each commit's message to a text.
        """
        best = np.zeros(self._size)
        np.maximum.at(best, self._files, likeness[self._commits])
        ages = (self.history.seconds[:1].max(initial=0) - self.history.seconds).clip(min=0) / _MONTH
        return scaled(best), scaled(
            self._sum(likeness**2 / np.maximum(1, self._widths) / (1 + np.log1p(ages)))
        )

    def together(self, number: int) -> Floats:
        """Return for each file the share of a file's commits that touched it too, wide commits less."""
        with_it = np.zeros(len(self.history.seconds))
        with_it[self._commits[self._files == number]] = 1
        found = self._sum(with_it / np.log2(2 + self._widths)) / (with_it.sum() + _SHRINK)
        found[number] = 0
        return found

    def _sum(self, weights: Floats) -> Floats:
        return np.bincount(self._files, weights[self._commits], self._size).astype(np.float64)


def scaled(values: Floats) -> Floats:
    """Return values divided by the largest one."""
    most = values.max(initial=0.0)
    return values / most if most > 0 else values


def load_history(folder: Path, commit: str, log: ReadLog) -> History:
    """Return the history of a commit from its file, else from the log; then the file is written.

    Nothing is kept of a log that could not be read, or that is a `PartialLog`: the file is
    shared by all clones, for good.

    Args:
        folder: where files of histories are.
        commit: full id.
        log: returns the last commits.
    """
    path = folder / f"{commit}-{_VERSION}.npz"
    with suppress(*_DAMAGED), np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
        return History(stored)
    commits = log(MOST_COMMITS)
    arrays = _arrays(commits)
    if commits and not isinstance(commits, PartialLog):
        with suppress(OSError):  # a full disk costs the next run a second
            _keep(path, arrays)
    return History(arrays)


def _keep(path: Path, arrays: Mapping[str, "npt.NDArray[np.generic]"]) -> None:
    data = io.BytesIO()
    np.savez_compressed(data, allow_pickle=False, **arrays)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.touch(0o600)
    part.write_bytes(data.getvalue())
    part.replace(path)
    kept = sorted(path.parent.glob("*.npz"), key=lambda file: file.stat().st_mtime, reverse=True)
    for old in kept[_MOST_KEPT:]:
        old.unlink(missing_ok=True)


def _arrays(commits: Sequence[PastCommit]) -> "dict[str, npt.NDArray[np.generic]]":
    told = [commit for commit in commits if 0 < len(commit.paths) <= _MOST_PATHS]
    numbers: dict[str, int] = {}
    touches = [
        (commit, numbers.setdefault(path, len(numbers)))
        for commit, each in enumerate(told)
        for path in dict.fromkeys(each.paths)
    ]
    return {
        "messages": np.frombuffer(_words([commit.message for commit in told]), np.uint8),
        "paths": np.frombuffer(json.dumps(list(numbers)).encode(), np.uint8),
        "seconds": np.array([commit.seconds for commit in told], np.int64),
        "commits": np.array([commit for commit, _ in touches], np.uint32),
        "files": np.array([file for _, file in touches], np.uint32),
    }


def _words(messages: Sequence[str]) -> bytes:
    builder, vocabulary = Builder(), Vocabulary()
    numbers: dict[bytes, int] = {}
    for message in messages:
        text = _NOISE.sub(" ", message[:_MOST_CHARACTERS])
        counts = count_words(text.encode("utf-8", "replace"))
        vocabulary.words += [word for word in counts if word not in numbers]
        used = np.array([numbers.setdefault(word, len(numbers)) for word in counts], np.uint32)
        builder.add(vocabulary, used, np.array(list(counts.values()), np.uint32), np.zeros(0, np.uint32))
    return builder.build()
