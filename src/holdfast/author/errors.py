"""The errors of a build, with file and line where they are known, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from holdfast.author.code_frame import Problem, render_problem
from holdfast.errors import CodedError, HoldfastError

__all__ = ["BuildFailed", "BuildToolError", "Problem"]


class BuildFailed(HoldfastError):
    """Raised when a project cannot be built; `problems` has the tools' messages with file and line.

    `inputs` are the files and folders that the failed attempt read, as far as its tool says so. `project` is the folder that the files of
    the problems are relative to.
    """

    code = "build_failed"
    status = 400

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        problems: list[Problem] | None = None,
        project: Path | None = None,
        inputs: frozenset[Path] = frozenset(),
    ) -> None:
        self.problems = problems or []
        self.summary = message
        """The message without the problems."""
        self.inputs = inputs
        text = "\n".join([message, *(render_problem(project, problem) for problem in self.problems)])
        details = [{"file": p.file, "line": p.line, "column": p.column, "message": p.text} for p in self.problems]
        super().__init__(text, hint=hint, details={"problems": details} if details else None)


class BuildToolError(CodedError):
    """Raised when a build tool cannot do its work, whatever the project contains.

    - `toolchain_unavailable`: Node, npm, componentize-py or a pinned package is missing or too old
    - `tool_timeout`: a tool did not finish in time and was killed
    """

    STATUSES: ClassVar = {"toolchain_unavailable": 500, "tool_timeout": 500}
