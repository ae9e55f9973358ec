"""`/runner/ext-ui/…`: the files of extension pages, passed through from the runner as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from holdfast.gateway.http.errors import GatewayError, InvalidRequest
from holdfast.gateway.http.requests import path_segments
from holdfast.gateway.http.responses import respond_to_errors
from holdfast.gateway.services import Services

TO_RUNNER = ("accept", "accept-encoding", "accept-language", "if-modified-since", "if-none-match", "if-range", "range", "user-agent")
FROM_RUNNER = frozenset(
    {
        "accept-ranges",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-range",
        "content-security-policy",
        "content-type",
        "etag",
        "last-modified",
        "referrer-policy",
        "vary",
        "x-content-type-options",
    }
)
# A page opened by its address, outside the frame that sandboxes it, gets the same origin of its own.
SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads"
_MAX_QUERY = 4_096

_log = structlog.get_logger(__name__)


def routes(services: Services) -> list[BaseRoute]:
    """The route of UI files. It asks for no credentials: a frame in an origin of its own has none to send."""

    async def file(request: Request) -> Response:
        _runner, *rest = path_segments(request)
        if len(rest) < 4 or rest[0] != "ext-ui":
            raise GatewayError("endpoint_not_found", "Only files of extension pages are served here, below /runner/ext-ui/.")
        if len(request.url.query) > _MAX_QUERY:
            raise InvalidRequest(f"The query has at most {_MAX_QUERY} characters.")
        target = "/" + "/".join(rest)
        if request.url.query:
            target += f"?{request.url.query}"
        headers = {name: request.headers[name] for name in TO_RUNNER if name in request.headers}
        # The bytes are passed on undecoded, so they may only be encoded as the browser allows.
        headers.setdefault("accept-encoding", "identity")
        answer = await services.runner.open_ui(request.method, target, headers)
        return _passed_on(answer)

    return [Route("/runner/{path:path}", respond_to_errors(file), methods=["GET", "HEAD"])]


def _passed_on(answer: httpx2.Response) -> Response:
    response = _PassedOn(answer)
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in _headers(answer)]
    return response


class _PassedOn(StreamingResponse):
    """Streams the runner's answer, and lets go of it however the browser behaves."""

    def __init__(self, answer: httpx2.Response) -> None:
        super().__init__(_raw(answer), status_code=answer.status_code)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._answer.aclose()


def _headers(answer: httpx2.Response) -> Iterator[tuple[str, str]]:
    for name, value in answer.headers.multi_items():
        if name.lower() in FROM_RUNNER:
            yield name.lower(), value
    yield "content-security-policy", SANDBOX
    # Module scripts and fonts are fetched with CORS, from the page's origin "null". The files are the same for everybody.
    yield "access-control-allow-origin", "*"
    yield "cross-origin-resource-policy", "cross-origin"
    if "x-content-type-options" not in answer.headers:
        yield "x-content-type-options", "nosniff"


async def _raw(answer: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    except httpx2.HTTPError as error:
        # Too late for a status: the connection is cut short, which the browser sees as an incomplete file.
        _log.warning("the runner stopped in the middle of a file", error=type(error).__name__)
        raise
