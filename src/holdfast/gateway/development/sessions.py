"""The sessions of `holdfast dev`, and what each has reported. In memory: a session ends with its connection, however its process ends.

  holdfast dev                         gateway                                call
  ────────────                         ───────                                ────
  connects ─────────────────────────▶ session
  report: building ─────────────────▶ state ───────────▶ open pages
                                                                    ◀──────── arrives
                       ◀── check ────  asks: is the source unchanged?
  looks at its inputs ── checked ───▶                                         goes on, or waits while the build runs
  report: ready, or failed ─────────▶ state ───────────▶ waiting calls go on, open pages follow
  connection ends ──────────────────▶ session and states are gone, waiting calls go on

All of it runs in one event loop; nothing here awaits between reading and changing a state.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from holdfast.gateway.development.reports import BuildState

CHECK_SECONDS = 2.0
"""How long a call waits for `holdfast dev` to look at its files. It takes milliseconds; a suspended process must not stop all calls."""
HOLD_SECONDS = 20.0
"""How long a call waits for a running build."""
MAX_SESSIONS = 16
MAX_EXTENSIONS = 64
MAX_CHECKS = 1_000

_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class DevelopedExtension:
    """An extension that a session builds. `names` are all that a call may name it by."""

    tenant_id: str
    registry_id: str
    names: frozenset[str]
    session: DevelopmentSession
    state: BuildState
    served: set[str] = field(default_factory=set)
    """Every bundle of this session: pages that show an earlier one still load files."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Replaced at each change; who waits for one holds the event of the state that it knows."""


@dataclass(eq=False)
class DevelopmentSession:
    """The connection of one `holdfast dev`. `secret` names it in requests; `messages` are what it is asked."""

    tenant_id: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    messages: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    checks: dict[str, asyncio.Future[None]] = field(default_factory=dict)


class DevelopmentSessions:
    """All sessions of this gateway process. Only development has any."""

    def __init__(self, *, check_seconds: float = CHECK_SECONDS, hold_seconds: float = HOLD_SECONDS) -> None:
        self._check_seconds, self._hold_seconds = check_seconds, hold_seconds
        self._sessions: list[DevelopmentSession] = []
        self._extensions: dict[tuple[str, str], DevelopedExtension] = {}
        self._began = asyncio.Event()

    def __bool__(self) -> bool:
        """Whether any extension is being developed: without one, a call pays for nothing here."""
        return bool(self._extensions)

    @contextmanager
    def opened(self, tenant_id: str) -> Iterator[DevelopmentSession]:
        """A session for the length of the block. At its end its extensions are not developed any more, and nothing waits for it."""
        session = DevelopmentSession(tenant_id)
        self._sessions.append(session)
        try:
            yield session
        finally:
            self._sessions.remove(session)
            for waiting in session.checks.values():
                waiting.cancel()
            for key, extension in list(self._extensions.items()):
                if extension.session is session:
                    del self._extensions[key]
                    extension.changed.set()

    @property
    def is_full(self) -> bool:
        """Whether no further session may begin."""
        return len(self._sessions) >= MAX_SESSIONS

    def find_session(self, tenant_id: str, secret: str) -> DevelopmentSession | None:
        """The open session of this tenant with this secret."""
        found = None
        for session in self._sessions:
            # Compares with every one, each in constant time.
            if hmac.compare_digest(session.secret.encode(), secret.encode()) and session.tenant_id == tenant_id:
                found = session
        return found

    def developed_elsewhere(self, session: DevelopmentSession, registry_id: str) -> bool:
        """Whether another session builds this extension of the tenant."""
        found = self._extensions.get((session.tenant_id, registry_id))
        return found is not None and found.session is not session

    def may_add(self, session: DevelopmentSession, registry_id: str) -> bool:
        """Whether the session may report this extension: a known one, or one more below the limit."""
        known = (session.tenant_id, registry_id) in self._extensions
        return known or sum(extension.session is session for extension in self._extensions.values()) < MAX_EXTENSIONS

    def report(self, session: DevelopmentSession, registry_id: str, names: frozenset[str], state: BuildState) -> None:
        """Sets the state of an extension, and wakes everything that waits for a change."""
        key = (session.tenant_id, registry_id)
        extension = self._extensions.get(key)
        if extension is None:
            extension = self._extensions[key] = DevelopedExtension(session.tenant_id, registry_id, names, session, state)
            self._began.set()
            self._began = asyncio.Event()
        extension.names, extension.state = names, state
        if state.content_hash is not None:
            extension.served.add(state.content_hash)
        previous, extension.changed = extension.changed, asyncio.Event()
        previous.set()

    def withdraw(self, session: DevelopmentSession, registry_id: str) -> None:
        """The session does not build the extension any more: nothing waits for it."""
        key = (session.tenant_id, registry_id)
        extension = self._extensions.get(key)
        if extension is not None and extension.session is session:
            del self._extensions[key]
            extension.changed.set()

    def find(self, tenant_id: str, extension: str) -> DevelopedExtension | None:
        """The developed extension of the tenant that `extension` names in any way."""
        name = extension.strip().lower()
        return next((one for one in self._extensions.values() if one.tenant_id == tenant_id and name in one.names), None)

    def find_served(self, registry_id: str, content_hash: str) -> DevelopedExtension | None:
        """The developed extension that served or serves this bundle in its session."""
        return next(
            (one for one in self._extensions.values() if one.registry_id == registry_id and content_hash in one.served),
            None,
        )

    @property
    def began(self) -> asyncio.Event:
        """Set when the next extension begins to be developed."""
        return self._began

    async def wait_until_current(self, tenant_id: str, extension: str) -> bool:
        """Returns when what is served was built from the source as it is now, or the build failed; at the latest after HOLD_SECONDS.

        True if the served version may have changed meanwhile.
        """
        found = self.find(tenant_id, extension)
        if found is None:
            return False
        waited = await self._check(found)
        try:
            async with asyncio.timeout(self._hold_seconds):
                while found.state.status == "building" and self._is_open(found):
                    waited = True
                    await found.changed.wait()
        except TimeoutError:
            _log.warning("development_build_not_awaited", extension=extension, seconds=self._hold_seconds)
        return waited

    async def _check(self, found: DevelopedExtension) -> bool:
        """Has the session compare its source with what was built. Afterwards the state is `building` if they differ."""
        checks = found.session.checks
        if len(checks) >= MAX_CHECKS:
            return False
        before = found.state
        number = secrets.token_hex(8)
        answered = checks[number] = asyncio.get_running_loop().create_future()
        found.session.messages.put_nowait(f"{number} {found.registry_id}")
        try:
            async with asyncio.timeout(self._check_seconds):
                await asyncio.wait([answered])
        except TimeoutError:
            _log.warning("development_session_silent", registry_id=found.registry_id)
        finally:
            checks.pop(number, None)
            answered.cancel()
        return found.state is not before

    def checked(self, session: DevelopmentSession, number: str) -> None:
        """The session has looked at its source, and reported `building` before if it has changed."""
        answered = session.checks.get(number)
        if answered is not None and not answered.done():
            answered.set_result(None)

    def _is_open(self, found: DevelopedExtension) -> bool:
        return self._extensions.get((found.tenant_id, found.registry_id)) is found
