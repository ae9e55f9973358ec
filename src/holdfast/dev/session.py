"""One run of `holdfast dev`, from its platform to its clean end.

platform (joined, or a child) ─┐
                               ├─▶ connection ──▶ checks ──▶ the extension that a call is for
loop of each project ──builds──┘        ▲
        │  installs, reports ───────────┘
        └──▶ lines on the screen ◀── debug events of each extension

The first builds run while the platform starts; their installs wait for it. A signal or `q` cancels everything, the platform last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec

from holdfast.author.building.session import BuildSession
from holdfast.author.options import BuildOptions
from holdfast.author.tools.toolchain import Toolchain
from holdfast.client.registry.protocol import Registry
from holdfast.dev.connection import DevelopmentConnection
from holdfast.dev.developed import DevelopedExtension
from holdfast.dev.options import DevOptions
from holdfast.dev.page_proxy import PageProxy
from holdfast.dev.platform import OwnPlatform, PlatformAccess, PlatformNotStarted, free_port
from holdfast.dev.projects import FullNames, NamedProject
from holdfast.dev.terminal.browser import has_display, open_browser
from holdfast.dev.terminal.keys import keys_read
from holdfast.dev.terminal.screen import Screen
from holdfast.platform.lock_file import page_of
from holdfast.platform.signals import run_together, run_until_signal
from holdfast.registry.installs.results import Installed

OpenRegistry = Callable[[Path], AbstractAsyncContextManager[Registry]]
BUNDLES = "dev-bundles"
DEFAULT_PORT, DEFAULT_RUNNER_PORT = 3000, 8085


class Quit(Exception):
    """Raised by the key `q`."""


class Development:
    """Everything of one run. `open_registry` opens the registry of the platform that runs on a data folder, for one install.

    `platform` is the one to join, or one of our own, launched and not begun.
    """

    def __init__(
        self,
        options: DevOptions,
        projects: list[NamedProject],
        screen: Screen,
        open_registry: OpenRegistry,
        platform: PlatformAccess | OwnPlatform,
    ) -> None:
        self._options = options
        self._projects = projects
        self._names = FullNames(projects)
        self._screen = screen
        self._open_registry = open_registry
        self._platform = platform
        self._joined: asyncio.Future[PlatformAccess] = asyncio.get_running_loop().create_future()
        self._extensions: list[DevelopedExtension] = []
        self._quit = asyncio.Event()
        self._has_keys = self._has_opened = False
        self._is_waited_for = len(projects)

    async def run(self) -> int:
        """Runs until a signal or `q`; returns the exit code. Raises PlatformNotStarted, PlatformNotJoined."""
        with keys_read(self._press) as self._has_keys:
            try:
                return await run_until_signal([self._serve()])
            except Quit:
                return 0

    async def _serve(self) -> None:
        async with AsyncExitStack() as stack:
            services: list[Coroutine[Any, Any, None]] = [self._wait_for_quit()]
            if isinstance(self._platform, OwnPlatform):
                await self._begin(self._platform)
                services += [_watch_platform(self._platform), self._become_ready(self._platform)]
            else:
                self._joined.set_result(self._platform)
                services.append(self._become_ready(None))
            # Below the data folder, each bundle of an extension over the one before: nothing is left elsewhere, even after SIGKILL.
            folder = self._options.data_dir / BUNDLES
            toolchain = Toolchain()
            connection = DevelopmentConnection(self._joined, self._check, self._link_changed)
            for project in self._projects:
                extension = await self._open_extension(stack, project, toolchain, connection, folder)
                self._extensions.append(extension)
                services += [extension.run(), extension.follow_calls(self._joined)]
            await run_together([connection.run(), *services])

    async def _begin(self, own: OwnPlatform) -> None:
        options = self._options
        port, runner_port = options.port, options.runner_port
        if port is None and (port := free_port(DEFAULT_PORT)) == 0:
            self._screen.lines(f"Port {DEFAULT_PORT} is in use; another one is chosen. --port selects one.")
        await own.begin(options.data_dir, port=port, runner_port=free_port(DEFAULT_RUNNER_PORT) if runner_port is None else runner_port)

    async def _become_ready(self, own: OwnPlatform | None) -> None:
        """Waits for the platform, shows where it is, and lets installs begin."""
        if own is not None:
            self._joined.set_result(await own.access())
        access = self._joined.result()
        joined = "Holdfast is running at" if own is not None else "Joined the platform at"
        lines = ["", f"{joined} {self._screen.paint(access.console, 'bold')}", f"  data      {self._options.data_dir}"]
        if access.email is not None:
            lines += [f"  email     {access.email}", f"  password  {access.password}"]
        self._screen.lines(*lines, "")
        self._screen.record("platform", **msgspec.to_builtins(access))

    async def _open_extension(
        self, stack: AsyncExitStack, project: NamedProject, toolchain: Toolchain, connection: DevelopmentConnection, folder: Path
    ) -> DevelopedExtension:
        def show_step(step: str) -> None:
            extension.show_step(step)

        build = await stack.enter_async_context(
            BuildSession(
                project.root,
                toolchain=toolchain,
                progress=show_step,
                artifacts=self._options.artifacts,
                options=BuildOptions(strict=self._options.strict, development=True),
            )
        )
        page_url = None
        if (ui_url := self._options.ui_urls.get(project.name)) is not None:
            page_url = await stack.enter_async_context(PageProxy(ui_url).serving())
        extension = DevelopedExtension(
            project,
            build,
            names=self._names,
            wait_for_platform=connection.wait_until_open,
            open_registry=lambda: self._open_registry(self._options.data_dir),
            connection=connection,
            screen=self._screen,
            bundles=folder,
            page_url=page_url,
            on_installed=self._installed,
            on_first_outcome=self._had_outcome,
        )
        return extension

    async def _check(self, registry_id: str) -> None:
        for extension in self._extensions:
            if extension.registry_id == registry_id:
                await extension.check()

    def _link_changed(self, is_open: bool) -> None:
        """Says that the platform is gone or back. What could not be installed meanwhile is installed then."""
        console = self._joined.result().console
        self._screen.record("platform_back" if is_open else "platform_lost", console=console)
        if not is_open:
            self._screen.event(None, f"The platform at {console} does not respond. Start it again at this address, or quit.", "red")
            return
        self._screen.event(None, f"The platform at {console} is back.", "green")
        for extension in self._extensions:
            extension.rebuild()

    def _installed(self, extension: DevelopedExtension, installed: Installed) -> None:
        page = page_of(self._joined.result().console, installed.registry_id)
        self._screen.raw_event(extension.project.name, f"{installed.display_name}  {self._screen.paint(page, 'cyan')}")
        self._screen.record("installed", extension.project.name, registryId=installed.registry_id, page=page)
        wants = has_display() if self._options.opens_browser is None else self._options.opens_browser
        if wants and not self._has_opened:
            self._has_opened = True
            self._open(page)

    def _had_outcome(self) -> None:
        self._is_waited_for -= 1
        if self._is_waited_for == 0:
            self._screen.record("watching")
            keys = "o opens the browser, r rebuilds, d opens the debug page, q quits." if self._has_keys else "Ctrl-C stops."
            self._screen.lines("", f"Watching for changes. {self._screen.paint(keys, 'dim')}", "")

    def _press(self, key: str) -> None:
        if key in ("q", "Q", "\x04"):
            self._quit.set()
        elif key in ("r", "R"):
            for extension in self._extensions:
                extension.rebuild()
        elif key in ("o", "O", "d", "D") and self._joined.done():
            page = self._first_page()
            self._open(f"{page}debug" if key in "dD" and page.endswith("/") else page)

    def _first_page(self) -> str:
        console = self._joined.result().console
        known = next((extension.registry_id for extension in self._extensions if extension.registry_id), None)
        return f"{console}/msp/extensions" if known is None else page_of(console, known)

    def _open(self, address: str) -> None:
        # In a thread: some browsers' starters take a second.
        opening = asyncio.get_running_loop().run_in_executor(None, open_browser, address)
        opening.add_done_callback(lambda done: None if done.exception() is None and done.result() else self._tell_address(address))

    def _tell_address(self, address: str) -> None:
        self._screen.event(None, f"No browser could be opened. The address is {address}", "dim")

    async def _wait_for_quit(self) -> None:
        await self._quit.wait()
        raise Quit


async def _watch_platform(own: OwnPlatform) -> None:
    code = await own.wait()
    raise PlatformNotStarted(f"The platform ended (exit code {code}).", hint=f"Its log is {own.log}.")
