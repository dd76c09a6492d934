"""The Protocols through which siblings meet; `agent/app.py` alone names who implements them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from moot.agent.core.choices import ApplyMode
from moot.agent.core.commands import Command, CommandResult
from moot.agent.core.messages import ChatRequest, Completion, CompletionRequest, ModelInfo, Usage
from moot.agent.core.spectrum import Spectrum, TraceRequest
from moot.agent.core.types import (
    ContextPack,
    IndexStats,
    PastCommit,
    Patch,
    Publication,
    RankedFile,
    Shown,
    Symbol,
    TreeEntry,
)

__all__ = ["FimPrompt", "Index", "ModelClient", "Packer", "Repository", "Sandbox", "TokenCounter", "Tracer"]


class TokenCounter(Protocol):
    """Counts tokens as the served model does."""

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens."""
        ...


class ModelClient(TokenCounter, Protocol):
    """A served model. Every call is retried, bounded in time, cancellable and accounted for."""

    @property
    def info(self) -> ModelInfo:
        """What preflight found."""
        ...

    @property
    def usage(self) -> Usage:
        """Everything used so far."""
        ...

    async def chat(
        self,
        request: ChatRequest,
        on_token: Callable[[str], None] | None = None,
        used: Callable[[Usage], None] | None = None,
        on_answer: Callable[[Completion], None] | None = None,
    ) -> list[Completion]:
        """Return `request.n` answers; `on_token` sees the first as it grows, `on_answer` each at its end.

        `used` is told what was used, as often as something was and however the call ends, so that calls
        at the same time can be told apart.

        Raises:
            ModelUnreachable: no connection, or the server kept failing.
            ModelAnswerError: the server's answer is not of the protocol, or it refuses the request.
        """
        ...

    async def complete(
        self,
        request: CompletionRequest,
        ended: Callable[[str], bool] | None = None,
        used: Callable[[Usage], None] | None = None,
    ) -> list[list[Completion]]:
        """Return `request.n` completions for each prompt, in the order of the prompts.

        An answer of which `ended` says so while it is written ends there, with the finish `ended`; when
        all have, the server is hung up on. `used` is told as in `chat`.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class FimPrompt(Protocol):
    """A model's fill-in-the-middle form."""

    @property
    def stop(self) -> tuple[str, ...]:
        """Texts that end an answer."""
        ...

    @property
    def controls(self) -> tuple[str, ...]:
        """Tokens that are no text."""
        ...

    def prompt(self, prefix: str, suffix: str, files: Sequence[tuple[str, str]] = (), path: str = "") -> str:
        """Return the prompt whose completion is the text between; `files` are (path, text) that help."""
        ...


class Sandbox(Protocol):
    """Runs commands that may be hostile."""

    @property
    def name(self) -> str:
        """`bubblewrap`, `landlock` or `none`."""
        ...

    @property
    def mounts(self) -> bool:
        """Whether it can show the workspace at `Command.mount`; else that has to be None."""
        ...

    @property
    def gaps(self) -> Mapping[str, str]:
        """The escapes that it does not block, as `sandbox/conformance.py` names them, with the reason."""
        ...

    async def run(self, command: Command) -> CommandResult:
        """Run to the end, or to a limit; the process group never outlives the call.

        Raises:
            SandboxUnavailable: the sandbox itself could not be set up.
        """
        ...


