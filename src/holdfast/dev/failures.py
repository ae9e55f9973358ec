"""A failed build as the terminal and the overlay show it."""

from __future__ import annotations

from pathlib import Path

from holdfast.author.code_frame import code_frame, render_problems
from holdfast.author.errors import BuildFailed, Problem
from holdfast.errors import HoldfastError
from holdfast.gateway.development.reports import BuildState, ReportedProblem

MAX_PROBLEMS = 20
MAX_TEXT = 4_000


def failed_state(project: Path, error: HoldfastError, last: BuildState) -> BuildState:
    """The state of a project whose build failed; what is served stays that of `last`."""
    problems = error.problems if isinstance(error, BuildFailed) else []
    return BuildState(
        status="failed",
        content_hash=last.content_hash,
        pages=last.pages,
        styles=last.styles,
        page_url=last.page_url,
        title=title_of(error),
        problems=tuple(reported(project, problem) for problem in problems[:MAX_PROBLEMS]),
        hint=error.hint,
    )


def reported(project: Path, problem: Problem) -> ReportedProblem:
    """A problem with its code frame."""
    frame = "\n".join(code_frame(project, problem))
    return ReportedProblem(
        text=problem.text[:MAX_TEXT], file=problem.file, line=problem.line, column=problem.column, frame=frame[:MAX_TEXT] or None
    )


def failed_text(project: Path, error: HoldfastError) -> str:
    """The message, each problem with its code frame, and what to do next."""
    problems = error.problems if isinstance(error, BuildFailed) else []
    parts = [title_of(error), render_problems(project, problems, limit=MAX_PROBLEMS) if problems else "", error.hint or ""]
    return "\n\n".join(part for part in parts if part)


def title_of(error: HoldfastError) -> str:
    """The message without the problems that `BuildFailed` appends to it."""
    if isinstance(error, BuildFailed) and error.problems:
        return error.message.splitlines()[0]
    return error.message
