"""The output of one build step before it is final: published when every step has succeeded, discarded otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path

from msgspec import Struct

from holdfast.author.errors import Problem


class StagedOutput(Struct, frozen=True):
    """A finished file or folder at `path`, in the same folder as its final place `target`."""

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

    def discard(self) -> None:
        """Removes the output."""
        if self.path.is_dir():
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path.unlink(missing_ok=True)


class BuiltPart(Struct, frozen=True):
    """One part of a build: its outputs, not yet published, the files that it was made of, and the warnings of its tools."""

    outputs: tuple[StagedOutput, ...]
    inputs: frozenset[Path]
    warnings: tuple[Problem, ...] = ()

    def publish(self) -> None:
        """Publishes every output."""
        for output in self.outputs:
            output.publish()

    def discard(self) -> None:
        """Removes every output."""
        for output in self.outputs:
            output.discard()
