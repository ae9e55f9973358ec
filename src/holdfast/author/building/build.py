"""Builds a project once."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from holdfast.author.building.report import BuildReport
from holdfast.author.building.session import BuildSession
from holdfast.author.options import BuildOptions
from holdfast.author.tools.toolchain import Progress, Toolchain, no_progress


async def build(
    project: Path,
    *,
    toolchain: Toolchain | None = None,
    progress: Progress = no_progress,
    options: BuildOptions | None = None,
    force: bool = False,
) -> BuildReport:
    """Builds the extension in the folder `project`; skips the build when nothing has changed, unless `force`.

    `progress` gets a sentence before each step that takes time. Outputs are published completely or not at all. The report contains every
    type error. Raises BuildFailed, BuildToolError, ManifestError.
    """
    async with BuildSession(project, toolchain=toolchain, progress=progress, options=options) as session:
        report = await session.build(force=force)
        return replace(report, type_problems=await session.type_problems())
