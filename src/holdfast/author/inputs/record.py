"""Recognizes an unchanged project: a hash of everything that a build depends on, and a record of the last build."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from holdfast.author import resources
from holdfast.bundles.store.hashing import hash_file

RECORD = ".holdfast-build.json"
# Outputs are not inputs. Neither is node_modules, which would take longer to read than a build; package-lock.json represents it.
_SKIPPED = {"dist", "node_modules", "__pycache__", "build"}


class Record(msgspec.Struct, frozen=True):
    """Written after a build: the hash of its inputs, and the hash of each output by its path in the project."""

    inputs: str
    outputs: dict[str, str]


def _files(root: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent) / name


def input_files(project: Path) -> frozenset[Path]:
    """The project's sources, and its folders."""
    files = set(_files(project))
    return frozenset(files | {path.parent for path in files})


def hash_inputs(project: Path, *, constants: Iterable[str]) -> str:
    """SHA-256 over the project's sources, the SDKs, the WIT text, and `constants` such as the toolchain's key."""
    digest = hashlib.sha256()
    for constant in constants:
        digest.update(constant.encode() + b"\0")
    roots = (
        project,
        resources.sdk_folder("typescript") / "src",
        resources.sdk_folder("python") / "holdfast_sdk",
        resources.WORLD_WIT.parent,
    )
    for root in roots:
        for path in _files(root):
            if path.is_file():
                # Name and size delimit each file: moving bytes from one file to the next must change the hash.
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.stat().st_size.to_bytes(8, "big"))
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _hash_outputs(project: Path) -> dict[str, str]:
    names = ("main.wasm", "development/main.wasm", "development/handler.js", "development/handler.json")
    outputs = [
        *(project / "dist" / name for name in names),
        *(_files(project / "dist" / "ui") if (project / "dist" / "ui").is_dir() else ()),
    ]
    return {path.relative_to(project).as_posix(): hash_file(path) for path in outputs if path.is_file()}


def is_up_to_date(project: Path, inputs: str) -> bool:
    """Whether the last build had these inputs and its outputs are still unchanged."""
    try:
        record = msgspec.json.decode((project / "dist" / RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return False
    return record.inputs == inputs and record.outputs == _hash_outputs(project)


def write_record(project: Path, inputs: str) -> None:
    """Records the build that has just finished."""
    folder = project / "dist"
    folder.mkdir(exist_ok=True)
    # Renamed into place: a killed build must not leave half a record.
    partial = folder / f"{RECORD}.partial"
    partial.write_bytes(msgspec.json.encode(Record(inputs, _hash_outputs(project))))
    partial.replace(folder / RECORD)
