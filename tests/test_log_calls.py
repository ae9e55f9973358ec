"""Every log call has a fixed event name and passes variables in fields, and only `holdfast.logs` uses the standard library's logging."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "holdfast"
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
LOGGERS = {"log", "_log", "logger", "_logger"}


@cache
def modules() -> list[tuple[str, ast.Module]]:
    return [(str(file.relative_to(SOURCE)), ast.parse(file.read_text())) for file in sorted(SOURCE.rglob("*.py"))]


def log_events(tree: ast.Module) -> Iterator[tuple[int, ast.expr | None]]:
    """The line of each log call and its event. `fast_info` has the logger before the event, `fast_line` the logger and the level."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=logger), attr=method)) if logger in LOGGERS and method in METHODS:
                yield node.lineno, node.args[0] if len(node.args) == 1 else None
            case ast.Call(func=ast.Name(id="fast_info")):
                yield node.lineno, node.args[1] if len(node.args) == 2 else None
            case ast.Call(func=ast.Name(id="fast_line")):
                yield node.lineno, node.args[2] if len(node.args) == 3 else None


PROMISED = {
    "gateway/calls/dispatch.py": "[",
    "gateway/runners/client.py": "Calling runner at ",
    "runner/process/serve.py": "Starting runner on port ",
}
"""Lines that the existing platform's guide tells operators to look for, with a variable in the text: where they are, how they start."""


def is_fixed(name: str, event: ast.expr | None) -> bool:
    match event:
        case ast.Constant(value=str()):
            return True
        case ast.JoinedStr(values=[ast.Constant(value=start), *_]):
            return start == PROMISED.get(name)
        case ast.Name(id=constant):
            return constant.isupper()
        case _:
            return False


def test_every_log_event_is_a_fixed_text_without_further_positional_arguments() -> None:
    calls = [(name, line, event) for name, tree in modules() if not name.startswith("logs/") for line, event in log_events(tree)]
    assert len(calls) > 30, "the search finds the calls"
    assert [f"{name}:{line}" for name, line, event in calls if not is_fixed(name, event)] == []


def test_only_the_logs_package_imports_the_standard_librarys_logging() -> None:
    importing = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(alias.name.partition(".")[0] == "logging" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module is not None and node.module.partition(".")[0] == "logging")
    ]
    assert [place for place in importing if not place.startswith("logs/")] == []


def test_every_logger_is_found_by_its_name() -> None:
    """The first test searches by the names of loggers, so a logger of another name would escape it."""
    others = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) in {"structlog.get_logger", "get_logger"}
        and not all(isinstance(target, ast.Name) and target.id in LOGGERS for target in node.targets)
    ]
    assert others == []
