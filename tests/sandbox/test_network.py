"""What a command may reach: nothing, or the listed hosts through the proxy. None of this may be skipped."""

import asyncio
import http.server
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from moot.agent.core.commands import Command, CommandResult
from moot.agent.core.config import load_settings
from moot.agent.core.errors import SandboxUnavailable, UsageError
from moot.sandbox.bubblewrap import Bubblewrap, find_bwrap
from moot.sandbox.network import AllowNet
from moot.sandbox.proxy import Proxy
from moot.sandbox.rules import Rules, is_public
from moot.sandbox.unconfined import Unconfined


class Origin(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked, so that a test sees what arrived."""

    protocol_version = "HTTP/1.1"
    requests: list[str]

    def answer(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        text = f"{self.command} {self.path} {self.headers['Host']} {body.decode()}\n".encode()
        type(self).requests.append(text.decode().strip())
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[http.server.ThreadingHTTPServer]:
    handler = type("Handler", (Origin,), {"requests": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def port(origin) -> int:
    return origin.server_address[1]


NAMES = {
    "good.test": "127.0.0.1",
    "a.good.test": "127.0.0.1",
    "evil.test": "127.0.0.1",
    "inside.test": "10.1.2.3",
    "metadata.test": "169.254.169.254",
    "mapped.test": "::ffff:127.0.0.1",
}


async def names(host: str, port: int):
    if host not in NAMES:
        raise OSError("no such name")
    return [ipaddress.ip_address(NAMES[host])]


@pytest.fixture
def sandbox() -> Bubblewrap:
    binary = find_bwrap()
    assert binary is not None
    return Bubblewrap(binary, resolver=names)


@pytest.fixture
def run(sandbox, tmp_path):
    work = tmp_path / "work"
    work.mkdir()

    def start(script: str, *allow: str, timeout: float = 30) -> CommandResult:
        argv = ("sh", "-c", script)
        return asyncio.run(sandbox.run(Command(argv, work, timeout=timeout, allow_net=allow)))

    return start


FETCH = """
import sys, urllib.request, urllib.error
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode().strip())
except urllib.error.HTTPError as exc:
    print(exc.code, exc.read().decode().strip())
"""


def fetch(url: str) -> str:
    return f"python3 -c '{FETCH}' {url}"


def test_a_listed_host_is_reached(run, origin, port):
    result = run(fetch(f"http://good.test:{port}/x?y"), f"good.test:{port}", f"127.0.0.1:{port}")
    assert result.stdout == f"GET /x?y good.test:{port}\n", result.stderr
    assert result.refused == ()


TUNNEL = """
import http.client, os, sys
connection = http.client.HTTPConnection(os.environ["HTTPS_PROXY"].removeprefix("http://"), timeout=5)
connection.set_tunnel(sys.argv[1], int(sys.argv[2]))
try:
    connection.request("GET", "/tunnelled")
    print(connection.getresponse().read().decode().strip())
except OSError as exc:
    print(exc)
"""


def test_a_tunnel(run, port):
    script = f"python3 -c '{TUNNEL}' good.test {port}; python3 -c '{TUNNEL}' evil.test {port}"
    result = run(script, f"good.test:{port}", f"127.0.0.1:{port}")
    assert (
        result.stdout == f"GET /tunnelled good.test:{port}\nTunnel connection failed: 403 Blocked by moot\n"
    )


def test_other_hosts_are_refused_and_said_once(run, origin, port):
    result = run(f"{fetch(f'http://evil.test:{port}/')}; {fetch(f'http://evil.test:{port}/')}", "good.test")
    assert result.stdout.count("403 moot: ") == 2
    host = f"evil.test:{port}"
    assert result.refused == (
        f"{host} was refused, as it is not on the list: --allow-net {host} would allow it",
    )
    assert origin.RequestHandlerClass.requests == []


@pytest.mark.parametrize("host", ["inside.test", "metadata.test", "mapped.test"])
def test_a_listed_name_does_not_lead_to_private_addresses(run, host, port):
    result = run(fetch(f"http://{host}:{port}/"), f"{host}:{port}")
    assert result.stdout.startswith("403 moot: ")
    assert "no public address" in result.refused[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "127.1", "localhost"])
def test_addresses_are_no_way_around_names(run, origin, host, port):
    result = run(f"no_proxy= NO_PROXY= {fetch(f'http://{host}:{port}/')}", f"*.test:{port}")
    assert result.stdout.startswith("403 moot: ")
    assert len(result.refused) == 1
    assert origin.RequestHandlerClass.requests == []


RAW = """
import socket
for kind, where in (("STREAM", ("127.0.0.1", {port})), ("STREAM", ("192.0.2.1", 443)),
                    ("DGRAM", ("192.0.2.1", 53))):
    with socket.socket(socket.AF_INET, getattr(socket, "SOCK_" + kind)) as s:
        s.settimeout(2)
        try:
            s.connect(where)
            s.send(b"out")
            print("reached", where)
        except OSError:
            pass
