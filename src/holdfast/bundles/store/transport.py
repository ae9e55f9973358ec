"""Sends requests to a remote store: with time limits and retries, without redirects.

Error messages never quote a response, because it may contain addresses with signatures in them.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Literal

import httpx2
from msgspec import Struct

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.protocol import PIECE_BYTES
from holdfast.bundles.store.retry import DEFAULT_RETRY_POLICY, RetryLoop, RetryPolicy
from holdfast.http.tls import system_tls_context

Method = Literal["GET", "HEAD", "PUT", "DELETE"]
UrlSource = Callable[[], str]
"""Returns the URL for one attempt; a signed URL is signed again for each attempt, because signatures expire."""

_FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, OSError)
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_ERROR_BODY_BYTES = 4 * 1024
_ERROR_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")


class StoreResponse(Struct, frozen=True):
    """The status of a response and, if its body is an S3 error document, the error code in it."""

    status: int
    code: str | None = None


class UnexpectedStatus(Exception):
    """Raised when a read gets another status than 200 and another attempt would not change that."""

    def __init__(self, response: StoreResponse) -> None:
        super().__init__(f"status {response.status}")
        self.response = response


class Transport:
    """Sends requests to one store. Each connection serves one request, so there is nothing to close."""

    def __init__(self, store: str, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        """`store` is the name that errors and the log use."""
        self.store = store
        self._retry_policy = retry_policy
        self._http = httpx2.AsyncClient(
            # Objects are compared with their hash, so a server must not compress them on the way.
            headers={"accept-encoding": "identity", "connection": "close"},
            verify=system_tls_context(),
            timeout=httpx2.Timeout(retry_policy.idle, connect=retry_policy.connect, pool=None),
            limits=httpx2.Limits(max_connections=256, max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
        )

    async def read(self, url: UrlSource) -> AsyncGenerator[bytes, None]:
        """The body of a `GET`, in pieces of at most 1 MiB. Retries until the first piece has been returned, not afterwards.

        Raises UnexpectedStatus, BundleStoreUnavailable.
        """
        attempts = RetryLoop(self.store, self._retry_policy, self._retry_policy.reading)
        while True:
            started = False
            try:
                response = await attempts.within_deadline(self._send("GET", url()))
                try:
                    if response.status_code == httpx2.codes.OK:
                        async with aclosing(response.aiter_raw(PIECE_BYTES)) as pieces:
                            while piece := await attempts.within_deadline(anext(pieces, b"")):
                                started = True
                                yield piece
                        return
                    result = await attempts.within_deadline(_read_result(response))
                finally:
                    await response.aclose()
            except _FAILURES as error:
                reason = _describe(error, self._retry_policy, self._retry_policy.reading)
            else:
                if not _is_temporary(result):
                    raise UnexpectedStatus(result)
                reason = f"it responds with status {result.status}"
            if started:
                raise attempts.give_up(reason)
            await attempts.wait_for_next(reason)

    async def request(self, method: Method, url: UrlSource, *, source: Path | None = None, once: bool = False) -> StoreResponse:
        """The response to a request whose body is the file `source`, if given. With `once`, there is one attempt only.

        Raises BundleStoreUnavailable when there is no response, or only responses of a busy or broken server.
        """
        seconds = self._retry_policy.reading if source is None else self._retry_policy.writing
        size = None if source is None else await asyncio.to_thread(_size, source)
        attempts = RetryLoop(self.store, self._retry_policy, seconds, once=once)
        while True:
            try:
                result = await attempts.within_deadline(self._request_once(method, url(), source, size))
            except _FAILURES as error:
                reason = _describe(error, self._retry_policy, seconds)
            else:
                if not _is_temporary(result):
                    return result
                reason = f"it responds with status {result.status}"
            await attempts.wait_for_next(reason)

    async def _request_once(self, method: Method, url: str, source: Path | None, size: int | None) -> StoreResponse:
        response = await self._send(method, url, source, size)
        try:
            return await _read_result(response)
        finally:
            await response.aclose()

    async def _send(self, method: Method, url: str, source: Path | None = None, size: int | None = None) -> httpx2.Response:
        # S3 servers reject a body without a declared length.
        headers = {} if size is None else {"content-length": str(size)}
        content = None if source is None else _pieces(source)
        return await self._http.send(self._http.build_request(method, url, content=content, headers=headers), stream=True)


def _size(source: Path) -> int:
    try:
        return source.stat().st_size
    except OSError as error:
        raise BundleStoreUnavailable(
            f"The file to store cannot be read: {error.strerror or type(error).__name__}.", rule="store_disk"
        ) from error


async def _pieces(source: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(source.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece
    finally:
        file.close()


async def _read_result(response: httpx2.Response) -> StoreResponse:
    """Reads at most as much of an error body as can contain the error code: the body may be endless."""
    body = b""
    if response.is_error:
        async for piece in response.aiter_raw():
            body += piece
            if len(body) >= _ERROR_BODY_BYTES:
                break
    code = _ERROR_CODE.search(body[:_ERROR_BODY_BYTES])
    return StoreResponse(response.status_code, code.group(1).decode() if code else None)


def _is_temporary(result: StoreResponse) -> bool:
    """Whether the same request may succeed a moment later."""
    return result.status == _TOO_MANY_REQUESTS or result.status >= _SERVER_ERROR


def _describe(error: Exception, policy: RetryPolicy, seconds: float) -> str:
    """What failed, without the text of the error: it may contain addresses."""
    match error:
        case httpx2.ConnectTimeout():
            return f"no connection within {policy.connect:g} s"
        case httpx2.TimeoutException():
            return f"no data for {policy.idle:g} s"
        case TimeoutError():
            return f"it took longer than {seconds:g} s"
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol():
            return "its address is invalid"
        case httpx2.ConnectError():
            untrusted = _certificate_error(error)
            return "no connection" if untrusted is None else f"its certificate is not trusted ({untrusted.verify_message})"
        case httpx2.HTTPError():
            return "the connection was interrupted"
        case _:
            return f"the file to store cannot be read ({type(error).__name__})"


def _certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause
