"""A failed build as the terminal and the overlay show it."""

from __future__ import annotations

from pathlib import Path

from holdfast.author.code_frame import code_frame, render_problems
from holdfast.author.errors import BuildFailed, Problem
from holdfast.bundles.archive.layout import MANIFEST
from holdfast.bundles.manifest.parsing.errors import Issue, ManifestError
from holdfast.errors import HoldfastError
from holdfast.gateway.development.reports import BuildState, ReportedProblem

MAX_PROBLEMS = 20
MAX_TEXT = 4_000


def failed_state(project: Path, error: HoldfastError, last: BuildState) -> BuildState:
    """The state of a project whose build failed; what is served stays that of `last`."""
    problems = problems_of(error)
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
    problems = problems_of(error)
    parts = [title_of(error), render_problems(project, problems, limit=MAX_PROBLEMS) if problems else "", error.hint or ""]
    return "\n\n".join(part for part in parts if part)


def problems_of(error: HoldfastError) -> list[Problem]:
    """The problems that an error names with their places."""
    if isinstance(error, BuildFailed):
        return error.problems
    if isinstance(error, ManifestError):
        return [_problem_of_manifest(issue) for issue in error.details["issues"]]
    return []


def title_of(error: HoldfastError) -> str:
    """The message without the problems that follow it."""
    if isinstance(error, ManifestError):
        return "manifest.json is invalid."
    if isinstance(error, BuildFailed) and error.problems:
        return error.message.splitlines()[0]
    return error.message


def _problem_of_manifest(issue: Issue) -> Problem:
    where = "" if issue["path"] == "$" else f"{issue['path']}: "
    return Problem(f"{where}{issue['message']}", MANIFEST, issue.get("line"), issue.get("column"))
