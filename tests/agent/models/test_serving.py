"""The server's life, with a small real program in place of vLLM."""

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from moot.agent.connection import connect
from moot.agent.core.config import Settings
from moot.agent.core.errors import ServingError, UsageError
from moot.agent.models import daemon, serving
from moot.agent.models.phases import Phases
from moot.agent.models.profiles import Profile, choose
from moot.agent.models.progress import silent

SERVER = """
import http.server, json, os, subprocess, sys, time

port, model, delay, starts = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
with open(starts, "a") as file:
    file.write(f"{os.getpid()} {os.getcwd()}\\n")
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print("INFO Starting to load model x", flush=True)
time.sleep(delay)
if model == "dies":
    child.kill()
    print("RuntimeError: Engine core initialization failed. See root cause above.", flush=True)
    print("ValueError: the weights are upside down", flush=True)
    sys.exit(1)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"data": [{"id": model}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def settings(tmp_path: Path, free_port: int) -> Iterator[Settings]:
    settings = Settings(data_dir=tmp_path / "data", server_port=free_port)
    yield settings
    serving.down(settings, silent, grace=2)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def profile(settings: Settings) -> Profile:
    return replace(choose(settings, "qwen2.5-coder-0.5b-cpu"), memory=1 << 20)


@pytest.fixture
def starts(tmp_path: Path) -> Path:
    """File with one line for each process that was started."""
    return tmp_path / "starts"


@pytest.fixture
def prepare(tmp_path: Path, starts: Path) -> serving.Prepare:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    return launcher(script, starts)


def launcher(script: Path, starts: Path, delay: float = 1.0) -> serving.Prepare:
    def prepare(profile: Profile, settings: Settings, progress: object) -> serving.Launch:
        arguments = (str(settings.server_port), profile.model, str(delay), str(starts))
        return serving.Launch((sys.executable, str(script), *arguments), {})

    return prepare


def test_a_server_starts_answers_and_stops(
    settings: Settings, profile: Profile, prepare: serving.Prepare, starts: Path
):
    stages: list[str] = []
    server = serving.up(profile, settings, lambda stage, done, total: stages.append(stage), prepare)
    assert server.base_url == f"http://127.0.0.1:{settings.server_port}/v1"
    assert serving.running_server(settings.data_dir) == server
    found = serving.status(settings)
    assert found.answers
    assert found.memory > 1 << 20
    assert stages[0] == "starting the server"
    assert "loading weights" in stages
    assert stages[-1] == "ready"
    assert starts.read_text().split()[1] == str(settings.data_dir)
    members = server.members()
    assert len(members) == 2
    assert serving.down(settings, silent) == server
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in members)
    assert serving.running_server(settings.data_dir) is None
    assert serving.down(settings, silent) is None


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nothing", "no model profile is called 'nothing'"),
        ("codestral-2", "not codestral-2: leave the profile"),
    ],
)
def test_another_profile_than_the_local_server_s_is_refused(
    settings: Settings, profile: Profile, prepare: serving.Prepare, named: str, said: str
):
    serving.up(profile, settings, silent, prepare)
    with pytest.raises(UsageError, match=said):
        asyncio.run(connect(settings.model_copy(update={"profile": named})))


def test_the_state_is_its_owner_s_alone(settings: Settings, profile: Profile, prepare: serving.Prepare):
    serving.up(profile, settings, silent, prepare)
    assert (settings.data_dir / "server.json").stat().st_mode & 0o777 == 0o600
    assert (settings.data_dir / "logs" / "server.log").stat().st_mode & 0o777 == 0o600


def test_a_server_that_is_up_is_used_again(
    settings: Settings, profile: Profile, prepare: serving.Prepare, starts: Path
):
    first = serving.up(profile, settings, silent, prepare)
    assert serving.up(profile, settings, silent, prepare) == first
    assert len(starts.read_text().splitlines()) == 1


def test_two_starts_at_once_make_one_server(
    settings: Settings, profile: Profile, prepare: serving.Prepare, starts: Path
):
    servers: list[daemon.Server] = []
    threads = [
        threading.Thread(target=lambda: servers.append(serving.up(profile, settings, silent, prepare)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({server.pid for server in servers}) == 1
    assert len(servers) == 2
    assert len(starts.read_text().splitlines()) == 1


def test_another_profile_must_wait_for_down(settings: Settings, profile: Profile, prepare: serving.Prepare):
    serving.up(profile, settings, silent, prepare)
    other = replace(profile, name="another")
    with pytest.raises(ServingError, match=r"is up at .*`agent model down` before starting another"):
        serving.up(other, settings, silent, prepare)


def test_a_server_that_dies_while_starting_shows_why(
    settings: Settings, profile: Profile, prepare: serving.Prepare
):
    with pytest.raises(
        ServingError, match=r"stopped while starting: ValueError: the weights are upside down"
    ):
        serving.up(replace(profile, model="dies"), settings, silent, prepare)
    assert not (settings.data_dir / "server.json").exists()


def test_a_program_that_is_not_there_is_told(settings: Settings, profile: Profile):
    def absent(profile: Profile, settings: Settings, progress: object) -> serving.Launch:
        return serving.Launch(("/nowhere/python", "-m", "vllm"), {})

    with pytest.raises(ServingError, match=r"stopped while starting: .*/nowhere/python"):
        serving.up(profile, settings, silent, absent)


def test_a_port_in_use_is_named(settings: Settings, profile: Profile, prepare: serving.Prepare, starts: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.server_port))
        taken.listen()
        with pytest.raises(ServingError, match=rf"port {settings.server_port} is in use.*MOOT_SERVER_PORT"):
            serving.up(profile, settings, silent, prepare)
    assert not starts.exists()


def test_too_little_memory_is_told_with_figures(
    settings: Settings, profile: Profile, prepare: serving.Prepare, starts: Path
):
    with pytest.raises(ServingError, match=r"needs 1048576\.0 GiB of memory and \d+\.\d GiB are free"):
        serving.up(replace(profile, memory=1 << 50), settings, silent, prepare)
    assert not starts.exists()


def test_a_process_number_used_again_is_not_our_server(
    settings: Settings, profile: Profile, prepare: serving.Prepare
):
    # The state names this very test's process, as if the server's number had been given to it.
    server = serving.up(profile, settings, silent, prepare)
    reused = replace(server, pid=os.getpid(), started=server.started - 1000)
    daemon.save(reused, settings.data_dir)
    assert serving.running_server(settings.data_dir) is None
    assert serving.down(settings, silent) is None
    assert psutil.Process().is_running()
    daemon.save(server, settings.data_dir)


def test_a_start_that_was_killed_is_taken_over(
    settings: Settings, profile: Profile, prepare: serving.Prepare, starts: Path
):
    server = serving.up(profile, settings, silent, prepare)
    daemon.save(replace(server, ready=False), settings.data_dir)
    assert serving.running_server(settings.data_dir) is None
    assert serving.up(profile, settings, silent, prepare) == server
    assert len(starts.read_text().splitlines()) == 1


def test_an_interrupted_start_leaves_no_process(
    settings: Settings, profile: Profile, starts: Path, tmp_path: Path
):
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    loads_long = launcher(script, starts, delay=30)

    def interrupt(stage: str, done: int, total: int | None) -> None:
        if stage == "loading weights":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serving.up(profile, settings, interrupt, loads_long)
    wait_until(lambda: not alive(int(starts.read_text().split()[0])))
    assert not (settings.data_dir / "server.json").exists()


def test_what_a_dead_server_left_running_is_ended(
    settings: Settings, profile: Profile, prepare: serving.Prepare
):
    server = serving.up(profile, settings, silent, prepare)
    child = next(process for process in server.members() if process.pid != server.pid)
    psutil.Process(server.pid).kill()
    psutil.Process(server.pid).wait(5)
    assert serving.running_server(settings.data_dir) is None
    assert serving.up(profile, settings, silent, prepare).pid != server.pid
    wait_until(lambda: not alive(child.pid))


def test_a_server_is_known_by_its_start_whatever_the_clock_says(
    settings: Settings, profile: Profile, prepare: serving.Prepare, monkeypatch: pytest.MonkeyPatch
):
    server = serving.up(profile, settings, silent, prepare)
    with monkeypatch.context() as patched:
        patched.setattr(psutil.Process, "create_time", lambda self: 0.0)
        assert serving.running_server(settings.data_dir) == server
    daemon.save(replace(server, boot="another start of the machine"), settings.data_dir)
    assert serving.running_server(settings.data_dir) is None
    daemon.save(server, settings.data_dir)
    assert serving.down(settings, silent) == server


def test_a_server_that_does_not_answer_is_told(
    settings: Settings, profile: Profile, prepare: serving.Prepare
):
    server = serving.up(profile, settings, silent, prepare)
    daemon.save(replace(server, model="something else"), settings.data_dir)
    with pytest.raises(ServingError, match=r"does not answer: run `agent model down`"):
        serving.up(profile, settings, silent, prepare)


def test_logs_show_what_the_server_said(settings: Settings, profile: Profile, prepare: serving.Prepare):
    with pytest.raises(ServingError, match="no server was started yet"):
        list(serving.logs(settings))
    serving.up(profile, settings, silent, prepare)
    assert "INFO Starting to load model x" in list(serving.logs(settings))
    following = serving.logs(settings, follow=True)
    assert "Starting to load" in next(following)
    serving.down(settings, silent)
    assert all("Traceback" not in line for line in following)


def test_phases_are_read_from_a_log_as_it_grows(tmp_path: Path):
    log = tmp_path / "log"
    log.write_bytes(b"INFO Resolved architecture: Qwen2\nINFO Starting to lo")
    seen: list[tuple[str, int, int | None]] = []
    phases = Phases(log, lambda *report: seen.append(report))
    phases.look()
    assert seen == [("reading the configuration", 1, 7)]
    with log.open("ab") as file:
        file.write(b"ad model\nLoading safetensors checkpoint shards:  50% Completed | 1/2\rx")
    phases.look()
    assert seen[1:] == [("loading weights", 3, 7), ("loading weights", 50, 100)]


def alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