class Repository(Protocol):
    """The user's repository, and a private git directory beside it where all work happens.

    Methods block (git runs as a process); callers use a thread. Nothing but `publish` touches the
    user's working tree, index or refs.
    """

    @property
    def root(self) -> Path:
        """Top of the user's working tree."""
        ...

    @property
    def head(self) -> str:
        """Commit id of HEAD when the repository was opened: the base of a run."""
        ...

    @property
    def branch(self) -> str | None:
        """Short name of the current branch; None when HEAD is detached."""
        ...

    def files(self, commit: str, paths: Iterable[str] = ()) -> list[TreeEntry]:
        """Return every entry of a commit's tree, or those at paths, sorted (submodules have mode 160000)."""
        ...

    def tree(self, commit: str) -> str:
        """Return the id of a commit's tree: the same for the same files."""
        ...

    def read(self, blob: str) -> bytes:
        """Return a blob's bytes."""
        ...

    def read_many(self, blobs: Iterable[str]) -> Iterable[tuple[str, bytes]]:
        """Yield (blob id, bytes) for many blobs through one process."""
        ...

    def log(self, commit: str, limit: int) -> list[PastCommit]:
        """Return a commit and those before it, the newest first; merges are left out."""
        ...

    def ages(self, commit: str, path: str) -> dict[int, int]:
        """Return for each line (from 1) of a file when it was committed, in seconds since 1970.

        Changes of more than a year ago are not told apart; nothing where the history is missing.
        """
        ...

    def commit(self, base: str, patch: Patch, message: str) -> str:
        """Store a patch on top of a commit in the private git directory and return the commit id.

        The same arguments give the same id. Raises EditRejected when a base blob does not match.
        """
        ...

    def merge(self, base: str, ours: str, theirs: str) -> str | None:
        """Return the id of a tree with both sides' changes of the base, which `files` takes.

        None where both changed the same lines, or git cannot merge without a working tree.
        """
        ...

    def checkout(self, commit: str, directory: Path) -> None:
        """Make `directory` hold exactly the commit's files; it is created if missing.

        Of other files only caches stay: `.moot-cache`, `.mypy_cache`, `target`, and what was adopted.
        """
        ...

    def adopt(self, directory: Path) -> None:
        """Let what is now in `__pycache__`, `.pytest_cache` and `node_modules` stay while nothing changes it.

        Only the base's own tests may have written there: a candidate's could have left what others fall for.
        """
        ...

    def diff(self, base: str, commit: str) -> str:
        """Return the unified diff between two commits."""
        ...

    def diffstat(self, base: str, commit: str) -> str:
        """Return `N files changed, …` with one line a file, as `git diff --stat` prints it."""
        ...

    def dirty(self, paths: Iterable[str]) -> list[str]:
        """Return those paths whose working file or index entry differs from HEAD."""
        ...

    def undone(self, run_id: str) -> object | None:
        """Return how a run was taken back; None when it was not."""
        ...

    def publish(self, run_id: str, base: str, commit: str, mode: ApplyMode, model: str = "") -> Publication:
        """Bring a commit into the user's repository; calling again with the same values changes nothing.

        The published commit names the tool, the run and the model, and carries the time, so its id is not
        `commit`'s. Where the branch moved on in other files it is put on top: `Publication.onto` says so.

        Raises:
            Refused: dirty files overlap, or the branch moved away from `base`; nothing was changed.
        """
        ...


class Index(Protocol):
    """Symbols and words of every file, keyed by blob id. Methods block; callers use a thread."""

    def update(
        self, entries: Sequence[TreeEntry], read_many: Callable[[Iterable[str]], Iterable[tuple[str, bytes]]]
    ) -> IndexStats:
        """Make the index hold exactly `entries`; only unknown blobs are read and parsed."""
        ...

    def remember(self, commit: str, log: Callable[[int], Sequence[PastCommit]]) -> None:
        """Let searches know the history of the tree's commit; `log` gives so many commits at most."""
        ...

    def symbols(self, path: str) -> list[Symbol]:
        """Return a file's definitions in order of position."""
        ...

    def outline(self, path: str, data: bytes) -> list[Symbol]:
        """Return the definitions of a text that is in no blob yet, and its imports with the kind `import`."""
        ...

    def imports(self, path: str, data: bytes) -> list[str]:
        """Return the files of the tree that the imports of this text at this path lead to."""
        ...

    def find(self, name: str) -> list[Symbol]:
        """Return the definitions of a name, or those whose qualified name ends with a qualified one."""
        ...

    def referring(self, name: str) -> list[str]:
        """Return the files that hold a name as a word."""
        ...

    def search(self, query: str, limit: int = 50) -> list[RankedFile]:
        """Return files ranked by relevance to a task, best first, each with its reasons."""
        ...

    def dependents(self, paths: Iterable[str]) -> list[str]:
        """Return these files and those that import them, directly or not, as far as imports tell."""
        ...


class Packer(Protocol):
    """Builds the context."""

    async def pack(
        self, ranked: Sequence[RankedFile], budget: int, shown: Mapping[str, Shown] = {}
    ) -> ContextPack:
        """Return a context of at most `budget` tokens; deterministic for the same input.

        Args:
            ranked: files, the best first.
            budget: tokens.
            shown: path -> what the conversation shows already, of the versions that are ranked; nothing of
                it is shown again.
        """
        ...


class Tracer(Protocol):
    """Measures which lines tests execute."""

    async def trace(self, request: TraceRequest) -> Spectrum:
        """Return which lines each test executes; without lines the reason says why.

        Raises:
            SandboxUnavailable: the sandbox could not be set up.
        """
        ...
