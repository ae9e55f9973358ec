"""The errors of a build, with file and line where they are known, and what to do next."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from holdfast.errors import CodedError, HoldfastError


class Problem(Struct, frozen=True):
    """One problem that a tool reported. `file` is relative to the project if it is inside; line and column count from 1."""

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
    """Raised when a project cannot be built; `problems` has the tool's own messages with file and line."""

    code = "build_failed"
    status = 400

    def __init__(self, message: str, *, hint: str | None = None, problems: list[Problem] | None = None) -> None:
        self.problems = problems or []
        text = "\n".join([message, *map(str, self.problems)])
        details = [{"file": p.file, "line": p.line, "column": p.column, "message": p.text} for p in self.problems]
        super().__init__(text, hint=hint, details={"problems": details} if details else None)


class BuildToolError(CodedError):
    """Raised when a build tool cannot do its work, whatever the project contains.

    - `toolchain_unavailable`: Node, npm, componentize-py or a pinned package is missing or too old
    - `tool_timeout`: a tool did not finish in time and was killed
    """

    STATUSES: ClassVar = {"toolchain_unavailable": 500, "tool_timeout": 500}
