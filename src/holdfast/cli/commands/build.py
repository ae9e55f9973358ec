"""`holdfast build`: compile an extension's sources into its component and pages."""

from __future__ import annotations

from pathlib import Path

import msgspec

from holdfast.author.build import build as build_project
from holdfast.author.toolchain import Toolchain
from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import print_json, print_lines, progress_notes


async def build(directory: Path = Path(), *, data_dir: DataDir = None, json: Json = False) -> None:
    """Build an extension: its handler into dist/main.wasm, its pages into dist/ui.

    Args:
        directory: The folder of the extension. Default: the current folder.
    """
    del data_dir  # every command accepts it, so that scripts need not know which ones use it
    report = await build_project(directory, toolchain=Toolchain(), progress=progress_notes(quiet=json))
    if json:
        print_json(msgspec.to_builtins(report, enc_hook=str))
    elif report.component is None:
        print_lines("Built the pages; this extension has no component.")
    else:
        print_lines(f"{'Unchanged:' if report.cached else 'Built'} {report.component}")
