"""The result of a build: outputs, what changed, and how long each step took."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from holdfast.author.errors import Problem
from holdfast.author.inputs.record import Record
from holdfast.author.inputs.served import changed_names
from holdfast.author.project import Language


class Step(Struct, frozen=True):
    """One step of a build that did some work, with its duration in milliseconds. Steps can overlap."""

    name: str
    ms: float


class Changed(Struct, frozen=True):
    """What this build changed, compared to the last successful build. `styles_only`: of the pages, only style sheets changed."""

    component: bool = False
    pages: bool = False
    styles_only: bool = False
    manifest: bool = False

    def __bool__(self) -> bool:
        return self.component or self.pages or self.manifest


class BuildReport(Struct, frozen=True):
    """The result of a build. `component` and `pages` are None when the extension has none; `cached` means that nothing had changed.

    `type_problems` contains only what was known when the build ended; `BuildSession.type_problems` waits for the rest.
    """

    project: Path
    language: Language | None
    component: Path | None
    component_bytes: int | None
    pages: Path | None
    cached: bool
    duration_ms: float
    steps: tuple[Step, ...] = ()
    changed: Changed = Changed()
    warnings: tuple[Problem, ...] = ()
    type_problems: tuple[Problem, ...] = ()


def compare_records(last: Record, current: Record) -> Changed:
    """What changed between two successful builds."""
    pages = changed_names(last.served, current.served)
    return Changed(
        component=_component_hashes(last) != _component_hashes(current),
        pages=bool(pages),
        styles_only=bool(pages) and all(name.endswith(".css") for name in pages) and bool(last.served),
        manifest=last.manifest != current.manifest,
    )


def _component_hashes(record: Record) -> dict[str, str]:
    parts = [record.parts[name] for name in ("component", "development") if name in record.parts]
    outputs = {name: state.sha256 for part in parts for name, state in part.outputs.items()}
    return outputs if record.component is None else {**outputs, "dist/main.wasm": record.component.sha256}
