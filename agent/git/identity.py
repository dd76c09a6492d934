"""Who made a published commit: the tool is its author, its user committed it, trailers name the run."""

import importlib.metadata
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from moot.agent.git.plumbing import Git, GitFailed

__all__ = ["Signature", "sign"]

_LONGEST = 200
"""Characters of a model's name in a trailer; a server may call itself anything."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What the trailers of a commit say: the key that names the run, its id, and the model."""

    key: str
    run_id: str
    model: str = ""

    def trailers(self) -> list[str]:
        """Return the arguments of `git interpret-trailers`."""
        values = {self.key: self.run_id, "Moot-Model": _plain(self.model), "Moot-Version": _version()}
        return [f"--trailer={name}: {value}" for name, value in values.items() if value]


def sign(private: Git, trusted: Git, tree: str, parent: str, message: bytes, signature: Signature) -> str:
    """Make the commit that is published, in the private git directory; return its id.

    Args:
        private: where it is made.
        trusted: reads the user's name from their configuration.
        tree: its tree.
        parent: its parent.
        message: subject and body.
        signature: what the trailers say.
    """
    message = private.run(
        "interpret-trailers",
        "--no-divider",
        "--if-exists=replace",
        *signature.trailers(),
        stdin=message.rstrip() + b"\n",
    )
    now = f"{int(time.time())} +0000"
    identity = {"GIT_AUTHOR_DATE": now, "GIT_COMMITTER_DATE": now, **_committer(trusted)}
    return private.line("commit-tree", tree, "-p", parent, stdin=message, env=identity)


def _committer(trusted: Git) -> Mapping[str, str]:
    """Return the user's own identity; without one the tool commits under its own."""
    keys = ("user.name", "user.email")
    names = ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    found = {
        name: os.environ.get(name) or _setting(trusted, key) for name, key in zip(names, keys, strict=True)
    }
    return found if all(map(_usable, found.values())) else {}


def _setting(trusted: Git, key: str) -> str:
    try:
        return trusted.line("config", "--get", key)
    except GitFailed:
        return ""


def _usable(text: str) -> bool:
    """Git refuses names that are empty without these characters."""
    return bool(text.strip(" .,:;<>\"\\'\n")) and "\0" not in text


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", "".join(char if char.isprintable() else " " for char in text)).strip()[
        :_LONGEST
    ]


def _version() -> str:
    return importlib.metadata.version("moot")
