"""Trees built by hand: entries as git would list them, and the bytes behind them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from moot.agent.core.types import TreeEntry


@dataclass
class Tree:
    """A tree that also records which blobs were read."""

    entries: list[TreeEntry]
    blobs: dict[str, bytes]
    asked: list[str] = field(default_factory=list)

    def read(self, blob: str) -> bytes:
        return self.blobs[blob]

    def read_many(self, blobs: Iterable[str]) -> Iterable[tuple[str, bytes]]:
        for blob in blobs:
            self.asked.append(blob)
            yield blob, self.blobs[blob]


def tree(files: Mapping[str, bytes | str], modes: Mapping[str, str] | None = None) -> Tree:
    entries: list[TreeEntry] = []
    blobs: dict[str, bytes] = {}
    for path, content in sorted(files.items()):
        data = content.encode() if isinstance(content, str) else content
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        blobs[blob] = data
        entries.append(TreeEntry(path, (modes or {}).get(path, "100644"), blob, len(data)))
    return Tree(entries, blobs)
