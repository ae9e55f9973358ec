"""One project: from a change of its source to a new version that serves, or an error that is shown.

watcher, or a check of the gateway ──▶ fingerprints differ? ──▶ BuildQueue ──▶ report `building`: calls wait
                                            ▲                        │
                                            │                        ▼
      the build wanted another one: ────────┼───────────── build ──▶ pack ──▶ install ──▶ report `ready`: calls go on
      nothing is reported, the state        │                │        │          │
      stays `building`                      │                └────────┴──────────┴─error─▶ report `failed`: the last good one serves
                                            └── compared again after each build: an event that was lost is found here
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from holdfast.author.building.report import BuildReport
from holdfast.author.building.session import BuildSession
from holdfast.author.errors import BuildFailed, Problem
from holdfast.dev.failures import failed_state
from holdfast.dev.installer import ProjectInstaller, RightsChange, rights_change
from holdfast.dev.renaming import Renamed
from holdfast.dev.watching.build_queue import BuildQueue
from holdfast.dev.watching.fingerprint import Mark, changed_paths, fingerprint, newest_change
from holdfast.dev.watching.watcher import InputWatcher
from holdfast.errors import HoldfastError
from holdfast.gateway.development.reports import BuildState
from holdfast.platform.signals import run_together
from holdfast.registry.installs.results import Installed

RECENT_SECONDS = 30.0
"""A file that was written longer ago did not trigger this build by being saved: its copy was moved here, for example."""


class Outcome(Struct, frozen=True, kw_only=True):
    """One build that is over. `changed` are the paths that triggered it, none for the first; durations in milliseconds.

    `installed` is None after an `error`; `renamed` is set when the extension had another name until then. `is_new`: another bundle is
    served than before; `is_fixed`: the build before this one failed; `is_serving`: a version of this session serves. `live_ms` is from the
    save, as far as it is known, to the moment when the new version serves.
    """

    changed: tuple[Path, ...]
    report: BuildReport | None = None
    installed: Installed | None = None
    error: HoldfastError | None = None
    rights: RightsChange = RightsChange([], [])
    renamed: Renamed | None = None
    is_new: bool = True
    is_fixed: bool = False
    is_serving: bool = True
    build_ms: float = 0
    install_ms: float = 0
    live_ms: float = 0


Report = Callable[[BuildState], Awaitable[None]]


class ProjectLoop:
    """Builds and installs one project until it is cancelled.

    `report` sets its state at the gateway. `on_outcome` gets every build that is over, `on_types` the type errors of a build, when they
    are known.
    """

    def __init__(
        self,
        session: BuildSession,
        installer: ProjectInstaller,
        *,
        report: Report,
        on_outcome: Callable[[Outcome], None],
        on_types: Callable[[tuple[Problem, ...]], None],
        page_url: str | None = None,
    ) -> None:
        self._session = session
        self._root = session.root
        self._installer = installer
        self._report = report
        self._on_outcome = on_outcome
        self._on_types = on_types
        self._queue = BuildQueue()
        self._watcher = InputWatcher(self._root)
        self._inputs = fingerprint([self._root / "manifest.json"])
        self._state = BuildState(status="building", page_url=page_url)
        self._last: Installed | None = None
        self._types: asyncio.Task[None] | None = None
        self._reporting = asyncio.Lock()
        self._force = self._has_reported = self._has_failed = False
        self._queue.want()

    def rebuild(self) -> None:
        """Builds everything once more, whatever has changed."""
        self._force = True
        self._queue.want()

    async def check(self) -> None:
        """Compares the source with what was built last. If it differs, the state is reported as `building` before this returns."""
        if self._queue.is_idle:
            await self._compare()
        if not self._queue.is_idle:
            await self._set(replace(self._state, status="building"))

    async def run(self) -> None:
        """Watches and builds until it is cancelled."""
        try:
            await self._watcher.follow(self._inputs)
            await run_together([self._watch(), self._build()])
        finally:
            if self._types is not None:
                self._types.cancel()
            await self._watcher.close()

    async def _build(self) -> None:
        while True:
            changed = await self._queue.begin()
            try:
                outcome = await self._run_one(tuple(sorted(changed)))
            finally:
                self._queue.end()
            await self._compare()
            if not self._queue.is_wanted:
                await self._finish(outcome)
            elif outcome.error is None:
                self._on_outcome(outcome)

    async def _watch(self) -> None:
        while True:
            await self._watcher.wait()
            await self._watcher.follow(self._inputs)
            await self._compare()
            if self._queue.is_wanted:
                await self._set(replace(self._state, status="building"))

    async def _compare(self) -> None:
        """Wants a build if the inputs are not those that the last build began with."""
        before = self._inputs
        now = await asyncio.to_thread(fingerprint, before)
        # A build that has begun meanwhile compares again itself.
        if before is self._inputs and (changed := changed_paths(before, now)):
            self._inputs = now
            self._queue.want(changed)

    async def _run_one(self, changed: tuple[Path, ...]) -> Outcome:
        """Builds, packs and installs. Never raises HoldfastError."""
        began, saved = time.perf_counter(), self._seconds_since(changed)
        # Before the build reads anything: a file that is written while it is read has another mark afterwards.
        marks = await asyncio.to_thread(fingerprint, self._inputs)
        await self._set(replace(self._state, status="building"))
        force, self._force = self._force, False
        try:
            report = await self._session.build(force=force)
            built = time.perf_counter()
            await self._installer.wait_for_platform()
            waited = time.perf_counter()
            installed, renamed = await self._installer.install()
        except HoldfastError as error:
            return self._failed(changed, error)
        except OSError as error:
            # The project is being moved, or a file vanished while it was packed.
            unreadable = BuildFailed(
                f"Cannot read {error.filename or self._root}: {error.strerror}.", hint="It is built again when it changes."
            )
            return self._failed(changed, unreadable)
        finally:
            await self._follow_inputs(marks)
        done = time.perf_counter()
        before, self._last = self._last, installed
        return Outcome(
            changed=changed,
            report=report,
            installed=installed,
            rights=rights_change(before, installed),
            renamed=renamed,
            is_fixed=self._has_failed,
            is_new=before is None or before.content_hash != installed.content_hash,
            build_ms=(built - began) * 1000,
            install_ms=(done - waited) * 1000,
            live_ms=(done - began + saved) * 1000,
        )

    def _failed(self, changed: tuple[Path, ...], error: HoldfastError) -> Outcome:
        return Outcome(changed=changed, error=error, is_serving=self._last is not None)

    async def _follow_inputs(self, marks: dict[Path, Mark]) -> None:
        """Watches what this build depended on. Its marks are those from before the build; a new input's is that of now."""
        inputs = {*self._session.inputs, self._root / "manifest.json"}
        known = {path: mark for path, mark in marks.items() if path in inputs}
        added = await asyncio.to_thread(fingerprint, inputs - known.keys())
        self._inputs = {**known, **added}
        await self._watcher.follow(self._inputs)

    async def _finish(self, outcome: Outcome) -> None:
        self._has_failed = outcome.error is not None
        if outcome.error is not None:
            await self._set(failed_state(self._root, outcome.error, self._state), unless_wanted=True)
        elif outcome.installed is not None:
            files = await asyncio.to_thread(self._installer.page_files)
            ready = BuildState(
                status="ready",
                content_hash=outcome.installed.content_hash,
                pages=files.pages,
                styles=files.styles,
                page_url=self._state.page_url,
            )
            await self._set(ready, unless_wanted=True)
        self._on_outcome(outcome)
        if self._types is not None:
            self._types.cancel()
        if outcome.error is None:
            self._types = asyncio.create_task(self._report_types())

    async def _report_types(self) -> None:
        try:
            problems = await self._session.type_problems()
        except HoldfastError:
            return
        self._on_types(problems)

    async def _set(self, state: BuildState, *, unless_wanted: bool = False) -> None:
        """Reports a state; with `unless_wanted` only if it is still about the newest source."""
        # One after the other: `building` must not be overtaken by the `ready` of an earlier build.
        async with self._reporting:
            if unless_wanted and self._queue.is_wanted:
                return
            if state != self._state or not self._has_reported:
                self._state, self._has_reported = state, True
                await self._report(state)

    def _seconds_since(self, changed: tuple[Path, ...]) -> float:
        """How long ago the newest of these files was saved; 0 if that is unknown."""
        newest = newest_change(changed)
        seconds = 0.0 if newest is None else time.time() - newest
        return seconds if 0 <= seconds <= RECENT_SECONDS else 0.0
