"""A filtering HTTP proxy on a unix socket: names on a list pass, everything else is refused and noted.

Names are resolved here and the checked address is what is dialled, so a name cannot change its mind.
TLS is passed through unread. Why no library: mitmproxy is built to intercept TLS and brings 40
distributions; proxy.py cannot resolve a name once and check every answer before it dials, and runs
threads or processes of its own beside our event loop. The HTTP itself is h11's, whose strict framing
leaves no room for a second request behind the first.
"""

import asyncio
import socket
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import h11

from moot.agent.core.errors import UsageError
from moot.sandbox.rules import Address, Rules, address_of, is_public, split_port

__all__ = ["Proxy", "Resolve", "resolve"]

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

_HEAD_BYTES = 32_768
_HEAD_SECONDS = 10.0
_DIAL_SECONDS = 10.0
_CONNECTIONS = 128
_NOTED = 50
"""Refused hosts that are remembered: hostile code could name hosts for ever."""
_CHUNK = 65_536
_LINGER_BYTES, _LINGER_SECONDS = 1_000_000, 1.0
_HOP_BY_HOP = frozenset(
    {b"connection", b"host", b"keep-alive", b"proxy-authorization", b"proxy-connection", b"te", b"upgrade"}
)


async def resolve(host: str, port: int) -> Sequence[Address]:
    """Return the addresses of a name, as the system's resolver orders them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = (address_of(str(entry[4][0]).partition("%")[0]) for entry in found)
    return [address for address in dict.fromkeys(addresses) if address is not None]


class _Denied(Exception):
    """The request is answered with a status and a sentence, and nothing is dialled."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(slots=True)
