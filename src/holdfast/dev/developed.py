"""One extension of a run: its loop, what it shows in the terminal, and what it reports to the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2

from holdfast.author.building.session import BuildSession
from holdfast.author.errors import Problem
from holdfast.concurrency.tasks import end_task
from holdfast.dev.call_lines import CallLines
from holdfast.dev.connection import DevelopmentConnection, open_http
from holdfast.dev.installer import OpenRegistry, ProjectInstaller
from holdfast.dev.outcome_lines import show_outcome, show_type_problems
from holdfast.dev.platform import PlatformAccess
from holdfast.dev.project_loop import Outcome, ProjectLoop
from holdfast.dev.projects import FullNames, NamedProject
from holdfast.dev.terminal.screen import Screen
from holdfast.gateway.development.reports import BuildState
from holdfast.registry.installs.results import Installed


class DevelopedExtension:
    """An extension that is being developed. `on_installed` is called after the first install under each of its names."""

    def __init__(
        self,
        project: NamedProject,
        build: BuildSession,
        *,
        names: FullNames,
        wait_for_platform: Callable[[], Awaitable[None]],
        open_registry: OpenRegistry,
        connection: DevelopmentConnection,
        screen: Screen,
        bundles: Path,
        page_url: str | None,
        on_installed: Callable[[DevelopedExtension, Installed], None],
        on_first_outcome: Callable[[], None],
    ) -> None:
        self.project = project
        self.registry_id: str | None = None
        self._screen = screen
        self._connection = connection
        self._on_installed = on_installed
        self._on_first_outcome = on_first_outcome
        self._has_outcome = self._had_type_problems = False
        self._shown_id: str | None = None
        self._installer = ProjectInstaller(project, names, wait_for_platform, open_registry, bundles, self.show_step, self._leave_name)
        self._loop = ProjectLoop(
            build,
            self._installer,
            report=self._report,
            on_outcome=self._show,
            on_types=self._show_types,
            page_url=page_url,
        )
        self._followed: asyncio.Queue[str] = asyncio.Queue()
        self._calls = CallLines(screen, project.name)

    async def run(self) -> None:
        """Builds whenever the source changes, until it is cancelled."""
        await self._loop.run()

    async def check(self) -> None:
        """See `ProjectLoop.check`."""
        await self._loop.check()

    async def follow_calls(self, platform: asyncio.Future[PlatformAccess]) -> None:
        """Shows the calls of the extension as soon as it is installed, until it is cancelled."""
        access = await asyncio.shield(platform)
        async with open_http(access.console, access.api_key) as http:
            registry_id = await self._followed.get()
            while True:
                registry_id = await self._follow_until_renamed(http, registry_id)

    async def _follow_until_renamed(self, http: httpx2.AsyncClient, registry_id: str) -> str:
        """Shows the calls of one install; returns the id of the next one."""
        following = asyncio.create_task(self._calls.follow(http, registry_id))
        renamed = asyncio.create_task(self._followed.get())
        try:
            await asyncio.wait([following, renamed], return_when=asyncio.FIRST_COMPLETED)
            if not renamed.done():
                await following
            return await renamed
        finally:
            await end_task(following)
            await end_task(renamed)

    def rebuild(self) -> None:
        """Builds everything once more."""
        self._loop.rebuild()

    def show_step(self, step: str) -> None:
        """Shows a step of the first build, which may download tools and packages; later ones are over before they could be read."""
        if not self._has_outcome:
            self._screen.event(self.project.name, step, "dim")

    async def _report(self, state: BuildState) -> None:
        full_name = self._installer.full_name
        if full_name is None:
            return
        registered = await self._connection.report(full_name, state)
        if registered is not None:
            self.registry_id = registered.registry_id

    async def _leave_name(self, old: str, installed: Installed) -> None:
        """The extension has another name: calls of the new one are checked, those of the old one wait for nothing."""
        self.registry_id = installed.registry_id
        await self._connection.withdraw(old)

    def _show(self, outcome: Outcome) -> None:
        show_outcome(self._screen, self.project.name, self.project.root, outcome)
        if outcome.installed is not None:
            self.registry_id = outcome.installed.registry_id
            if self._shown_id != self.registry_id:
                self._shown_id = self.registry_id
                self._followed.put_nowait(self.registry_id)
                self._on_installed(self, outcome.installed)
        if not self._has_outcome:
            self._has_outcome = True
            self._on_first_outcome()

    def _show_types(self, problems: tuple[Problem, ...]) -> None:
        show_type_problems(self._screen, self.project.name, self.project.root, problems, had_problems=self._had_type_problems)
        self._had_type_problems = bool(problems)
