"""`agent model`: the local model server on the command line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Generator

    from moot.agent.core.config import Settings
    from moot.agent.models.progress import Progress

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="The local model server.")

Name = Annotated[str | None, typer.Argument(help="A profile; default: the best one for this machine.")]
Port = Annotated[int | None, typer.Option("--port", help="Loopback port of the server.")]


@app.command("list")
def list_profiles() -> None:
    """Show the profiles, and which one is this machine's default."""
    from moot.agent.models.memory import GIB
    from moot.agent.models.profiles import choose, profiles
    from moot.agent.models.weights import is_pulled

    settings = _settings()
    default = choose(settings).name
    for profile in profiles(settings):
        marks = ["default"] if profile.name == default else []
        marks += ["pulled"] if is_pulled(profile, settings) else []
        need = f"{profile.memory / GIB:.1f} GiB {'of GPU memory' if profile.device == 'gpu' else 'of memory'}"
        typer.echo(f"{profile.name:<24} {need:<24} {profile.description}{_bracketed(marks)}")


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="A profile; see `agent model list`.")],
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the downloaded file beside the converted one.")
    ] = False,
) -> None:
    """Get a profile's weights ready: downloaded, checked and converted."""
    from moot.agent.models.environment import ensure, pins
    from moot.agent.models.profiles import choose
    from moot.agent.models.weights import Tools, is_pulled, model_folder, verify
    from moot.agent.models.weights import pull as pull_weights

    settings = _settings()
    profile = choose(settings, name)
    with _progress() as progress:
        folder = is_pulled(profile, settings)
        if folder is None:
            python = ensure(settings.data_dir, progress, pins(profile.device))
            folder = pull_weights(profile, settings, progress, Tools(python, keep_gguf=keep))
        elif folder == model_folder(profile, settings.data_dir):
            verify(profile, settings.data_dir, progress)
    typer.echo(str(folder))


@app.command()
def up(name: Name = None, port: Port = None) -> None:
    """Start the server of a profile, or find it running; install and download what is missing."""
    from moot.agent.models import serving
    from moot.agent.models.profiles import choose

    settings = _settings(server_port=port)
    server = serving.running_server(settings.data_dir) if name is None and settings.profile is None else None
    profile = choose(settings, name or (server.profile if server else None))
    with _progress() as progress:
        server = serving.up(profile, settings, progress)
    typer.echo(f"{server.profile} is up at {server.base_url}")


@app.command()
def down() -> None:
    """Stop the server."""
    from moot.agent.models import serving

    with _progress() as progress:
        server = serving.down(_settings(), progress)
    typer.echo("no server was up" if server is None else f"{server.profile} was stopped")


@app.command()
def status() -> None:
    """Show whether a server is up; exits with 1 when none is ready."""
    from moot.agent.models import serving
    from moot.agent.models.memory import GIB

    found = serving.status(_settings())
    if found.server is None:
        typer.echo("no server is up: run `agent model up`")
        raise typer.Exit(1)
    server = found.server
    state = "ready" if found.answers and server.ready else "does not answer" if server.ready else "starting"
    typer.echo(f"{server.profile}: {state}")
    typer.echo(f"address  {server.base_url}\nmodel    {server.model}\nprocess  {server.pid}")
    typer.echo(f"memory   {found.memory / GIB:.1f} GiB\nlog      {server.log}")
    raise typer.Exit(0 if found.answers and server.ready else 1)


@app.command()
def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on while the server runs.")] = False,
) -> None:
    """Show the server's log."""
    from moot.agent.models import serving

    for line in serving.logs(_settings(), follow):
        typer.echo(line)


def _settings(**flags: object) -> Settings:
    from moot.agent.core.config import load_settings

    return load_settings(None, **flags)


def _bracketed(marks: list[str]) -> str:
    return f" ({', '.join(marks)})" if marks else ""


@contextmanager
def _progress() -> Generator[Progress]:
    """Give a callback that draws on standard error."""
    from moot.agent.models.bars import bars

    with bars() as progress:
        yield progress
