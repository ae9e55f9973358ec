"""The output of one build step before it is final: published when every step has succeeded, else removed with its staging folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from msgspec import Struct

from holdfast.author.errors import Problem
from holdfast.author.inputs.snapshot import Inputs


class StagedOutput(Struct, frozen=True):
    """A finished file or folder at `path`, in a staging folder on the same file system as its final place `target`."""

    path: Path
    target: Path

    def publish(self) -> None:
        """Moves the output to `target` and removes what was there. A file is replaced in one step."""
        if self.path.is_file():
            self.path.replace(self.target)
            return
        self.path.chmod(0o755)
        old = self.path.with_name(f"{self.path.name}-old")
        if self.target.exists():
            self.target.rename(old)
        self.path.rename(self.target)
        shutil.rmtree(old, ignore_errors=True)


class BuiltPart(Struct, frozen=True):
    """One part of a build, not yet published.

    `inputs` is what it was made of. `code` identifies the bundle that a component was made of. `kept` means that the tools were not needed:
    the last outputs are still right, and `outputs` is empty.
    """

    outputs: tuple[StagedOutput, ...]
    inputs: Inputs
    warnings: tuple[Problem, ...] = ()
    code: str | None = None
    kept: bool = False

    def publish(self) -> None:
        """Publishes every output."""
        for output in self.outputs:
            output.publish()
