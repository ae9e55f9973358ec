"""What the terminal shows of a build: the file that triggered it, how long each step took, and the error with its code frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from holdfast.author.code_frame import render_problems
from holdfast.author.errors import Problem
from holdfast.dev.failures import failed_text
from holdfast.dev.project_loop import Outcome
from holdfast.dev.renaming import Renamed
from holdfast.dev.terminal.screen import Screen

MAX_NAMED = 3
MAX_TYPE_PROBLEMS = 10


def show_outcome(screen: Screen, name: str, root: Path, outcome: Outcome) -> None:
    """Writes the line of a build that is over, and what belongs to it."""
    cause = cause_of(root, outcome.changed)
    screen.record("failed" if outcome.error else "built", name, **record_of(root, outcome))
    if outcome.error is not None:
        screen.event(name, f"{cause}build failed", "red", "bold")
        screen.event(name, failed_text(root, outcome.error), "red")
        screen.event(name, "The last good version keeps serving." if outcome.is_serving else "Waiting for a change.", "dim")
        return
    if outcome.changed and not outcome.is_new:
        text, style = (
            ("the error is gone, the version that serves is current", "green") if outcome.is_fixed else ("nothing to build", "dim")
        )
        screen.event(name, f"{cause}{text}", style)
        return
    screen.raw_event(name, f"{screen.paint(cause, 'bold') if cause else ''}{steps_of(screen, outcome)}")
    if outcome.renamed is not None:
        screen.event(name, renamed_text(outcome.renamed), "yellow")
    for right in outcome.rights.granted:
        screen.event(name, f"granted in development: {right}", "yellow")
    for right in outcome.rights.revoked:
        screen.event(name, f"revoked: {right}", "yellow")
    if outcome.report is not None and outcome.report.warnings:
        screen.event(name, "warning: " + render_problems(root, outcome.report.warnings, limit=MAX_TYPE_PROBLEMS), "yellow")


def renamed_text(renamed: Renamed) -> str:
    """What the extension is called now, and what became of the install of the old name."""
    text = f"{renamed.old} is now {renamed.new}"
    if renamed.stays:
        return (
            f"{text}. The install of the old name stays, because it is older than this session.\n"
            f"If you do not need it: holdfast uninstall {renamed.old}"
        )
    if renamed.storage_until is None:
        return f"{text}."
    until = f"{renamed.storage_until:%Y-%m-%d}"
    return f"{text}. The install of the old name, which this session made, is removed; what it stored is kept until {until}."


def record_of(root: Path, outcome: Outcome) -> dict[str, Any]:
    """The build as a JSON object."""
    changed = [named(root, path) for path in outcome.changed]
    if outcome.error is not None:
        return {"changed": changed, **outcome.error.to_json()}
    durations = {"buildMs": outcome.build_ms, "installMs": outcome.install_ms, "liveMs": outcome.live_ms if outcome.changed else None}
    return {
        "changed": changed,
        "contentHash": None if outcome.installed is None else outcome.installed.content_hash,
        "isNew": outcome.is_new,
        **durations,
        **({} if outcome.renamed is None else {"renamed": msgspec.to_builtins(outcome.renamed)}),
        "granted": outcome.rights.granted,
        "revoked": outcome.rights.revoked,
    }


def show_type_problems(screen: Screen, name: str, root: Path, problems: tuple[Problem, ...], *, had_problems: bool) -> None:
    """Writes the type errors of the last build, or that there are none any more."""
    if problems or had_problems:
        screen.record("types", name, problems=[str(problem) for problem in problems])
    if problems:
        count = f"{len(problems)} type error{'s' if len(problems) > 1 else ''} (the build runs all the same)"
        screen.event(name, f"{count}\n{render_problems(root, problems, limit=MAX_TYPE_PROBLEMS)}", "yellow")
    elif had_problems:
        screen.event(name, "no type errors any more", "green")


def cause_of(root: Path, changed: tuple[Path, ...]) -> str:
    """`src/handler.ts changed → `; empty for a build that no change triggered."""
    if not changed:
        return ""
    names = [named(root, path) for path in changed[:MAX_NAMED]]
    more = len(changed) - len(names)
    return f"{', '.join(names)}{f' and {more} more' if more > 0 else ''} changed → "


def named(root: Path, path: Path) -> str:
    """The path as people know it: below the project."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def steps_of(screen: Screen, outcome: Outcome) -> str:
    """`built 38 ms, installed 21 ms, live in 74 ms`."""
    if not outcome.is_new:
        return screen.paint("unchanged", "dim")
    cached = outcome.report is not None and outcome.report.cached
    built = "built before" if cached else f"built {outcome.build_ms:,.0f} ms"
    installed = f"installed {outcome.install_ms:,.0f} ms"
    # The first build may have waited for the platform: how long it took says nothing.
    live = screen.paint(f"live in {outcome.live_ms:,.0f} ms", "green", "bold")
    return f"{built}, {installed}, {live}" if outcome.changed else f"{built}, {installed}"
