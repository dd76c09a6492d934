"""`agent complete` on the command line: where the cursor is, in; the text that fits there, out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moot.agent.options import Form, Output, top_of
from moot.agent.terminal import LAYOUT, printable

if TYPE_CHECKING:
    from moot.agent.complete import Completed

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("complete")(_complete)


def _complete(
    place: Annotated[
        str,
        typer.Argument(
            metavar="FILE:LINE:COL",
            help="Where the cursor is: LINE and COL count from 1, COL in characters, and the cursor is "
            "before that character. `-` reads an object with prefix and suffix, and path or language "
            "where they are known, as JSON from stdin.",
        ),
    ],
    repo: Annotated[
        Path, typer.Option("--repo", help="A folder inside the repository; a relative FILE starts there.")
    ] = Path(),
    model: Annotated[str | None, typer.Option(help="Model name; default: what the server serves.")] = None,
    base_url: Annotated[
        str | None, typer.Option(help="OpenAI-compatible server; default: the local one.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Model profile (see `agent model list`).")] = None,
    fim: Annotated[
        str | None, typer.Option(help="qwen, codestral, starcoder or deepseek; default: the model's own.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Tokens of one completion.")] = 128,
    context_tokens: Annotated[int | None, typer.Option(help="Tokens of the prompt, about.")] = None,
    context: Annotated[
        bool, typer.Option("--context/--no-context", help="Show the model what other files define.")
    ] = True,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=16, help="Completions.")] = 1,
    output: Output = Form.TEXT,
) -> None:
    """Fill in the middle: print the text that fits at the cursor; exits with 1 when none does.

    As text it is the first completion and nothing else; JSON has all of them.
    """
    import asyncio

    from moot.agent.complete import Wanted, complete, hole_at, hole_in
    from moot.agent.core.config import load_settings

    flags = {"model": model, "base_url": base_url, "profile": profile, "fim": fim}
    settings = load_settings(top_of(repo), **flags, context_tokens=context_tokens)
    hole, path = hole_in(sys.stdin.buffer.read()) if place == "-" else hole_at(place, repo)
    wanted = Wanted(hole, path, repo, max_tokens, count, context)
    done = asyncio.run(complete(settings, wanted))
    if output is Form.JSON:
        print(json.dumps(_json(done)))
    elif done.filled.completions:
        text = done.filled.completions[0].text  # a program that reads it gets it as it is
        shown = printable(text, keep=LAYOUT) if sys.stdout.isatty() else text
        sys.stdout.buffer.write(shown.encode("utf-8", "replace"))
    if not done.filled.completions:
        print("nothing that the model wrote fits there", file=sys.stderr)
        raise typer.Exit(1)


def _json(done: Completed) -> dict[str, object]:
    filled, usage = done.filled, done.usage
    prefix, suffix = filled.shown
    return {
        "completions": [{"text": each.text, "stop": each.stop} for each in filled.completions],
        "model": done.model,
        "form": done.form,
        "tokens": {"prompt": usage.prompt, "cached": usage.cached, "completion": usage.completion},
        "milliseconds": {
            "context": round(filled.context_seconds * 1000),
            "model": round(filled.model_seconds * 1000),
            "total": round(done.seconds * 1000),
        },
        "context": {
            "prefix_characters": len(prefix),
            "suffix_characters": len(suffix),
            "files": [{"path": path, "text": text} for path, text in filled.files],
            "note": done.note,
        },
    }
