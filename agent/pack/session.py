"""What a conversation shows of a repository, and how that grows: by appending, never by rewriting.

A server keeps what it computed for the start of a prompt as long as that start stays the same. So a later
turn repeats everything before it byte for byte, and brings it up to date with blocks of its own.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from moot.agent.core.messages import ChatMessage
from moot.agent.core.types import ContextPack, PackLevel, RankedFile, Shown
from moot.agent.pack.packer import ReadMany
from moot.agent.pack.render import changes_block, name_block, whole_block
from moot.agent.screen import why_not_content, why_not_path

__all__ = ["Session", "catch_up", "shown_with"]


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation as it was sent, and what it shows of the repository.

    Attributes:
        opening: all messages up to the task that the run was given.
        shown: path -> what the opening shows of that file.
        said: what followed: answers and what was wrong with them, at last the answer that ended the run.
        base: the commit that the files were shown of; empty in a record of an older version.
    """

    opening: tuple[ChatMessage, ...]
    shown: Mapping[str, Shown]
    said: tuple[ChatMessage, ...] = ()
    base: str = ""


def shown_with(
    shown: Mapping[str, Shown], pack: ContextPack, ranked: Sequence[RankedFile]
) -> dict[str, Shown]:
    """Return what a conversation shows once a context is appended that was packed of ranked files."""
    after, files = dict(shown), {file.path: file for file in ranked}
    for packed in pack.files:
        file, before = files[packed.path], after.get(packed.path)
        earlier = before.symbols if before is not None else ()
        after[file.path] = Shown(file.blob, packed.level, tuple(dict.fromkeys((*earlier, *packed.symbols))))
    return after


def catch_up(
    shown: Mapping[str, Shown], before: Container[str], now: Mapping[str, str], read_many: ReadMany
) -> tuple[str, dict[str, Shown]]:
    """Say what became of the files that a conversation shows.

    Args:
        shown: path -> what the conversation shows of it.
        before: the paths that there were when the conversation was last brought up to date.
        now: path -> blob id of the files that there are now.
        read_many: yields (blob id, bytes) of blobs; it may block.

    Returns:
        Blocks to append, in the order in which the files were shown first; and what is shown with them.
    """
    changed = [path for path, old in shown.items() if _is_stale(old, now.get(path))]
    moved = _moved(shown, before, now)
    blobs = dict.fromkeys(blob for path in changed for blob in (shown[path].blob, now[path]))
    blobs |= dict.fromkeys(shown[path].blob for path in moved)
    texts = dict(read_many(blobs)) if blobs else {}
    blocks, after = list[str](), dict[str, Shown]()
    for path, old in shown.items():
        if path not in now:
            moved_to = moved.get(path) if texts.get(old.blob) else None  # empty files are all alike
            blocks.append(name_block(path, f"renamed to {moved_to}" if moved_to else "gone"))
            after |= {moved_to: old} if moved_to else {}
        elif path not in changed:
            after[path] = replace(old, blob=now[path])
        elif reason := why_not_content(texts[now[path]]):
            blocks.append(name_block(path, f"not shown any more: {reason}"))
        else:
            block, level = _change(path, old.level, texts[old.blob], texts[now[path]])
            blocks.append(block)
            after[path] = Shown(now[path], level, old.symbols)
    return "".join(blocks), after


def _moved(shown: Mapping[str, Shown], before: Container[str], now: Mapping[str, str]) -> dict[str, str]:
    """Return the files shown whole that are gone and whose content is at a new path: old path -> new."""
    new = {
        blob: path
        for path, blob in now.items()
        if path not in shown and path not in before and why_not_path(path) is None
    }
    gone = {path: old.blob for path, old in shown.items() if path not in now and old.level is PackLevel.WHOLE}
    return {path: new[blob] for path, blob in gone.items() if blob in new}


def _is_stale(old: Shown, blob: str | None) -> bool:
    return blob is not None and blob != old.blob and old.level is not PackLevel.NAME


def _change(path: str, level: PackLevel, old: bytes, new: bytes) -> tuple[str, PackLevel]:
    """Return the shorter one of a diff and the whole new text, and how much of the file is shown then."""
    text = new.decode("utf-8", "replace")
    changes, whole = changes_block(path, old.decode("utf-8", "replace"), text), whole_block(path, text)
    return (changes, level) if len(changes) <= len(whole) else (whole, PackLevel.WHOLE)
