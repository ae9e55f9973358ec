"""What goes wrong for an author, with the place and the remedy."""

from __future__ import annotations

from msgspec import Struct

from holdfast.errors import HoldfastError


class Problem(Struct, frozen=True):
    """One fault a tool reported. `file` is relative to the project where it lies in it; line and column count from 1."""

    text: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    source: str | None = None

    def __str__(self) -> str:
        if self.file is None:
            return self.text
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.text}" if self.source is None else f"{place}: {self.text}\n    {self.source.strip()}"


class BuildFailed(HoldfastError):
    """Raised when a project cannot be built; `problems` has the tool's own words with file and line."""

    code = "build_failed"
    status = 400

    def __init__(self, message: str, *, hint: str | None = None, problems: list[Problem] | None = None) -> None:
        self.problems = problems or []
        text = "\n".join([message, *map(str, self.problems)])
        details = [{"file": p.file, "line": p.line, "column": p.column, "message": p.text} for p in self.problems]
        super().__init__(text, hint=hint, details={"problems": details} if details else None)


class ToolchainUnavailable(HoldfastError):
    """Raised when Node, npm or the pinned packages cannot be had."""

    code = "toolchain_unavailable"
    status = 500


class ToolTimeout(HoldfastError):
    """Raised when a tool did not end within its time; it has been killed."""

    code = "tool_timeout"
    status = 500
