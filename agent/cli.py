"""The command line: parse input, render events, set the exit code. Heavy imports wait for a command."""

from __future__ import annotations

import gc
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moot.agent import blame_cli, complete_cli, fuse_cli, history_cli, index_cli
from moot.agent.core.choices import ApplyMode, ApprovalPolicy, FusionMode, FusionPolicy
from moot.agent.core.errors import MootError
from moot.agent.fusion_cli import app as fusion_app
from moot.agent.model_cli import app as model_app
from moot.agent.options import Repo, top_of
from moot.agent.terminal import LAYOUT, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moot.agent.core.config import Settings

__all__ = ["app", "main"]

app = typer.Typer(
    name="agent",
    help="An agentic coding assistant for repositories, on your own hardware.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(model_app, name="model", help="The local model server.")
app.add_typer(fusion_app, name="fusion", help="What arguing risky edits was worth.")
history_cli.add_to(app)
index_cli.add_to(app)
complete_cli.add_to(app)
blame_cli.add_to(app)
fuse_cli.add_to(app)


class Output(StrEnum):
    """Forms of the result."""

    TEXT = "text"
    JSON = "json"
    STREAM_JSON = "stream-json"


BaseUrl = Annotated[str | None, typer.Option(help="OpenAI-compatible server; default: the local one.")]
Model = Annotated[str | None, typer.Option(help="Model name; default: what the server serves.")]
Form = Annotated[Output, typer.Option("--output", help="Form of the result on stdout.")]


@app.command()
def run(
    task: Annotated[str, typer.Argument(help="What to do, in words; `-` reads it from stdin.")] = "",
    repo: Repo = Path(),
    model: Model = None,
    base_url: BaseUrl = None,
    profile: Annotated[str | None, typer.Option(help="Model profile (see `agent model list`).")] = None,
    test: Annotated[str | None, typer.Option(help="Command that verifies; default: detected.")] = None,
    test_timeout: Annotated[float | None, typer.Option(help="Seconds for one run of the tests.")] = None,
    verify: Annotated[bool | None, typer.Option("--verify/--no-verify", help="Run the tests.")] = None,
    lint: Annotated[bool | None, typer.Option("--lint/--no-lint", help="Run its linters too.")] = None,
    test_budget: Annotated[float | None, typer.Option(help="Seconds of tests for each candidate.")] = None,
    fresh_baseline: Annotated[
        bool | None, typer.Option("--fresh-baseline", help="Run the base's tests even where they are known.")
    ] = None,
    allow_test_changes: Annotated[
        bool | None, typer.Option("--allow-test-changes", help="The edit may change tests, CI, coverage.")
    ] = None,
    apply: Annotated[ApplyMode | None, typer.Option(help="How the edit is published.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the patch, publish nothing.")] = False,
    fusion: Annotated[FusionPolicy | None, typer.Option(help="When candidates are argued.")] = None,
    mode: Annotated[FusionMode | None, typer.Option(help="How candidates are argued.")] = None,
    pool: Annotated[
        str | None, typer.Option(help="Models that write patches too, in the form of `agent fuse --pool`.")
    ] = None,
    judge: Annotated[str | None, typer.Option(help="Who judges; default: the run's own model.")] = None,
    approve: Annotated[ApprovalPolicy | None, typer.Option(help="When you are asked.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Never ask (the same as --approve never).")] = False,
    sandbox: Annotated[str | None, typer.Option(help="auto, bubblewrap, landlock or none.")] = None,
    allow_net: Annotated[
        list[str] | None, typer.Option(help="A host that the tests may reach; may be repeated.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens that the run may use.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="US dollars that the run may cost.")] = None,
    max_time: Annotated[float | None, typer.Option(help="Seconds that the run may take.")] = None,
    max_turns: Annotated[int | None, typer.Option(help="Turns with tool calls before the edit.")] = None,
    context_tokens: Annotated[int | None, typer.Option(help="Budget of the context.")] = None,
    rerank: Annotated[int | None, typer.Option(help="Best files that the model ranks once more.")] = None,
    resume: Annotated[str | None, typer.Option(help="Go on with an earlier run, by its id.")] = None,
    follow: Annotated[
        str | None, typer.Option(help="Go on from a finished run, by its id or `last`, with another task.")
    ] = None,
    output: Form = Output.TEXT,
) -> None:
    """Do a task: propose an edit, verify it in a sandbox, publish it as a commit."""
    from moot.agent.core.errors import UsageError
    from moot.agent.core.types import Task
    from moot.agent.frontend import refuse, run_task
    from moot.agent.record import read

    flags = {
        "model": model,
        "base_url": base_url,
        "profile": profile,
        "test": test,
        "test_timeout": test_timeout,
        "verify": verify,
        "lint": lint,
        "test_budget": test_budget,
        "fresh_baseline": fresh_baseline or None,
        "allow_test_changes": allow_test_changes or None,
        "apply": "none" if dry_run else apply,
        "fusion": fusion,
        "fusion_mode": mode,
        "fusion_pool": pool,
        "judge": judge,
        "approve": "never" if yes or dry_run else approve,
        "sandbox": sandbox,
        "allow_net": allow_net or None,
        "max_tokens": max_tokens,
        "max_cost": max_cost,
        "max_time": max_time,
        "max_turns": max_turns,
        "context_tokens": context_tokens,
        "rerank": rerank,
    }
    try:
        if resume is not None and follow is not None:
            raise UsageError("--resume goes on with a run and --follow begins one after it: give one of them")
        if resume is not None and task:
            raise UsageError(
                "--resume goes on with the run's own task: leave the task out, or use --follow for another"
            )
        settings = _settings(repo, **flags)
        if resume is not None:
            began = read(settings.data_dir, resume).settings_of_run()
            settings = _settings(repo, began, **flags)
    except MootError as exc:
        raise typer.Exit(refuse(exc, output.value)) from exc
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if task == "-" else task
    raise typer.Exit(run_task(settings, repo, Task(text, follow), resume, output.value))


@app.command()
def context(
    task: Annotated[str, typer.Argument(help="The task, in words.")],
    repo: Repo = Path(),
    base_url: BaseUrl = None,
    tokens: Annotated[int | None, typer.Option(help="Budget, in tokens.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the packed text itself.")] = False,
    output: Form = Output.TEXT,
) -> None:
    """Show what would be packed for a task, and why."""
    from moot.agent.frontend import show_context

    show_context(_settings(repo, base_url=base_url, context_tokens=tokens), repo, task, show, output.value)


@app.command()
def doctor(repo: Repo = Path(), base_url: BaseUrl = None, output: Form = Output.TEXT) -> None:
    """Try everything that a run needs, and say how to get what is missing."""
    from moot.agent.frontend import show_findings

    raise typer.Exit(show_findings(_settings(repo, base_url=base_url), repo, output.value))


def _settings(repo: Path, began: Mapping[str, Any] | None = None, /, **flags: Any) -> Settings:
    from moot.agent.core.config import load_settings

    return load_settings(top_of(repo), began, **flags)


def main() -> None:
    """Run the command line; an expected failure is one sentence on stderr and its exit code."""
    gc.set_threshold(150_000)  # as mypy does: imports make many objects and hardly any garbage
    _open_closed_streams()
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="backslashreplace")  # a file's name may hold bytes that are no text
    try:
        _flushed()
    except MootError as exc:
        print(f"error: {printable(str(exc), keep=LAYOUT)}", file=sys.stderr)
        sys.exit(exc.exit_code)
    except BrokenPipeError:  # who reads has enough
        _silence_output()
        sys.exit(1)
    except OSError as exc:
        _silence_output()
        place = f"{printable(str(exc.filename))}: " if exc.filename else ""
        print(f"error: {place}{exc.strerror or exc}", file=sys.stderr)
        sys.exit(1)


def _open_closed_streams() -> None:
    """Give `/dev/null` to standard streams that are closed, so that no file takes a place of theirs."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, mode, errors="backslashreplace"))


def _flushed() -> None:
    """Run the command; what it printed is written before it counts as done."""
    try:
        app()
    finally:
        sys.stdout.flush()
        gc.freeze()  # else the last collections visit all that langgraph brought, for a second or more


def _silence_output() -> None:
    """Drop what is left to print, so that the interpreter does not fail at it when it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
