"""`alga build` and `alga pack`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from holdfast.author.building.packing import pack_project
from holdfast.cli.alga.arguments import AlgaError, Arguments, read_arguments
from holdfast.cli.alga.unknown_options import note_unknown
from holdfast.cli.terminal.printing import note, print_lines, progress_notes
from holdfast.errors import HoldfastError

PROJECT = ("--project", "--dir", "--cwd")
FORCE = ("--force", "-f")


async def build(tokens: Sequence[str]) -> int:
    """Builds the project; returns the exit code."""
    from holdfast.author.building.build import build as build_project
    from holdfast.author.options import BuildOptions, GuestEngine
    from holdfast.author.tools.toolchain import Toolchain

    given = read_arguments(tokens, values=[PROJECT, ("--engine",)], switches=[("--skip-install",), ("--strict",), FORCE])
    note_unknown(given)
    engine = given.values.get("--engine")
    if engine is not None and engine not in [*GuestEngine]:
        raise AlgaError(f"Error: --engine must be one of {'|'.join(GuestEngine)}")
    project = project_folder(given)
    options = BuildOptions(
        engine=None if engine is None else GuestEngine(engine),
        strict="--strict" in given.switches,
        skip_install="--skip-install" in given.switches,
        force="--force" in given.switches,
    )
    try:
        require_manifest(project)
        report = await build_project(project, toolchain=Toolchain(), progress=progress_notes(quiet=False), options=options)
    except HoldfastError as error:
        note(f"[build] failed: {error}")
        return 1
    for problem in (*report.warnings, *report.type_problems):
        note(f"[build] warning: {problem}")
    if report.component is None:
        print_lines("[build] success (UI-only extension, no WASM build required)")
    else:
        print_lines(f"[build] success: {report.component}")
    return 0


async def pack(tokens: Sequence[str]) -> int:
    """Packs what was built; returns the exit code. An existing bundle is replaced in one step, with or without --force."""
    given = read_arguments(tokens, values=[PROJECT, ("--out", "--outfile")], switches=[FORCE])
    note_unknown(given)
    project = project_folder(given)
    require_manifest(project)
    # Two words are what some pages of the existing platform show: `alga pack DIR BUNDLE`.
    out = given.values.get("--out") or given.word(1)
    report = await asyncio.to_thread(pack_project, project, None if out is None else Path(out))
    staged = dict.fromkeys(name.partition("/")[0] for name, _ in report.files)
    print_lines(*(f"[pack-project] staged: {name}" for name in staged))
    print_lines(f"sha256:{report.sha256}  {report.path}", f"[pack] wrote sidecar: {report.sidecar}")
    print_lines("", f"[pack] Bundle ready to install into AlgaPSA: {report.path}")
    return 0


def project_folder(given: Arguments) -> Path:
    """The folder of --project, or of the first word, or the current one."""
    return Path(given.values.get("--project") or given.word(0) or ".").absolute()


def require_manifest(project: Path) -> None:
    """Raises AlgaError when the folder is not a project."""
    if not (project / "manifest.json").is_file():
        raise AlgaError(f"manifest.json not found in project: {project}")
