"""What is found out about a server before anything depends on it."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moot.agent.core.errors import ModelAnswerError, ModelUnreachable, MootError, UsageError
from moot.agent.core.messages import ModelInfo
from moot.agent.models.client import ClientOptions, OpenAIClient
from moot.agent.models.failures import Transient
from moot.agent.models.preflight import DEFAULT_CONTEXT, Known
from tests.scripted import PROBE_TOKENS, Fault, Reply, Request, ScriptedServer

FAST = ClientOptions(first_wait=0.01, read_timeout=5)


def info(base_url: str, known: Known | None = None, **options: Any) -> ModelInfo:
    async def main() -> ModelInfo:
        chosen = ClientOptions(first_wait=0.01, read_timeout=5, **options)
        client = await OpenAIClient.connect(base_url, chosen, known=known)
        await client.close()
        return client.info

    return asyncio.run(main())


def test_everything_is_found() -> None:
    with ScriptedServer(models=["m"], context=8192) as server:
        assert info(server.base_url) == ModelInfo("m", 8192, True, True, True, True, continues=True)
    probes = [request for request in server.requests if "max_tokens" in request.body]
    assert 0 < len(probes) <= 4
    assert all(probe.body["max_tokens"] <= PROBE_TOKENS for probe in probes)


@pytest.mark.parametrize(
    ("lacking", "field"),
    [
        ("structured_output", "structured_output"),
        ("tools", "tools"),
        ("completions", "fim"),
        ("tokenize", "tokenize"),
    ],
)
def test_what_a_server_lacks_is_no_error(lacking: str, field: str) -> None:
    with ScriptedServer(**{lacking: False}) as server:
        found = info(server.base_url)
    names = ("structured_output", "tools", "fim", "tokenize")
    assert [name for name in names if not getattr(found, name)] == [field]


def failing(fault: Fault, field: str = "max_tokens", times: int = 99) -> Callable[[Request], Reply | Fault]:
    """Answer each kind of probe that has a field with a fault, so often."""
    asked = Counter[tuple[str, ...]]()

    def answer(request: Request) -> Reply | Fault:
        kind = (request.path, *request.body)
        asked[kind] += 1
        return fault if field in request.body and asked[kind] <= times else Reply('{"ok": true}')

    return answer


@pytest.mark.parametrize(
    "fault", [Fault.status(429), Fault.status(503), Fault.status(500), Fault.refuse(), Fault.drop()]
)
def test_a_failure_that_passes_takes_no_capability_away(fault: Fault) -> None:
    with ScriptedServer(failing(fault, times=2), probes=False) as server:
        found = info(server.base_url)
    assert (found.structured_output, found.tools, found.fim) == (True, True, True)


@pytest.mark.parametrize("fault", [Fault.status(429), Fault.status(503), Fault.refuse()])
def test_a_probe_that_never_gets_an_answer_ends_the_run(fault: Fault) -> None:
    with (
        ScriptedServer(failing(fault, "tools"), probes=False) as server,
        pytest.raises(ModelUnreachable, match=r"has too many requests|keeps"),
    ):
        info(server.base_url)


@pytest.mark.parametrize("fault", [Fault.status(500), Fault.status(501), Fault.status(400)])
def test_what_is_refused_each_time_is_lacking(fault: Fault) -> None:
    with ScriptedServer(failing(fault, "tools"), probes=False) as server:
        found = info(server.base_url)
    assert (found.structured_output, found.tools, found.fim) == (True, False, True)


def test_a_server_that_does_not_say_its_context() -> None:
    with ScriptedServer(context=None) as server:
        assert info(server.base_url).context == DEFAULT_CONTEXT


def test_a_server_is_probed_once() -> None:
    known: Known = {}
    with ScriptedServer() as server:
        first = info(server.base_url, known)
        asked = len(server.requests)
        assert info(server.base_url, known) == first
        assert [request.path for request in server.requests[asked:]] == ["/v1/models"]


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_the_path_may_be_left_out(path: str) -> None:
    with ScriptedServer() as server:
        assert info(server.root_url + path).tokenize


def test_several_models() -> None:
    with ScriptedServer(models=["a", "b"]) as server:
        assert info(server.base_url, model="b").id == "b"
        with pytest.raises(UsageError, match=r"name one with --model .*, of a, b"):
            info(server.base_url)
        with pytest.raises(UsageError, match=r"does not serve c: name one with --model .*, of a, b"):
            info(server.base_url, model="c")


def test_no_models() -> None:
    with ScriptedServer(models=[]) as server, pytest.raises(UsageError, match="serves no model"):
        info(server.base_url)


def test_a_wrong_key() -> None:
    with ScriptedServer(api_key="right") as server:
        with pytest.raises(ModelAnswerError, match="MOOT_API_KEY") as caught:
            info(server.base_url, api_key="wrong")
        assert info(server.base_url, api_key="right").tools
    assert "wrong" not in str(caught.value)


def test_a_wrong_path() -> None:
    with ScriptedServer() as server, pytest.raises(ModelAnswerError, match="often ends in /v1"):
        info(server.root_url + "/api")


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(ModelUnreachable) as caught:
        info(f"http://user:pass@127.0.0.1:{port}")
    assert str(caught.value) == (
        f"no model server at http://127.0.0.1:{port}/v1 (Connection refused): "
        "start one with `agent model up` or pass --base-url"
    )


async def found_behind(answer: bytes, secure: ssl.SSLContext | None) -> tuple[int, Exception]:
    """Connect over TLS to a server that gives one answer: how many connections it saw, and the error."""
    seen = 0

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        await reader.read(4096)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", 0, ssl=secure) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(MootError) as caught:
            await OpenAIClient.connect(f"https://127.0.0.1:{port}", FAST)
    return seen, caught.value


def test_a_server_without_tls_is_tried_once() -> None:
    seen, error = asyncio.run(found_behind(b"HTTP/1.1 400 Bad Request\r\n\r\n", None))
    assert seen == 1
    assert isinstance(error, ModelUnreachable)
    assert "no secure connection" in str(error)
    assert "or write http://" in str(error)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_a_certificate_that_nobody_vouches_for_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")]
    made = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=moot", "-days", "2"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", both[0], "-out", both[1]]
    subprocess.run(made, check=True, capture_output=True)
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(both[1], both[0])
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"data": []}'
    _, error = asyncio.run(found_behind(answer, secure))
    assert "self-signed certificate" in str(error)
    assert "SSL_CERT_FILE" in str(error)
    assert not isinstance(error, Transient)
    monkeypatch.setenv("SSL_CERT_FILE", both[1])
    _, error = asyncio.run(found_behind(answer, secure))
    assert "serves no model" in str(error)


def test_certificates_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent"))
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        info("https://127.0.0.1:9")


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost:8000", "file:///etc/passwd", "http://", "http://a:b", "ftp://x/"),
        *("user:secret@host:8000", "ftp://user:secret@host", "http://user:secret:secret@host:x/v1"),
    ],
)
def test_a_bad_url(url: str) -> None:
    with pytest.raises(UsageError, match="bad base URL") as caught:
        info(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("rest", ["?key=secret", "#secret", "/v1?key=secret"])
def test_what_follows_the_path_is_refused_and_not_shown(rest: str) -> None:
    with pytest.raises(UsageError, match=r"http://127\.0\.0\.1:9.* MOOT_API_KEY") as caught:
        info(f"http://user:secret@127.0.0.1:9{rest}")
    assert "secret" not in str(caught.value)
