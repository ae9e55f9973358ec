"""`holdfast dev`: build and install extensions whenever their source changes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.options import DataDir, Json
from holdfast.client.registry.protocol import Registry
from holdfast.client.target import Target


async def dev(
    *directories: Annotated[Path, Parameter(help="Folders of extensions. Default: the current folder.")],
    ui_url: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            show_default=False,
            help="Show this development server in the frame, such as http://localhost:5173. Several: NAME=URL.",
        ),
    ] = (),
    opens_browser: Annotated[
        bool | None,
        Parameter("--open", negative="--no-open", show_default=False, help="Open the browser. Default: if there is a display."),
    ] = None,
    port: Annotated[int | None, Parameter(help="Port of gateway and console. Default: 3000, or a free one.")] = None,
    runner_port: Annotated[int | None, Parameter(help="Port of the runner. Default: 8085, or a free one.")] = None,
    strict: Annotated[bool, Parameter(negative="", help="A type error fails the build.")] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Build and install extensions whenever their source changes, and show them in the browser.

    It joins the platform that runs, or starts one. After a save, the new handler serves without a restart, and the page in the browser
    follows: style sheets are replaced, anything else reloads only the frame. A failed build keeps the last good version and shows the
    error here and over the page. With --json it prints one line for each event.
    """
    # Imported here: `holdfast dev --help` needs none of it.
    from holdfast.dev.platform import OwnPlatform, PlatformAccess, find_running, launch_platform
    from holdfast.dev.terminal.screen import Screen

    screen = Screen(as_json=json)
    folder = await asyncio.to_thread(_data_folder, data_dir)
    async with AsyncExitStack() as stack:
        platform: PlatformAccess | OwnPlatform | None = await find_running(folder, screen.lines)
        if platform is None:
            platform = await stack.enter_async_context(launch_platform())
        # Imported now, while the process of the platform does its own imports.
        from holdfast.dev.options import DevOptions, read_ui_urls
        from holdfast.dev.projects import read_projects
        from holdfast.dev.session import Development
        from holdfast.logs import configure_logs
        from holdfast.settings import load_settings

        folders = directories or (Path(),)
        projects = read_projects(folders)
        names = [project.name for project in projects]
        settings = load_settings(data_dir=folder)
        options = DevOptions(
            projects=tuple(folders),
            data_dir=folder,
            artifacts=settings.resolved_artifact_root,
            port=port,
            runner_port=runner_port,
            opens_browser=opens_browser,
            ui_urls=read_ui_urls(ui_url, names),
            strict=strict,
        )
        # What the command has to say is on its screen; its log is for what it does not expect.
        configure_logs(settings.replaced(log_level="warning"))
        screen.set_names(names)
        # Disabled while it was imported, see `cli.main`. What is there now lives to the end.
        gc.freeze()
        gc.enable()
        return await Development(options, projects, screen, _open_registry, platform).run()


def _data_folder(given: Path | None) -> Path:
    """The folder that was named, else that of the platform that runs here, else the one to start a platform in."""
    from holdfast.cli.terminal.printing import note
    from holdfast.client.location.find import folder_to_start_in, running_data_folder
    from holdfast.client.location.folders import current_folder
    from holdfast.settings import load_settings

    settings = load_settings(data_dir=given)
    running = None if "data_dir" in settings.names_set else running_data_folder(current_folder())
    return (running or folder_to_start_in(settings, note)).resolve()


@asynccontextmanager
async def _open_registry(data_dir: Path) -> AsyncIterator[Registry]:
    async with open_registry(Target(data_dir=data_dir)) as registry:
        yield registry
