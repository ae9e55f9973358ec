"""A test site: the console's real frame and debug pages around a scripted extension, and a server that records requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

import holdfast.console
from holdfast.console.app import ConsoleFiles
from holdfast.console.rendering import Pages
from holdfast.console.urls import FrameBase, extension_path

TENANT = "51bbbfe5-0720-4d9b-b3e5-b5b43e441a52"
EXTENSION = "11111111-2222-4333-8444-555555555555"
OTHER_EXTENSION = "99999999-2222-4333-8444-555555555555"
HASH = "sha256:" + "ab" * 32
PREFIX = f"/api/ext-proxy/{EXTENSION}"
_STATIC = Path(holdfast.console.__file__).parent / "static"

FRAME_DOCUMENT = """<!doctype html><title>frame</title><p>hello from the frame</p>
<script type="module" src="./frame.js"></script>"""

FRAME_SCRIPT = """
window.received = [];
addEventListener("message", (event) => { if (event.source === parent) received.push(event.data); });
let parentReach;
try { parentReach = typeof parent.document; } catch (error) { parentReach = error.name; }
window.parentReach = parentReach;
window.scriptRan = true;
"""


@dataclass(frozen=True)
class RecordedRequest:
    """A request that the server received."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """The site at `origin`. Tests set its responses and read the recorded requests."""

    origin: str
    calls: list[RecordedRequest] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    response: Response | None = None
    document: Response | None = None
    events: list[tuple[str, str]] = field(default_factory=list)
    stream_ends: bool = False
    streams: int = 0

    def __post_init__(self) -> None:
        self._calls_may_proceed = threading.Event()
        self._calls_may_proceed.set()
        self._pages = Pages(development=True)
        self.app = Starlette(
            routes=[
                Mount("/console/static", ConsoleFiles(directory=_STATIC)),
                Route("/msp/extensions/{extension}/", self._frame_page),
                Route("/msp/extensions/{extension}/debug", self._debug_page),
                Route("/runner/ext-ui/{extension}/{hash}/index.html", self._document),
                Route("/runner/ext-ui/{extension}/{hash}/frame.js", self._script),
                Route("/api/ext-debug/stream", self._stream),
                Route("/api/ext-dev/events", self._build_events),
                Route("/blank", self._blank),
                Route("/{rest:path}", self._record, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
            ]
        )

    @property
    def page(self) -> str:
        return f"{self.origin}/msp/extensions/{EXTENSION}/"

    def reset(self) -> None:
        self.calls.clear()
        self.documents.clear()
        self.events.clear()
        self.response = self.document = None
        self.stream_ends = False
        self.streams = 0
        self._calls_may_proceed.set()

    def pause_calls(self) -> None:
        """Proxied calls wait until `resume_calls`."""
        self._calls_may_proceed.clear()

    def resume_calls(self) -> None:
        self._calls_may_proceed.set()

    def _values(self) -> dict[str, object]:
        visitor = SimpleNamespace(
            tenant_name="Development", tenant_id=TENANT, email="admin@holdfast.localhost", display_name="Admin", is_client=False
        )
        context = SimpleNamespace(display_name="Sample", version="1.0.0", content_hash=HASH, registry_id=EXTENSION, slug="acme.sample")
        unset: dict[str, list[str]] = {"settings": [], "secrets": []}
        return {"visitor": visitor, "menu": [], "active": "", "context": context, "unset": unset, "built": None}

    async def _frame_page(self, request: Request) -> Response:
        base, path = FrameBase.parse("/runner"), extension_path(request.query_params.get("path"))
        source = base.document(EXTENSION, HASH, path=path, tenant_id=TENANT)
        frame = base.frame_source(EXTENSION, HASH, host=request.headers["host"])
        return self._pages.render("frame.html", {**self._values(), "src": source, "path": path, "signatures": {}}, frames=[frame])

    async def _debug_page(self, request: Request) -> Response:
        return self._pages.render("debug.html", {**self._values(), "example": "curl …"})

    async def _document(self, request: Request) -> Response:
        self.documents.append(str(request.url))
        policy = "default-src 'self'; frame-ancestors 'self'; sandbox allow-scripts allow-forms allow-popups"
        return self.document or HTMLResponse(FRAME_DOCUMENT, headers={"content-security-policy": policy})

    async def _script(self, request: Request) -> Response:
        # A module script of an opaque origin is fetched with CORS.
        return Response(FRAME_SCRIPT, media_type="text/javascript", headers={"access-control-allow-origin": "*"})

    async def _blank(self, request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>blank</title>")

    async def _record(self, request: Request) -> Response:
        raw = request.scope["raw_path"].decode()
        query = request.scope["query_string"].decode()
        target = f"{raw}?{query}" if query and "?" not in raw else raw
        self.calls.append(RecordedRequest(request.method, target, dict(request.headers), await request.body()))
        while not self._calls_may_proceed.is_set():
            await asyncio.to_thread(self._calls_may_proceed.wait, 0.2)
        return self.response or JSONResponse({"ok": True}, headers={"x-request-id": "req-1", "x-internal": "not passed on"})

    async def _build_events(self, request: Request) -> Response:
        """As the gateway answers while no `holdfast dev` builds the extension."""

        async def frames() -> AsyncIterator[str]:
            yield "event: state\ndata: null\n\n"
            while not await request.is_disconnected():
                yield ": quiet\n\n"
                await asyncio.sleep(0.1)

        return StreamingResponse(frames(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def _stream(self, request: Request) -> Response:
        self.streams += 1

        async def frames() -> AsyncIterator[str]:
            for event_id, data in list(self.events):
                yield f"id: {event_id}\ndata: {data}\n\n" if event_id else f"data: {data}\n\n"
            while not self.stream_ends and not await request.is_disconnected():
                yield ": quiet\n\n"
                await asyncio.sleep(0.1)

        return StreamingResponse(frames(), media_type="text/event-stream", headers={"cache-control": "no-store"})


def redirect() -> Response:
    return RedirectResponse("/somewhere-else", status_code=302)
