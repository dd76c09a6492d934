"""HTTP to one model server: deadlines, retries, and errors in our own words."""

import ipaddress
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import stamina
from httpx_sse import EventSource

from moot.agent.core.errors import UsageError
from moot.agent.core.urls import shown_url
from moot.agent.models.failures import Transient, from_status, from_transport
from moot.agent.models.wire import Body

__all__ = ["ClientOptions", "Transport"]

_EXAMPLE = "pass one like http://127.0.0.1:8000/v1"


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a server is used.

    Attributes:
        model: name of the model; None means the only one that is served.
        api_key: sent as a bearer token.
        key_name: what its user has to set when it is refused.
        connect_timeout: seconds until a connection stands.
        read_timeout: seconds without a byte.
        call_timeout: seconds for one call, retries included.
        attempts: how often a request is sent before its failure is final.
        first_wait: seconds before the second attempt; doubled for each further one, with jitter.
        tokenizer: a `tokenizer.json` that counts tokens where the server does not.
    """

    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    key_name: str = "MOOT_API_KEY"
    connect_timeout: float = 5.0
    read_timeout: float = 300.0
    call_timeout: float = 1800.0
    attempts: int = 4
    first_wait: float = 0.25
    tokenizer: Path | None = None


class Transport:
    """Sends requests to one server. `api` is its base URL and `root` the same without `/v1`."""

    def __init__(self, base_url: str, options: ClientOptions) -> None:
        url = _parse(base_url)
        self.api = str(url).rstrip("/")
        self.root = self.api.removesuffix("/v1")
        self.name = str(url.copy_with(userinfo=None)).rstrip("/")
        self._options = options
        key = options.api_key
        try:
            self._http = httpx.AsyncClient(
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=httpx.Timeout(options.read_timeout, connect=options.connect_timeout),
                limits=httpx.Limits(max_connections=None, keepalive_expiry=3.0),
                verify=httpx.create_ssl_context() if url.scheme == "https" else True,
                trust_env=not _is_loopback(url.host),  # no proxy stands between this machine and itself
            )
        except OSError as exc:
            raise UsageError(f"SSL_CERT_FILE or SSL_CERT_DIR cannot be used ({exc}): correct it") from exc
        except (ImportError, ValueError) as exc:  # of a proxy that the environment names
            raise UsageError(
                f"the proxy for {self.name} cannot be used ({exc}): look at ALL_PROXY and HTTPS_PROXY"
            ) from exc

    async def get(self, url: str) -> bytes:
        """Return the body of a GET, after retries."""
        return await self._retried("GET", url, None)

    async def post(self, url: str, body: Body) -> bytes:
        """Return the body of a POST's answer, after retries."""
        return await self._retried("POST", url, body)

    async def stream(self, url: str, body: Body) -> AsyncGenerator[str, None]:
        """Yield the data of each event of one attempt; closing the iterator hangs up."""
        try:
            async with self._http.stream("POST", url, **_sent(body)) as response:
                if response.status_code != 200:
                    raise from_status(response, await response.aread(), self.name, self._options.key_name)
                async with aclosing(EventSource(response).aiter_sse()) as events:
                    async for event in events:
                        yield event.data
        except httpx.HTTPError as exc:
            raise from_transport(exc, self.name, self._options.read_timeout) from exc

    def attempts(self) -> AsyncIterator[stamina.Attempt]:
        """Return the attempts of one call: exponential waits with jitter, or what the server asks for."""
        wait = self._options.first_wait
        return stamina.retry_context(
            _worth_another,
            attempts=self._options.attempts,
            timeout=None,
            wait_initial=wait,
            wait_max=max(wait, 20.0),
            wait_jitter=wait,
        ).__aiter__()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _retried(self, method: str, url: str, body: Body | None) -> bytes:
        async for attempt in self.attempts():
            with attempt:
                return await self._send(method, url, body)
        raise AssertionError("unreachable")

    async def _send(self, method: str, url: str, body: Body | None) -> bytes:
        try:
            response = await self._http.request(method, url, **_sent(body))
        except httpx.HTTPError as exc:
            raise from_transport(exc, self.name, self._options.read_timeout) from exc
        if response.status_code != 200:
            raise from_status(response, response.content, self.name, self._options.key_name)
        return response.content


def _sent(body: Body | None) -> dict[str, Any]:
    """Return a body as JSON; httpx's own refuses the names of files that are not UTF-8."""
    if body is None:
        return {}
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return {"content": content, "headers": {"Content-Type": "application/json"}}


def _worth_another(exc: Exception) -> bool | float:
    if not isinstance(exc, Transient):
        return False
    return True if exc.retry_after is None else exc.retry_after


def _parse(base_url: str) -> httpx.URL:
    """Return the URL that holds the protocol: `/v1` unless another path is given."""
    shown = shown_url(base_url.strip())
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL as exc:  # its words may hold a part of the password
        raise UsageError(f"bad base URL {shown!r}: {_EXAMPLE}") from exc
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"bad base URL {shown!r}: {_EXAMPLE}")
    if url.query or url.fragment:
        raise UsageError(
            f"the base URL {shown} goes on after its path: leave out what follows ? or #, and give a key in "
            "MOOT_API_KEY, or in the variable that a pool member's api_key_env names"
        )
    url = url.copy_with(query=None, fragment=None)
    return url.copy_with(path="/v1") if url.path in ("", "/") else url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
