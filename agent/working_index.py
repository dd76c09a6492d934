"""The index of a working tree as it lies there, and as it changes."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from moot.agent.core.config import Settings
from moot.agent.core.types import IndexStats, TreeEntry
from moot.agent.git.plumbing import GitFailed
from moot.agent.index.extract import MAX_BYTES
from moot.agent.opening import open_index, open_repository

if TYPE_CHECKING:
    from moot.agent.index.index import CodeIndex

__all__ = ["WorkingIndex"]

_DEBOUNCE_MS = 50
"""Time without a further change after which changes count as one."""

_ROUND_MS = 1000
"""Time after which the watcher answers though nothing changed."""


class WorkingIndex:
    """Indexes edited and new files beside the committed ones; what .gitignore excludes is left out."""

    def __init__(
        self, settings: Settings, repo: Path, progress: Callable[[int, int], None], *, warm: bool = False
    ) -> None:
        """Open a repository; use as a context manager.

        Args:
            settings: all settings.
            repo: a folder inside the repository.
            progress: called with the files parsed so far and their number.
            warm: keep a parser running between updates.
        """
        with ThreadPoolExecutor(1) as thread, ExitStack() as stack:
            opening = thread.submit(open_repository, settings, repo)  # waits for git while NumPy is imported
            self.index: CodeIndex = stack.enter_context(open_index(settings, warm=warm))
            self._repository = opening.result()
            self._stack = stack.pop_all()
        self._root = self._repository.root
        self._files = self._repository.working_files(MAX_BYTES)
        self._entries: dict[str, TreeEntry] = {}
        self._progress = progress

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the index."""
        self._stack.close()

    def update(self, changed: Collection[str] | None = None) -> IndexStats:
        """Bring the index up to date with the files and the history as they are now.

        Args:
            changed: the only paths that changed since the last update, where they are known.
        """
        entries = self._files.entries() if changed is None else self._files.after(changed)
        self._entries = {entry.path: entry for entry in entries}
        head = self._files.head()
        self.index.remember(head, partial(self._repository.log, head))
        return self.index.update(entries, self._files.read_many, self._progress)

    @property
    def root(self) -> Path:
        """Top of the working tree."""
        return self._root

    @property
    def paths(self) -> list[str]:
        """The files that are indexed, in order."""
        return sorted(self._entries)

    def read_many(self, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield (blob id, bytes) of indexed files; one that changed meanwhile is left out."""
        return self._files.read_many(blobs)

    def watch(self) -> Generator[IndexStats]:
        """Update after each change, until Ctrl-C.

        The changes come from the system (inotify, FSEvents) through the library watchfiles; those of
        ignored files and of git's own are passed over.
        """
        from watchfiles import watch

        changes = watch(
            self._root,
            watch_filter=self._concerns,
            debounce=_DEBOUNCE_MS,
            yield_on_timeout=True,
            rust_timeout=_ROUND_MS,
        )
        with suppress(KeyboardInterrupt):
            next(changes, None)  # from here on the watcher runs
            yield from self._missed()
            for change in changes:
                paths = {str(Path(path).relative_to(self._root)) for _, path in change}
                yield from self._updated(paths)

    def _updated(self, paths: set[str]) -> Iterator[IndexStats]:
        """Update for the paths that changed; not while git has no commit, such as on an orphan branch."""
        with suppress(GitFailed):
            try:
                concerned: set[str] | None = paths - self._files.ignored(paths)
            except GitFailed:  # of a path beyond a link or in a submodule
                concerned = None
            if concerned is None or concerned:
                yield self.update(concerned)

    def _missed(self) -> Iterator[IndexStats]:
        """Update for what changed before the watcher had started."""
        before = self._entries
        stats = self.update()
        if self._entries != before:
            yield stats

    def lines(self, places: Collection[tuple[str, int]]) -> dict[tuple[str, int], str]:
        """Return the text of lines, by (path, 1-based number), as far as they are there."""
        blobs = {path: self._entries[path].blob for path, _ in places if path in self._entries}
        read = self._files.read_many(dict.fromkeys(blobs.values()))
        # Not splitlines(), which ends lines at more than the index does.
        texts = {blob: data.decode(errors="replace").split("\n") for blob, data in read}
        found: dict[tuple[str, int], str] = {}
        for path, number in places:
            lines = texts.get(blobs.get(path, ""), [])
            if number <= len(lines):
                found[path, number] = lines[number - 1].removesuffix("\r")
        return found

    def _concerns(self, _: object, path: str) -> bool:
        return ".git" not in Path(path).relative_to(self._root).parts
