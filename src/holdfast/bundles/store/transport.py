"""How a store on another machine is talked to: time limits, retries with back-off, nothing followed, nothing of the answer quoted."""

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

Method = Literal["GET", "HEAD", "PUT", "DELETE"]
Url = Callable[[], str]
"""Gives the address of one attempt: a signed one is signed anew each time."""

_TROUBLE = (httpx2.HTTPError, httpx2.InvalidURL, OSError)
_TOO_MANY = 429
_OWN_FAULT = 500
_EXPLANATION_BYTES = 4 * 1024
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")


class StoreResponse(Struct, frozen=True):
    """The status of an answer and, where it explains an error as S3 servers do, the code of the explanation."""

    status: int
    code: str | None = None


class UnexpectedStatus(Exception):
    """Raised when a reading is answered with another status than 200, and another attempt would not change that."""

    def __init__(self, answer: StoreResponse) -> None:
        super().__init__(f"status {answer.status}")
        self.answer = answer


class Transport:
    """Sends requests to one store. Connections end with their request, so there is nothing to close."""

    def __init__(self, name: str, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        """`name` is what errors and the log call the store."""
        self.name = name
        self._retry_policy = retry_policy
        self._http = httpx2.AsyncClient(
            # What is stored is wanted as it is, not packed once more for the way.
            headers={"accept-encoding": "identity", "connection": "close"},
            verify=ssl.create_default_context(),
            timeout=httpx2.Timeout(retry_policy.idle, connect=retry_policy.connect, pool=None),
            limits=httpx2.Limits(max_connections=256, max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
        )

    async def read(self, url: Url) -> AsyncGenerator[bytes, None]:
        """What `GET` answers, in pieces of at most 1 MiB. Until the first piece was given, a failure leads to another attempt.

        Raises UnexpectedStatus, BundleStoreUnavailable.
        """
        attempts = RetryLoop(self.name, self._retry_policy, self._retry_policy.reading)
        while True:
            begun = False
            try:
                response = await attempts.within(self._send("GET", url()))
                try:
                    if response.status_code == httpx2.codes.OK:
                        async with aclosing(response.aiter_raw(PIECE_BYTES)) as pieces:
                            while piece := await attempts.within(anext(pieces, b"")):
                                begun = True
                                yield piece
                        return
                    answer = await attempts.within(_answer(response))
                finally:
                    await response.aclose()
            except _TROUBLE as error:
                trouble = _words(error, self._retry_policy, self._retry_policy.reading)
            else:
                if not _passing(answer):
                    raise UnexpectedStatus(answer)
                trouble = f"it answers with status {answer.status}"
            if begun:
                raise attempts.given_up(trouble)
            await attempts.another(trouble)

    async def ask(self, method: Method, url: Url, *, source: Path | None = None, once: bool = False) -> StoreResponse:
        """The answer to a request, which carries the file `source` if there is one. With `once`, a failure leads to no other attempt.

        Raises BundleStoreUnavailable when there is no answer, or none but that the server is busy or broken.
        """
        seconds = self._retry_policy.reading if source is None else self._retry_policy.writing
        size = None if source is None else await asyncio.to_thread(_size, source)
        attempts = RetryLoop(self.name, self._retry_policy, seconds, once=once)
        while True:
            try:
                answer = await attempts.within(self._ask(method, url(), source, size))
            except _TROUBLE as error:
                trouble = _words(error, self._retry_policy, seconds)
            else:
                if not _passing(answer):
                    return answer
                trouble = f"it answers with status {answer.status}"
            await attempts.another(trouble)

    async def _ask(self, method: Method, url: str, source: Path | None, size: int | None) -> StoreResponse:
        response = await self._send(method, url, source, size)
        try:
            return await _answer(response)
        finally:
            await response.aclose()

    async def _send(self, method: Method, url: str, source: Path | None = None, size: int | None = None) -> httpx2.Response:
        # S3 servers take a body only when they are told its length.
        headers = {} if size is None else {"content-length": str(size)}
        content = None if source is None else _pieces(source)
        return await self._http.send(self._http.build_request(method, url, content=content, headers=headers), stream=True)


def _size(source: Path) -> int:
    try:
        return source.stat().st_size
    except OSError as error:
        raise BundleStoreUnavailable(f"The file to be stored cannot be read: {error.strerror or type(error).__name__}.") from error


async def _pieces(source: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(source.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece
    finally:
        file.close()


async def _answer(response: httpx2.Response) -> StoreResponse:
    """Reads no more of the answer than its code can be in."""
    explanation = b""
    if response.is_error:
        async for piece in response.aiter_raw():
            explanation += piece
            if len(explanation) >= _EXPLANATION_BYTES:
                break
    code = _CODE.search(explanation[:_EXPLANATION_BYTES])
    return StoreResponse(response.status_code, code.group(1).decode() if code else None)


def _passing(answer: StoreResponse) -> bool:
    """Whether the same request may be answered otherwise a moment later."""
    return answer.status == _TOO_MANY or answer.status >= _OWN_FAULT


def _words(error: Exception, retry_policy: RetryPolicy, seconds: float) -> str:
    """What happened, in words of our own: the error's may hold addresses."""
    match error:
        case httpx2.ConnectTimeout():
            return f"no connection within {retry_policy.connect:g} s"
        case httpx2.TimeoutException():
            return f"nothing came for {retry_policy.idle:g} s"
        case TimeoutError():
            return f"it took longer than {seconds:g} s"
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol():
            return "its address is not one"
        case httpx2.ConnectError():
            untrusted = _certificate_error(error)
            return "no connection" if untrusted is None else f"its certificate is not trusted ({untrusted.verify_message})"
        case httpx2.HTTPError():
            return "the connection broke off"
        case _:
            return f"the file to be stored cannot be read ({type(error).__name__})"


def _certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause
