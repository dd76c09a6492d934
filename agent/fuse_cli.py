"""`agent fuse` on the command line: a prompt, in; one answer of several models, out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moot.agent.core.choices import FusionMode
from moot.agent.options import Form, Output
from moot.agent.terminal import LAYOUT, printable

if TYPE_CHECKING:
    from moot.agent.core.config import Settings
    from moot.agent.fuse import Wanted
    from moot.agent.fusion.request import FusionOutcome

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("fuse")(_fuse)


def _fuse(
    prompt: Annotated[str, typer.Argument(help="The prompt; `-` reads it from stdin.")],
    pool: Annotated[
        str | None,
        typer.Option(
            help="Who is asked, the first one first: a comma list of MODEL, MODEL@URL or names of [[pool]] "
            "tables in your settings, each with xN for N samples, or `all` tables; default: local x3."
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(help="Who judges: a name, MODEL or MODEL@URL; default: the first of the pool."),
    ] = None,
    mode: Annotated[FusionMode, typer.Option(help="How the answers become one.")] = FusionMode.BEST_OF,
    samples: Annotated[
        int | None, typer.Option("-n", "--samples", min=1, max=16, help="Answers of each that has no xN.")
    ] = None,
    rubric: Annotated[
        Path | None, typer.Option(help="A file that says in words what a good answer is.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="A system prompt for the pool.")] = None,
    answer_tokens: Annotated[int, typer.Option(min=1, help="Tokens of one answer at most.")] = 2048,
    max_time: Annotated[float | None, typer.Option(help="Seconds that it may take.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens that it may use in all.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="US dollars that it may cost.")] = None,
    model: Annotated[str | None, typer.Option(help="The local member's model.")] = None,
    base_url: Annotated[str | None, typer.Option(help="The local member's server.")] = None,
    output: Output = Form.TEXT,
) -> None:
    """Ask several models, or one several times, and make one answer of theirs.

    Standard output holds the answer and nothing else; JSON has everything that led to it.
    """
    from moot.agent.core.config import load_settings
    from moot.agent.fuse import Wanted

    limits = {"max_time": max_time, "max_tokens": max_tokens, "max_cost": max_cost}
    settings = load_settings(None, model=model, base_url=base_url, judge=judge, rubric=rubric, **limits)
    wanted = Wanted(
        prompt=_text(sys.stdin.buffer.read()) if prompt == "-" else prompt,
        system=system,
        pool=pool,
        samples=samples,
        mode=mode.value,
        answer_tokens=answer_tokens,
    )
    _show(_run(settings, wanted), output)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _run(settings: Settings, wanted: Wanted) -> FusionOutcome:
    import asyncio
    import logging

    from moot.agent.core.errors import Interrupted
    from moot.agent.fuse import fuse

    logging.getLogger("stamina").setLevel(logging.ERROR)  # a failure that lasts is told as a reason
    try:
        return asyncio.run(fuse(settings, wanted, _say))
    except KeyboardInterrupt as exc:
        raise Interrupted("stopped: nothing was answered") from exc


def _show(outcome: FusionOutcome, output: Form) -> None:
    from moot.agent.fuse_report import as_json, summary

    if output is Form.JSON:
        print(json.dumps(as_json(outcome)))
        return
    for line in summary(outcome):
        _say(line)
    text = f"{printable(outcome.answer.text, keep=LAYOUT)}\n"
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))


def _say(text: str) -> None:
    line = f"{printable(text)}\n"
    sys.stderr.buffer.write(line.encode("utf-8", "replace"))
    sys.stderr.buffer.flush()
