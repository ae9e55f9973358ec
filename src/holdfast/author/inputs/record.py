"""The record of a project's last build, in `dist`: what each part depended on, what it produced, and whether the build failed."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from holdfast.author.errors import Problem
from holdfast.author.inputs.snapshot import Inputs, check_files, check_inputs
from holdfast.author.inputs.state import FileState
from holdfast.bundles.archive.layout import BUILD_RECORD

FORMAT = 2


class PartRecord(Struct, frozen=True, omit_defaults=True):
    """One part of a build. `constants` identifies options and tools; `code` the bundle that the component was made of.

    `made` names the parts that the project's own build script produced, `opened` the inputs that it opened; None: it may depend on any.
    """

    constants: str
    inputs: Inputs
    outputs: dict[str, FileState]
    code: str | None = None
    warnings: tuple[Problem, ...] = ()
    made: tuple[str, ...] = ()
    opened: tuple[str, ...] | None = None


class Record(Struct, frozen=True, omit_defaults=True):
    """The last build. `failed` is the message of a build that failed after these parts were built.

    `types` has the type errors, None if they are unknown. `served` has the files of the pages, by their names in the bundle.
    """

    format: int = FORMAT
    failed: str | None = None
    manifest: str = ""
    parts: dict[str, PartRecord] = {}
    component: FileState | None = None
    served: dict[str, FileState] = {}
    types: tuple[Problem, ...] | None = None


def read_record(project: Path) -> Record:
    """The record of `project`; an empty one when there is none, or another version of Holdfast wrote it."""
    try:
        record = msgspec.json.decode((project / BUILD_RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return Record()
    return record if record.format == FORMAT else Record()


def write_record(project: Path, record: Record) -> None:
    """Replaces the record."""
    path = project / BUILD_RECORD
    path.parent.mkdir(exist_ok=True)
    # Renamed into place: a killed build must not leave half a record.
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(msgspec.json.encode(record))
    partial.replace(path)


def check_part(project: Path, part: PartRecord | None, constants: str) -> PartRecord | None:
    """The part with newer stamps if it would be built from the same inputs and its outputs are still there; None otherwise."""
    if part is None or part.constants != constants:
        return None
    inputs = check_inputs(project, part.inputs)
    outputs = None if inputs is None else check_files(project, part.outputs)
    return None if inputs is None or outputs is None else msgspec.structs.replace(part, inputs=inputs, outputs=outputs)
