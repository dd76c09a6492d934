"""What a server's failure means, in one sentence that says what to do."""

import os
import socket
import ssl
from typing import cast

import httpx

from moot.agent.core.errors import ModelAnswerError, ModelError, ModelUnreachable
from moot.agent.models.wire import ErrorBody, read_error

__all__ = ["Rejected", "Transient", "broken_off", "from_answer", "from_status", "from_transport"]

MAX_RETRY_AFTER = 120.0
"""Seconds that a server may ask for before the next attempt."""


class Transient(ModelUnreachable):
    """A failure that another attempt may cure.

    Attributes:
        retry_after: seconds that the server asks for.
        status: of its answer; None where there was none.
    """

    def __init__(self, message: str, retry_after: float | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.retry_after, self.status = retry_after, status


class Rejected(ModelAnswerError):
    """The server refuses the request as it is; `detail` is what it said."""

    def __init__(self, message: str, status: int, detail: str) -> None:
        super().__init__(message)
        self.status, self.detail = status, detail


def from_transport(exc: httpx.HTTPError, server: str, read_timeout: float) -> ModelError:
    """Translate an exception of httpx."""
    cause = _innermost(exc)
    distrusted = isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError)
    match exc:
        case httpx.ConnectError() if distrusted:
            return ModelUnreachable(
                f"no secure connection to {server} ({_words(cause)}): name the authority of its certificate "
                "with SSL_CERT_FILE, or write http:// where it speaks plain HTTP"
            )
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return Transient(
                f"no model server at {server} ({_words(cause)}): "
                "start one with `agent model up` or pass --base-url"
            )
        case httpx.TimeoutException():
            return ModelUnreachable(
                f"the model server at {server} sent nothing for {read_timeout:g} seconds: "
                "look at `agent model logs`, or raise MOOT_READ_TIMEOUT"
            )
        case httpx.NetworkError() | httpx.RemoteProtocolError():
            return broken_off(server, _words(cause))
        case httpx.LocalProtocolError():  # its words may hold the key
            return ModelAnswerError(
                f"the request to {server} could not be written: check the base URL and key"
            )
        case _:
            return ModelAnswerError(
                f"{server} does not answer like a model server ({exc}): check the base URL"
            )


def broken_off(server: str, cause: str = "its stream had no end") -> Transient:
    """Return the error for an answer that ended too soon."""
    return Transient(
        f"the model server at {server} keeps breaking off its answers ({cause}): "
        "look at `agent model logs`, or start it again with `agent model up`"
    )


def from_status(response: httpx.Response, content: bytes, server: str, key: str) -> ModelError:
    """Translate an answer whose status is an error; `key` is what holds the key."""
    status = response.status_code
    error = read_error(content)
    detail = error.message if error else content.decode(errors="replace")
    if _may_pass(status, error):
        return _busy(status, detail, server, response)
    return Rejected(_refusal(status, detail, server, key), status, detail)


def from_answer(content: str, server: str) -> ModelError | None:
    """Translate an error that came as an event of a stream; None when it is none."""
    error = read_error(content)
    if error is None:
        return None
    code = error.code or 500
    if _may_pass(code, error):
        return _busy(code, error.message, server, None)
    return Rejected(_refusal(code, error.message, server, "its key"), code, error.message)


def _may_pass(status: int, error: ErrorBody | None) -> bool:
    """Return whether another attempt may succeed: not without a quota, nor at what is not there (501)."""
    used_up = error is not None and error.quota
    return (status == 429 and not used_up) or (status >= 500 and status != 501)


def _busy(status: int, detail: str, server: str, response: httpx.Response | None) -> Transient:
    if status == 429:
        text = f"the model server at {server} has too many requests (429: {_short(detail)}): "
        text += "try again later or with fewer samples"
    else:
        text = f"the model server at {server} keeps failing ({status}: {_short(detail)}): "
        text += "look at `agent model logs`, or start it again with `agent model up`"
    return Transient(text, _retry_after(response) if response else None, status)


def _refusal(status: int, detail: str, server: str, key: str) -> str:
    match status:
        case 401 | 403:
            return f"the model server at {server} refuses the key ({status}): set {key}"
        case 400 | 413 | 422 if _too_long(detail):
            text = "the request is longer than the model's context: lower MOOT_CONTEXT_TOKENS"
            return f"{text}, or a pool member's context_tokens ({_short(detail)})"
        case 429:
            text = f"the account at {server} is used up (429: {_short(detail)})"
            return f"{text}: allow it more, or use another server"
        case 404 if "model" not in detail:
            return (
                f"the server at {server} has no such address (404): check the base URL, it often ends in /v1"
            )
        case _:
            return f"the model server at {server} refuses the request ({status}): {_short(detail)}"


def _too_long(detail: str) -> bool:
    words = detail.lower()
    return "context" in words and any(word in words for word in ("length", "exceed", "too long", "maximum"))


def _retry_after(response: httpx.Response) -> float | None:
    """Return the header's seconds; dates are rare here and mean the usual wait."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _innermost(exc: BaseException) -> BaseException:
    """Return what an exception comes from, the first where several addresses of a server were tried."""
    if isinstance(exc, BaseExceptionGroup):
        return _innermost(cast("BaseExceptionGroup[BaseException]", exc).exceptions[0])
    told = next((each for each in exc.args if isinstance(each, BaseException)), None)  # httpcore's way
    inner = exc.__cause__ or told
    return exc if inner is None else _innermost(inner)


def _words(cause: BaseException) -> str:
    """Return what an exception says, in the system's words where they are its."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError | socket.gaierror):
        return os.strerror(cause.errno)
    if isinstance(cause, TimeoutError):
        return "it took too long"
    text = cause.strerror if isinstance(cause, OSError) else None
    return _short(text or str(cause)).rstrip(".") or type(cause).__name__


def _short(detail: str) -> str:
    text = " ".join(detail.split())
    return text if len(text) <= 200 else f"{text[:200]}…"
