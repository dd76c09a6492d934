"""Runs the model environment's programs: their output goes to a log and, line by line, to a callback."""

import os
import subprocess
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from moot.agent.core.errors import ServingError
from moot.agent.models.progress import Progress

__all__ = ["clean_environment", "reported", "run_logged"]


def clean_environment() -> dict[str, str]:
    """Return our environment without what would let a working folder or our settings into the child.

    The user's own configuration of pip, proxies and caches stays.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MOOT_") and name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    }
    return kept | {"PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}


def run_logged(
    argv: Sequence[str],
    log: Path,
    what: str,
    on_line: Callable[[str], None] | None = None,
    folder: Path | None = None,
) -> None:
    """Run a program to its end.

    Args:
        argv: the program and its arguments.
        log: file that the output is added to.
        what: what is being done, for the error's sentence.
        on_line: sees each line of output, also the ones that a progress bar overwrites.
        folder: where it runs; the log's folder by default.

    Raises:
        ServingError: it could not be started or failed; the sentence names the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    last = ""
    with log.open("a", encoding="utf-8") as out, _started(argv, folder or log.parent, what) as process:
        for line in _lines(process):
            out.write(line + "\n")
            last = line if _tells(line) else last
            if on_line is not None:
                on_line(line)
        code = process.wait()
    if code != 0:
        raise ServingError(f"{what} failed ({last or f'exit code {code}'}): see {log} and try again")


def reported(progress: Progress) -> Callable[[str], None]:
    """Return a callback for the progress that our own scripts print: `stage<TAB>done<TAB>total`."""

    def seen(line: str) -> None:
        stage, _, rest = line.partition("\t")
        done, _, total = rest.partition("\t")
        if done.isdigit() and total.isdigit():
            progress(stage, int(done), int(total))

    return seen


@contextmanager
def _started(argv: Sequence[str], folder: Path, what: str) -> Generator[subprocess.Popen[str]]:
    try:
        # Text mode also ends a line at a carriage return, where progress bars begin anew.
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as exc:
        raise ServingError(f"{what} failed: cannot run {argv[0]}: {exc.strerror}") from exc
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    if process.stdout is not None:
        for line in process.stdout:
            if text := line.rstrip():
                yield text


def _tells(line: str) -> bool:
    noise = line.lstrip().startswith(("WARNING:", "[notice]", "DEPRECATION:"))
    return not noise and not line.startswith((" ", "\t"))