try:
    print("resolved", socket.getaddrinfo("good.test", 443))
except OSError:
    pass
"""


def test_nothing_but_the_proxy_leads_out(run, port):
    result = run(f"python3 -c '{RAW.format(port=port)}'; ls /sys/class/net", f"good.test:{port}")
    assert "reached" not in result.stdout
    assert "resolved" not in result.stdout
    interfaces = run("tail -n +3 /proc/net/dev | cut -d: -f1", "good.test").stdout.split()
    assert interfaces == ["lo"]


def test_without_a_list_nothing_is_there(run):
    result = run('env | grep -i _proxy; ls /run/moot; test "$GOPROXY" = off && echo offline')
    assert result.stdout == "offline\n"


def test_the_command_is_what_it_was(run):
    assert run("exit 7", "good.test").exit_code == 7
    assert run("nonesuch", "good.test").exit_code == 127
    assert run("kill -9 $$", "good.test").exit_code == 137
    assert run("python3 -c 'import os; os.wait()'", "good.test").stderr.strip().endswith("No child processes")
    assert run("sleep 60", "good.test", timeout=1).timed_out


def test_nothing_stays_behind(run, sandbox):
    before = threading.active_count(), set(Path("/tmp").glob("moot-net-*"))
    run("true", "good.test")
    assert (threading.active_count(), set(Path("/tmp").glob("moot-net-*"))) == before


# --- the proxy by itself --------------------------------------------------------------------


@dataclass
class Talk:
    """Speaks raw bytes to a proxy."""

    path: Path

    def __call__(self, data: bytes, wait: float = 5) -> bytes:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(wait)
            s.connect(str(self.path))
            answer = b""
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while chunk := s.recv(65_536):
                    answer += chunk
            except (BrokenPipeError, ConnectionResetError):
                pass
            return answer


@contextmanager
def proxy(*allow: str) -> Iterator[Talk]:
    ready, done = threading.Event(), threading.Event()
    paths: list[Path] = []

    async def serve() -> None:
        async with Proxy(Rules.parse(allow), names).listen() as path:
            paths.append(path)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield Talk(paths[0])
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\nHost: good.test\r\n\r\n",
        b"GET ftp://good.test/ HTTP/1.1\r\nHost: good.test\r\n\r\n",
        b"GET http:///x HTTP/1.1\r\nHost: good.test\r\n\r\n",
        b"GET http://user@good.test/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT good.test:99999 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT good.test\x00.evil.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://good.test/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"\r\n" * 20_000,
    ],
)
def test_hostile_requests_are_refused(data):
    with proxy("good.test", "127.0.0.1") as talk:
        answer = talk(data)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 ", b"HTTP/1.1 431 ")), answer


def test_a_head_is_bounded_in_size():
    with proxy("good.test") as talk:
        assert talk(b"GET http://good.test/" + b"x" * 100_000).startswith(b"HTTP/1.1 4")
        assert talk(b"GET http://good.test/ HTTP/1.1\r\n" + b"A: b\r\n" * 50_000).startswith(b"HTTP/1.1 4")


def test_a_head_is_bounded_in_time(monkeypatch):
    monkeypatch.setattr("moot.sandbox.proxy._HEAD_SECONDS", 0.3)
    with proxy("good.test") as talk, socket.socket(socket.AF_UNIX) as s:
        s.connect(str(talk.path))
        s.settimeout(10)
        s.sendall(b"GET http://good.test/ HTTP/1.1\r\n")
        started = time.monotonic()
        assert s.recv(1_000).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - started < 8


def test_a_second_request_goes_nowhere(origin, port):
    first = f"POST http://good.test:{port}/one HTTP/1.1\r\nHost: evil.test\r\nContent-Length: 2\r\n\r\nhi"
    second = f"GET http://evil.test:{port}/two HTTP/1.1\r\nHost: evil.test\r\n\r\n"
    with proxy(f"good.test:{port}", f"127.0.0.1:{port}") as talk:
        answer = talk((first + second + "GET /three HTTP/1.1\r\nHost: evil.test\r\n\r\n").encode())
    assert origin.RequestHandlerClass.requests == [f"POST /one good.test:{port} hi"]
    assert answer.endswith(f"POST /one good.test:{port} hi\n".encode())


def test_connections_are_bounded(monkeypatch):
    monkeypatch.setattr("moot.sandbox.proxy._CONNECTIONS", 2)
    with proxy("good.test") as talk:
        held = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for s in held:
            s.connect(str(talk.path))
            s.sendall(b"GET ")
        deadline = time.monotonic() + 5
        while talk(b"GET http://evil.test/ HTTP/1.1\r\nHost: x\r\n\r\n"):
            assert time.monotonic() < deadline
        for s in held:
            s.close()
        while not talk(b"GET http://evil.test/ HTTP/1.1\r\nHost: x\r\n\r\n"):
            assert time.monotonic() < deadline


# --- the list -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "name", "port", "allowed"),
    [
        ("pypi.org", "pypi.org", 443, True),
        ("PyPI.org", "pypi.org", 80, True),
        ("pypi.org", "pypi.org", 8080, False),
        ("pypi.org:8080", "pypi.org", 8080, True),
        ("pypi.org:8080", "pypi.org", 443, False),
        ("pypi.org", "evil-pypi.org", 443, False),
        ("pypi.org", "pypi.org.evil.test", 443, False),
        ("*.npmjs.org", "registry.npmjs.org", 443, True),
        ("*.npmjs.org", "a.b.npmjs.org", 443, True),
        ("*.npmjs.org", "npmjs.org", 443, False),
        ("*.npmjs.org", "evilnpmjs.org", 443, False),
    ],
)
def test_rules(rule, name, port, allowed):
    assert Rules.parse([rule]).allow_name(name, port) is allowed


@pytest.mark.parametrize(
    "text",
    ["*", "https://pypi.org", "pypi.org/simple", "a b", "", "pypi.org:0", "pypi.org:x", "1.2.3", "*.*"],
)
def test_what_is_no_host(text):
    with pytest.raises(UsageError, match=r"host|port"):
        Rules.parse([text])


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "192.168.0.1", "224.0.0.1", "0.0.0.0", "::1",
     "fe80::1", "fd00::1", "::ffff:10.0.0.1", "2002:a00:1::", "64:ff9b::a00:1", "ff02::1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


def test_public_addresses():
    assert is_public(ipaddress.ip_address("1.1.1.1"))
    assert is_public(ipaddress.ip_address("2606:4700::1111"))


# --- other sandboxes ------------------------------------------------------------------------


def test_said_once_a_run(sandbox, tmp_path):
    said: list[str] = []
    wrapped = AllowNet(sandbox, ("good.test",), said.append)
    for _ in range(2):
        asyncio.run(wrapped.run(Command(("sh", "-c", fetch("http://evil.test/")), tmp_path)))
    assert len(said) == 1
    assert wrapped.name == "bubblewrap"


def test_only_bubblewrap_can_filter(tmp_path):
    with pytest.raises(UsageError, match="--sandbox none"):
        AllowNet(Unconfined(), ("good.test",), print)

    class Other(Unconfined):
        name = "landlock"

    with pytest.raises(SandboxUnavailable, match="needs bubblewrap"):
        AllowNet(Other(), ("good.test",), print)


# --- the setting ----------------------------------------------------------------------------


def test_flags_and_the_environment_may_set_it(monkeypatch):
    assert load_settings(allow_net=["pypi.org", "a.test,b.test"]).allow_net == (
        "pypi.org",
        "a.test",
        "b.test",
    )
    monkeypatch.setenv("MOOT_ALLOW_NET", "pypi.org files.pythonhosted.org")
    assert load_settings().allow_net == ("pypi.org", "files.pythonhosted.org")


def test_a_repository_may_not_set_it(tmp_path):
    (tmp_path / "moot.toml").write_text('allow_net = ["evil.test"]\n')
    with pytest.raises(UsageError, match="allow_net"):
        load_settings(tmp_path)
