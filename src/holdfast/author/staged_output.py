"""What a build has made but not yet put in place: placed when everything succeeded, thrown away otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path

from msgspec import Struct


class StagedOutput(Struct, frozen=True):
    """A finished file or folder at `path`, beside `target`, where it belongs."""

    path: Path
    target: Path

    def place(self) -> None:
        """Puts it where it belongs; what was there is gone. A file is replaced in one step."""
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
        if self.path.is_dir():
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path.unlink(missing_ok=True)
