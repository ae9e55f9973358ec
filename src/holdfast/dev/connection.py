"""The connection to the gateway: it holds the session open, answers checks, and reports how far builds are.

connecting ──▶ open: `session` event ──▶ all states reported again ──▶ answering checks
     ▲                                                                      │ the platform restarts, or the network breaks
     └────────────────────── pause, 0.2 s doubled up to 2 s ◀───────────────┘
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx2
import msgspec
import structlog

from holdfast.dev.platform import PlatformAccess, PlatformNotJoined
from holdfast.gateway.development.reports import BuildState, Registered
from holdfast.http.tls import tls_context_for

SESSION_HEADER = "x-holdfast-session"
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.2, 2.0
REQUEST_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""Longer than the gateway's heartbeat: then the connection is dead."""

_log = structlog.get_logger(__name__)


class ServerEvent(msgspec.Struct, frozen=True):
    """One server-sent event: its name (`message` without one), its data, and its id."""

    name: str
    data: str
    id: str


async def server_events(response: httpx2.Response) -> AsyncIterator[ServerEvent]:
    """The events of an open response, until it ends."""
    name, event_id = "message", ""
    data: list[str] = []
    async for line in response.aiter_lines():
        if not line:
            if data:
                yield ServerEvent(name, "\n".join(data), event_id)
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            event_id = value


class DevelopmentConnection:
    """Reports to one gateway. `platform` is known when it runs. `check` gets a registry id; when it returns, the state is as reported.

    `on_link` is called with False when an open session is lost, and with True when there is one again.
    """

    def __init__(
        self, platform: asyncio.Future[PlatformAccess], check: Callable[[str], Awaitable[None]], on_link: Callable[[bool], None]
    ) -> None:
        self._platform = platform
        self._check = check
        self._on_link = on_link
        self._is_lost = False
        self._http: httpx2.AsyncClient | None = None
        self._secret: str | None = None
        self._states: dict[str, BuildState] = {}
        self._answers: set[asyncio.Task[None]] = set()
        self._opened = asyncio.Event()
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Keeps a session open until it is cancelled. Raises PlatformNotJoined when the platform refuses the first one."""
        access = await asyncio.shield(self._platform)
        pause = FIRST_PAUSE_SECONDS
        async with open_http(access.console, access.api_key) as self._http:
            while True:
                try:
                    await self._session(self._http)
                    pause = FIRST_PAUSE_SECONDS
                except httpx2.HTTPError as error:
                    _log.debug("development_session_lost", error=type(error).__name__)
                self._secret = None
                if self._opened.is_set() and not self._is_lost:
                    self._is_lost = True
                    self._on_link(False)
                await asyncio.sleep(pause)
                pause = min(pause * 2, MAX_PAUSE_SECONDS)

    async def _session(self, http: httpx2.AsyncClient) -> None:
        timeout = httpx2.Timeout(REQUEST_SECONDS, read=SILENCE_SECONDS)
        async with http.stream("GET", "/api/ext-dev/session", timeout=timeout) as response:
            if response.status_code >= 400 and not self._opened.is_set():
                await response.aread()
                raise _denied(response)
            async for event in server_events(response):
                await self._handle(event)

    async def wait_until_open(self) -> None:
        """Returns when there has been a session: from then on calls wait for builds."""
        await self._opened.wait()

    async def report(self, extension: str, state: BuildState) -> Registered | None:
        """Reports the state of an extension, also to every later session. None when no session is open, or it is not installed yet."""
        self._states[extension] = state
        return await self._send(extension)

    async def withdraw(self, extension: str) -> None:
        """This session does not build the extension any more: its calls and pages wait for nothing."""
        async with self._sending:
            if self._states.pop(extension, None) is None or self._secret is None or self._http is None:
                return
            headers = {SESSION_HEADER: self._secret}
            try:
                await self._http.delete(_path_of(extension), headers=headers, timeout=REQUEST_SECONDS)
            except httpx2.HTTPError as error:
                # The session is gone too, then; the next one begins without this extension.
                _log.debug("development_report_lost", error=type(error).__name__)

    async def _send(self, extension: str) -> Registered | None:
        # One after the other, each the newest: what a new session repeats must not arrive after what was reported since.
        async with self._sending:
            state = self._states.get(extension)
            return None if state is None else await self._put(extension, state)

    async def _put(self, extension: str, state: BuildState) -> Registered | None:
        if self._secret is None or self._http is None:
            return None
        headers = {SESSION_HEADER: self._secret, "content-type": "application/json"}
        try:
            response = await self._http.put(
                _path_of(extension), content=msgspec.json.encode(state), headers=headers, timeout=REQUEST_SECONDS
            )
        except httpx2.HTTPError as error:
            # The session is gone too, then; the next one begins with all states.
            _log.debug("development_report_lost", error=type(error).__name__)
            return None
        if response.status_code == 409:
            raise _denied(response)
        return msgspec.json.decode(response.content, type=Registered) if response.status_code == 200 else None

    async def _handle(self, event: ServerEvent) -> None:
        if event.name == "session":
            self._secret = msgspec.json.decode(event.data, type=dict[str, str])["secret"]
            for extension in list(self._states):
                await self._send(extension)
            self._opened.set()
            if self._is_lost:
                self._is_lost = False
                self._on_link(True)
        elif event.name == "check":
            number, _, registry_id = event.data.partition(" ")
            # Not awaited: the next check must not wait for this one.
            task = asyncio.create_task(self._answer(number, registry_id))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _answer(self, number: str, registry_id: str) -> None:
        await self._check(registry_id)
        if self._secret is not None and self._http is not None:
            try:
                await self._http.post(f"/api/ext-dev/checks/{number}", headers={SESSION_HEADER: self._secret}, timeout=REQUEST_SECONDS)
            except httpx2.HTTPError as error:
                _log.debug("development_check_lost", error=type(error).__name__)


def _path_of(extension: str) -> str:
    return f"/api/ext-dev/extensions/{quote(extension, safe='')}"


def _denied(response: httpx2.Response) -> PlatformNotJoined:
    try:
        body = response.json()
        message, hint = str(body["message"]), body.get("hint")
    except (ValueError, KeyError, TypeError):
        message, hint = f"The platform responded with status {response.status_code}.", None
    return PlatformNotJoined(message, hint=hint or "Check that the platform runs in development and has this version of Holdfast.")


@asynccontextmanager
async def open_http(console: str, api_key: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the gateway with the API key."""
    # Not through a proxy: the platform is on this machine.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
    async with httpx2.AsyncClient(
        base_url=console,
        headers={"authorization": f"Bearer {api_key}"},
        trust_env=False,
        limits=limits,
        verify=tls_context_for([console]),
    ) as client:
        yield client
