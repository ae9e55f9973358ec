"""`holdfast pack`: pack a built extension into one file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.author.building.packing import pack_project
from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import print_json, print_lines


async def pack(
    directory: Path = Path(),
    *,
    out: Annotated[Path | None, Parameter(help="The bundle to write. Default: dist/bundle.tar.zst in the extension's folder.")] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Pack a built extension into a bundle and write its SHA-256 next to it.

    The same files always produce the same bytes.

    Args:
        directory: The folder of the extension. Default: the current folder.
    """
    del data_dir  # every command accepts it, so that scripts need not know which ones use it
    report = await asyncio.to_thread(pack_project, directory, out)
    if json:
        print_json(
            {
                "path": str(report.path),
                "sha256": report.sha256,
                "size_bytes": report.size_bytes,
                "files": [{"name": name, "size_bytes": size} for name, size in report.files],
            }
        )
        return
    print_lines(*(f"  {size:>10,}  {name}" for name, size in report.files))
    print_lines(f"{report.path}  {report.size_bytes:,} bytes", f"sha256:{report.sha256}")
