"""Every git process starts here: plumbing commands only, in an environment of our own."""

import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from moot.agent.core.errors import UsageError
from moot.agent.git.names import check_id

__all__ = ["Git", "GitFailed", "missing", "require_git"]

_OVERRIDES = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=",
    "core.quotePath=false",
    "core.pager=cat",
    "protocol.allow=never",
    "commit.gpgSign=false",
    "gc.auto=0",
    "safe.bareRepository=explicit",
)

_ENVIRONMENT = {
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_AUTHOR_NAME": "moot",
    "GIT_AUTHOR_EMAIL": "moot@localhost",
    "GIT_COMMITTER_NAME": "moot",
    "GIT_COMMITTER_EMAIL": "moot@localhost",
}

_MINIMUM = (2, 31)
_SPOOL = 64 * 2**20
"""Bytes of blobs that stay in memory before they go to a temporary file."""


class GitFailed(UsageError):
    """A git process ended with an error; `text` is what it said."""

    def __init__(self, command: str, status: int, text: str) -> None:
        super().__init__(
            f"git {command} ended with {status} ({text}): look with `git fsck` at the repository"
        )
        self.status = status
        self.text = text


class Git:
    """One git directory.

    GitPython starts each process from a copy of our whole environment and can only add to it, so the
    command goes through `env -i`: no `GIT_…` variable of the caller and no secret reaches git.
    """

    def __init__(
        self, git_dir: Path | None, cwd: Path, work_tree: Path | None = None, *, own_config: bool = False
    ) -> None:
        """Bind to a git directory.

        Args:
            git_dir: the git directory; None lets git search upwards from `cwd`.
            cwd: where processes start.
            work_tree: top of the working tree, where a command needs one.
            own_config: read the user's global configuration (which is trusted), not only the repository's.
        """
        self.git_dir = git_dir
        self._cwd = cwd
        self._environment = _environment(git_dir, work_tree, own_config)

    def run(
        self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None, ok: int = 0
    ) -> bytes:
        """Run `git ARGS` and return its stdout.

        Args:
            args: a plumbing command and its arguments, already validated.
            stdin: bytes for its stdin, else it reads nothing.
            env: variables beside the fixed ones.
            ok: highest exit status that is no failure.

        Raises:
            GitFailed: any higher status.
        """
        with _file_of(stdin) as stream:
            status, out, err = self._git().execute(
                self._argv(args, env),
                istream=stream,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
            )
        if not 0 <= status <= ok:
            raise GitFailed(args[0], status, err.strip())
        return cast(bytes, out)

    def line(self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run a command whose answer is one line of text."""
        return os.fsdecode(self.run(*args, stdin=stdin, env=env)).rstrip("\n")

    def blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield (id, bytes) of many blobs through one process.

        Raises:
            UsageError: an object is missing, as in a partial clone.
        """
        wanted = [check_id(blob) for blob in ids]
        if not wanted:
            return
        asked = "".join(f"{blob}\n" for blob in wanted).encode()
        with tempfile.SpooledTemporaryFile(_SPOOL) as output, _file_of(asked) as stream:
            argv = self._argv(("cat-file", "--batch"), None)
            self._git().execute(argv, istream=stream, output_stream=output)
            output.seek(0)
            for blob in wanted:
                yield blob, _next_object(output, blob)

    def _argv(self, args: tuple[str, ...], env: Mapping[str, str] | None) -> list[str]:
        variables = [f"{name}={value}" for name, value in {**self._environment, **(env or {})}.items()]
        options = [word for override in _OVERRIDES for word in ("-c", override)]
        return ["/usr/bin/env", "-i", *variables, "git", "--no-pager", *options, *args]

    def _git(self) -> Any:
        # Here and not at the top: importing it runs `git version`, and fails where git is missing.
        from git.cmd import Git as Process

        return Process(str(self._cwd))


def require_git() -> None:
    """Check that git can be used.

    Raises:
        UsageError: it is missing or too old.
    """
    if shutil.which("git") is None:
        raise UsageError("git is not installed: install git 2.31 or newer")
    version = Git(None, Path("/")).line("version")
    found = re.search(r"(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < _MINIMUM:
        raise UsageError(f"{version} is too old: install git 2.31 or newer")


def missing(what: str) -> UsageError:
    """Return the error of a partial clone: nothing is ever fetched without being asked."""
    return UsageError(
        f"{what} is missing, as in a partial clone: run `git fetch --refetch --no-filter` first"
    )


def _environment(git_dir: Path | None, work_tree: Path | None, own_config: bool) -> dict[str, str]:
    result = {**_ENVIRONMENT, "PATH": os.environ.get("PATH", os.defpath)}
    if own_config:
        for name in ("HOME", "XDG_CONFIG_HOME", "SUDO_UID", "GIT_CONFIG_GLOBAL"):
            if name in os.environ:
                result[name] = os.environ[name]
    else:
        result |= {"HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": "/dev/null"}
    if git_dir is not None:
        result["GIT_DIR"] = str(git_dir)
    if work_tree is not None:
        result["GIT_WORK_TREE"] = str(work_tree)
    return result


@contextmanager
def _file_of(data: bytes | None) -> Generator[IO[bytes] | None]:
    """Hold `data` as a file: a pipe would have to be fed while the answer is read."""
    if data is None:
        yield None
        return
    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        stream.seek(0)
        yield stream


def _next_object(output: IO[bytes], asked: str) -> bytes:
    """Read one answer of `cat-file --batch`: `<id> <type> <size>`, a newline, the bytes, a newline."""
    header = output.readline().split()
    if len(header) != 3:
        raise missing(asked)
    data = output.read(int(header[2]))
    output.read(1)
    return data
