"""One extension of a run: its loop, what it shows in the terminal, and what it reports to the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from holdfast.author.building.session import BuildSession
from holdfast.author.errors import Problem
from holdfast.dev.call_lines import CallLines
from holdfast.dev.connection import DevelopmentConnection, open_http
from holdfast.dev.installer import OpenRegistry, ProjectInstaller
from holdfast.dev.outcome_lines import show_outcome, show_type_problems
from holdfast.dev.platform import PlatformAccess
from holdfast.dev.project_loop import Outcome, ProjectLoop
from holdfast.dev.projects import NamedProject
from holdfast.dev.terminal.screen import Screen
from holdfast.gateway.development.reports import BuildState
from holdfast.registry.installs.results import Installed


class DevelopedExtension:
    """An extension that is being developed. `on_installed` is called once, after its first install."""

    def __init__(
        self,
        project: NamedProject,
        build: BuildSession,
        *,
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
        self._has_outcome = self._is_installed = self._had_type_problems = False
        bundles.mkdir(parents=True, exist_ok=True)
        self._loop = ProjectLoop(
            build,
            ProjectInstaller(project.root, wait_for_platform, open_registry, bundles, self.show_step),
            report=self._report,
            on_outcome=self._show,
            on_types=self._show_types,
            page_url=page_url,
        )
        self._known = asyncio.Event()
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
        await self._known.wait()
        assert self.registry_id is not None
        async with open_http(access.console, access.api_key) as http:
            await self._calls.follow(http, self.registry_id)

    def rebuild(self) -> None:
        """Builds everything once more."""
        self._loop.rebuild()

    def show_step(self, step: str) -> None:
        """Shows a step of the first build, which may download tools and packages; later ones are over before they could be read."""
        if not self._has_outcome:
            self._screen.event(self.project.name, step, "dim")

    async def _report(self, state: BuildState) -> None:
        registered = await self._connection.report(self.project.full_name, state)
        if registered is not None:
            self.registry_id = registered.registry_id

    def _show(self, outcome: Outcome) -> None:
        show_outcome(self._screen, self.project.name, self.project.root, outcome)
        if outcome.installed is not None:
            self.registry_id = outcome.installed.registry_id
            if not self._is_installed:
                self._is_installed = True
                self._known.set()
                self._on_installed(self, outcome.installed)
        if not self._has_outcome:
            self._has_outcome = True
            self._on_first_outcome()

    def _show_types(self, problems: tuple[Problem, ...]) -> None:
        show_type_problems(self._screen, self.project.name, self.project.root, problems, had_problems=self._had_type_problems)
        self._had_type_problems = bool(problems)
