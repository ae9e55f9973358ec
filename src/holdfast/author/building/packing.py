"""Packs a project only if what is in `dist` was built from the sources as they are now."""

from __future__ import annotations

from pathlib import Path

from holdfast.author.inputs.record import PartRecord, read_record
from holdfast.author.inputs.snapshot import changed_files, check_files
from holdfast.bundles.archive.packing import PackFailed, PackReport, pack

_SHOWN = 3


def _require_current(project: Path, part: PartRecord) -> None:
    if not part.outputs or check_files(project, part.outputs) is None:
        return  # another tool has built the project since
    changed = changed_files(project, part.inputs)
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise PackFailed(
            f"What is in dist is older than its sources: {', '.join(changed[:_SHOWN])}{more} changed since the last build.",
            hint="Run `holdfast build` first.",
        )


def pack_project(project: Path, out: Path | None = None) -> PackReport:
    """Packs the project in the folder `project`; see `holdfast.bundles.archive.packing.pack`.

    Raises PackFailed also when the last build failed, or when a source has changed since; ManifestMissing, ManifestError.
    """
    root = project.resolve()
    for name, part in read_record(root).parts.items():
        if name != "development":
            _require_current(root, part)
    return pack(project, out)