class Proxy:
    """One proxy for one command.

    Attributes:
        rules: what passes.
        resolve: turns a name into addresses.
        refused: a sentence for each host that was refused, in order.
    """

    rules: Rules
    resolve: Resolve = resolve
    refused: dict[str, str] = field(default_factory=dict[str, str])
    _open: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @asynccontextmanager
    async def listen(self) -> AsyncGenerator[Path]:
        """Serve on a socket of our own until the block ends; yields its path."""
        with tempfile.TemporaryDirectory(prefix="moot-net-") as folder:
            path = Path(folder) / "proxy.sock"
            server = await asyncio.start_unix_server(self._accept, path, limit=_CHUNK)
            path.chmod(0o666)  # its folder is ours alone; the sandbox's user reaches it through a mount
            try:
                yield path
            finally:
                server.close()
                for task in self._open:
                    task.cancel()
                await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._open) < _CONNECTIONS:
                self._open.add(task)
                with suppress(OSError, h11.ProtocolError):
                    await self._serve(reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_BYTES)
        try:
            request = await _read_request(client, reader)
            host, port, path = _target(request)
            upstream = await self._dial(host, port)
        except _Denied as exc:
            await _deny(reader, writer, exc)
            return
        try:
            if request.method == b"CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                upstream[1].write(client.trailing_data[0])
                await _both(_pump(reader, upstream[1]), _pump(upstream[0], writer))
            else:
                head = _rewritten(request, host, port, path)
                await _both(_send(client, reader, head, upstream[1]), _pump(upstream[0], writer))
        finally:
            upstream[1].close()

    async def _dial(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first address that answers, if every address of the name is allowed."""
        for address in await self._addresses(host, port):
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_DIAL_SECONDS):
                    return await asyncio.open_connection(str(address), port, limit=_CHUNK)
        raise _Denied(502, f"{host}:{port} does not answer")

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        literal = address_of(host)
        if literal is not None:
            if not self.rules.allow_address(literal, port):
                raise self._refusal(host, port, "addresses are refused unless they are listed")
            return [literal]
        if not self.rules.allow_name(host, port):
            raise self._refusal(host, port, "it is not on the list")
        try:
            async with asyncio.timeout(_DIAL_SECONDS):
                found = await self.resolve(host, port)
        except (OSError, UnicodeError, TimeoutError) as exc:
            raise _Denied(502, f"{host} cannot be resolved") from exc
        for address in found:
            if not is_public(address) and not self.rules.allow_address(address, port):
                raise self._refusal(host, port, f"it is at {address}, which is no public address", address)
        return found

    def _refusal(self, host: str, port: int, why: str, address: Address | None = None) -> _Denied:
        """Note a refusal, and say what would allow it."""
        wanted = str(address or host)
        wanted = f"[{wanted}]" if ":" in wanted and port not in (80, 443) else wanted
        wanted += "" if port in (80, 443) else f":{port}"
        text = f"{host}:{port} was refused, as {why}: --allow-net {wanted} would allow it"
        if len(self.refused) < _NOTED:
            self.refused.setdefault(f"{host}:{port}", text)
        return _Denied(403, text)


async def _read_request(client: h11.Connection, reader: asyncio.StreamReader) -> h11.Request:
    try:
        async with asyncio.timeout(_HEAD_SECONDS):
            while (event := client.next_event()) is h11.NEED_DATA:
                client.receive_data(await reader.read(_CHUNK))
    except TimeoutError as exc:
        raise _Denied(408, "the request did not come to its end") from exc
    except h11.RemoteProtocolError as exc:
        raise _Denied(exc.error_status_hint, f"this is no request: {exc}") from exc
    if not isinstance(event, h11.Request):
        raise _Denied(400, "this is no request")
    return event


def _target(request: h11.Request) -> tuple[str, int, bytes]:
    """Return host, port and path of a request in the forms that proxies get."""
    text = request.target.decode("ascii", "replace")
    scheme, authority, path, port = "http://", text, "", 443
    if request.method != b"CONNECT":
        if not text.lower().startswith(scheme):
            raise _Denied(400, "this is a proxy: ask for http://HOST/…, or CONNECT for everything else")
        authority, slash, rest = text[len(scheme) :].partition("/")
        authority, mark, query = authority.partition("?")
        path, port = "/" + (f"?{query}{slash}{rest}" if mark else rest), 80
    try:
        host, given = split_port(authority)
    except UsageError as exc:
        raise _Denied(400, str(exc)) from exc
    host = host.removesuffix(".")
    if not host or "@" in host:
        raise _Denied(400, "the request names no host")
    return host, port if given is None else given, path.encode("ascii", "replace")


def _rewritten(request: h11.Request, host: str, port: int, path: bytes) -> h11.Request:
    """Return the request for the origin: one of a kind, and for the host that was checked."""
    named = host if port == 80 else f"{host}:{port}"
    kept = [(name, value) for name, value in request.headers if name not in _HOP_BY_HOP]
    headers = [(b"host", named.encode()), *kept, (b"connection", b"close")]
    return h11.Request(method=request.method, target=path, headers=headers)


async def _send(
    client: h11.Connection, reader: asyncio.StreamReader, head: h11.Request, upstream: asyncio.StreamWriter
) -> None:
    """Pass one request with its body on; what a client sends behind it goes nowhere."""
    origin = h11.Connection(h11.CLIENT)
    event: h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED] = head
    while not isinstance(event, h11.ConnectionClosed):
        if event is h11.NEED_DATA:
            client.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Request | h11.Data | h11.EndOfMessage):
            upstream.write(origin.send(event) or b"")
            await upstream.drain()
            if isinstance(event, h11.EndOfMessage):
                return
        event = client.next_event()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()


async def _both(*directions: Awaitable[None]) -> None:
    """Wait for both directions; a failure of one ends the other."""
    tasks = [asyncio.ensure_future(direction) for direction in directions]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _deny(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, denied: _Denied) -> None:
    """Answer, and read a little more: a close with unread data would take the answer with it."""
    body = f"moot: {denied.text}\n".encode(errors="replace")
    head = (
        f"HTTP/1.1 {denied.status} Blocked by moot\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    writer.write_eof()
    left = _LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0 and (data := await reader.read(_CHUNK)):
                left -= len(data)
