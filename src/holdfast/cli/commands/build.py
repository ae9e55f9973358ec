"""`holdfast build`: compile an extension's sources into its component and pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from holdfast.author.building.build import build as build_project
from holdfast.author.building.report import BuildReport
from holdfast.author.code_frame import render_problems
from holdfast.author.options import BuildOptions, GuestEngine
from holdfast.author.tools.toolchain import Toolchain
from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import note, print_json, print_lines, progress_notes


async def build(
    directory: Path = Path(),
    *,
    engine: Annotated[
        GuestEngine | None,
        Parameter(
            help="JavaScript engine of the component. starlingmonkey computes 2.4 times faster, has 12 MB and compiles slowly."
            " Default: `holdfast.engine` in package.json, or quickjs.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[bool, Parameter(negative="", help="Fail on type errors. Without it they are only reported.")] = False,
    force: Annotated[bool, Parameter(negative="", help="Build everything, also what has not changed.")] = False,
    skip_install: Annotated[bool, Parameter(negative="", help="Never run npm install.")] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Build an extension: its handler into dist/main.wasm, its pages into dist/ui.

    Args:
        directory: The folder of the extension. Default: the current folder.
    """
    del data_dir  # every command accepts it, so that scripts need not know which ones use it
    options = BuildOptions(engine=engine, strict=strict, force=force, skip_install=skip_install)
    report = await build_project(directory, toolchain=Toolchain(), progress=progress_notes(quiet=json), options=options)
    if json:
        print_json(msgspec.to_builtins(report, enc_hook=str))
        return
    _note_problems(report)
    if report.steps:
        note(", ".join(f"{step.name} {step.ms / 1000:.1f} s" for step in report.steps))
    if report.component is None:
        print_lines("Built the pages; this extension has no component.")
    else:
        print_lines(f"{'Unchanged:' if report.cached else 'Built'} {report.component}")


def _note_problems(report: BuildReport) -> None:
    """Warnings and type errors, with their lines of source; the build has succeeded all the same."""
    if report.warnings:
        note(render_problems(report.project, [msgspec.structs.replace(one, text=f"warning: {one.text}") for one in report.warnings]))
    if report.type_problems:
        count = len(report.type_problems)
        note(f"{render_problems(report.project, report.type_problems)}\n")
        note(f"{count} type error{'' if count == 1 else 's'}. The extension was built all the same; --strict makes this fail.")
