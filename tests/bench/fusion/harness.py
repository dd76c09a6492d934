"""Runs pieces of code after others, each in a process of its own; it is run inside the sandbox alone.

    python harness.py JOBS RESULTS

JOBS holds `[{"code": program, "items": [lines, …]}, …]`; RESULTS gets for each job and item what `Observed`
holds: `[kind, text]`. Every item sees the program as if it had just been loaded.
"""

import ast
import io
import json
import os
import re
import resource
import select
import signal
import sys
import time
import traceback
import types
from pathlib import Path

ITEM_SECONDS, JOB_SECONDS = 2.0, 10
"""Of the processor: beside a busy model server they last long."""
WALL_SECONDS = 100.0
MEMORY = 1 << 30
MOST_TEXT = 300
OWN = (NameError, ImportError, SyntaxError)


class Late(BaseException):
    """The time of an item is over."""


def main(jobs_path: str, results_path: str) -> None:
    jobs = json.loads(Path(jobs_path).read_text(encoding="utf-8"))
    results = [observe(job["code"], job["items"]) for job in jobs]
    Path(results_path).write_text(json.dumps(results), encoding="utf-8")


def observe(code: str, items: list[str]) -> list[list[str]]:
    """Run the items in a child; what it does not tell in time is late."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            run_all(code, items, write)
        finally:
            os._exit(0)
    os.close(write)
    told = gather(read, time.monotonic() + WALL_SECONDS)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    seen = [json.loads(line) for line in told.split(b"\n")[:-1]]
    return seen + [["late", "it does not end"]] * (len(items) - len(seen))


def gather(read: int, deadline: float) -> bytes:
    told = b""
    while (left := deadline - time.monotonic()) > 0 and select.select([read], [], [], left)[0]:
        piece = os.read(read, 65536)
        if not piece:
            break
        told += piece
    os.close(read)
    return told


def run_all(code: str, items: list[str], write: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (JOB_SECONDS, JOB_SECONDS))
    sys.setrecursionlimit(2000)
    signal.signal(signal.SIGPROF, out_of_time)
    for item in items:
        os.write(write, json.dumps(run_one(code, item)).encode() + b"\n")


def out_of_time(*_: object) -> None:
    raise Late


def run_one(code: str, item: str) -> tuple[str, str]:
    printed = sys.stdout = sys.stderr = io.StringIO()
    signal.setitimer(signal.ITIMER_PROF, ITEM_SECONDS)
    try:
        module = sys.modules["solution"] = types.ModuleType("solution")
        exec(compile(code, "<solution>", "exec"), module.__dict__)
        value = evaluate(item, module.__dict__)
        kind, text = ("value", printed.getvalue() + value) if value is not None else ("unusable", "no value")
    except Late:
        kind, text = "late", "it does not end"
    except BaseException as exc:  # noqa: BLE001 - whatever the code under test raises is its answer
        kind, text = failure(exc)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return kind, re.sub(r" at 0x[0-9a-f]+", "", text)[:MOST_TEXT]


def evaluate(item: str, names: dict[str, object]) -> str | None:
    """Return the value of the last expression as its repr; None when the last line is none."""
    tree = ast.parse(item)
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        exec(compile(tree, "<trial>", "exec"), names)
        return None
    last = ast.Expression(tree.body[-1].value)
    tree.body.pop()
    exec(compile(tree, "<trial>", "exec"), names)
    return repr(eval(compile(last, "<trial>", "eval"), names))


def failure(exc: BaseException) -> tuple[str, str]:
    """Tell a fault of the lines themselves from one of the program."""
    frames = traceback.extract_tb(exc.__traceback__)
    in_program = any(frame.filename == "<solution>" for frame in frames)
    arguments = isinstance(exc, TypeError) and "argument" in str(exc)
    if (
        not in_program
        and (isinstance(exc, OWN) or arguments)
        and getattr(exc, "filename", "") != "<solution>"
    ):
        return "unusable", f"{type(exc).__name__}: {exc}"
    return "error", f"{type(exc).__name__}: {exc}"


if __name__ == "__main__":
    main(*sys.argv[1:])
