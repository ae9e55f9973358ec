"""What tools report, as sentences for an author: what happened, and what to do next."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from holdfast.author import resources
from holdfast.author.errors import BuildFailed, Problem

_UNRESOLVED = re.compile(r'Could not resolve "([^"]+)"(.*)', re.DOTALL)
_NO_LOADER = re.compile(r'No loader is configured for "([^"]*)" files: (\S+)')
_SDK_PATH = re.compile(r'"[^"]*sdk/typescript/src/(?:iframe/)?index\.ts"')

NODE_MODULES = frozenset(
    re.findall(
        r"\w+",
        "assert async_hooks buffer child_process cluster console crypto dgram diagnostics_channel dns domain events fs http http2 https "
        "inspector module net os path perf_hooks process punycode querystring readline repl stream string_decoder sys timers tls tty url "
        "util v8 vm worker_threads zlib",
    )
)
"""The modules of Node itself, which packages import with or without the prefix `node:`."""

_INSTEAD = {
    "fs": "An extension has no file system. Import the file (`import text from './file.txt'`), or keep data with host.storage.",
    "http": "Call servers with fetch or host.http.fetch.",
    "https": "Call servers with fetch or host.http.fetch.",
    "http2": "Call servers with fetch or host.http.fetch.",
    "net": "An extension has no sockets. Call servers with fetch or host.http.fetch.",
    "tls": "An extension has no sockets. Call servers with fetch or host.http.fetch.",
    "dgram": "An extension has no sockets. Call servers with fetch or host.http.fetch.",
    "dns": "An extension has no sockets. Call servers with fetch or host.http.fetch.",
    "child_process": "An extension cannot start programs.",
    "cluster": "An extension cannot start processes.",
    "worker_threads": "An extension has one thread.",
    "os": "An extension has no operating system.",
    "crypto": "Use the global `crypto` (Web Crypto).",
    "stream": "Use web streams, or a package with a build for browsers.",
    "zlib": "Use a package in JavaScript, such as fflate.",
}
_BROWSER_BUILD = "Use a package that has a build for browsers or edge workers."


def _dependencies(project: Path) -> set[str]:
    try:
        package = json.loads((project / "package.json").read_bytes())
    except (OSError, ValueError):
        return set()
    tables = (
        (package.get(name) for name in ("dependencies", "devDependencies", "optionalDependencies")) if isinstance(package, dict) else ()
    )
    return {name for table in tables if isinstance(table, dict) for name in table}


def _package_name(specifier: str) -> str:
    return "/".join(specifier.split("/")[: 2 if specifier.startswith("@") else 1])


def _is_installed(project: Path, name: str) -> bool:
    return any((folder / "node_modules" / name).is_dir() for folder in (project, *project.parents))


def _explain_unresolved(project: Path, problem: Problem, specifier: str, notes: str) -> Problem:
    root = specifier.removeprefix("node:").split("/")[0]
    if specifier.startswith("node:") or root in NODE_MODULES:
        instead = _INSTEAD.get(root, _BROWSER_BUILD)
        text = f'Could not resolve "{specifier}": it is a module of Node, and extensions do not run on Node.'
        return replace(problem, text=text, hint=instead)
    if specifier.startswith((".", "/")):
        return replace(problem, text=f'Could not resolve "{specifier}": there is no such file.', hint="Correct the path of the import.")
    name = _package_name(specifier)
    first = f'Could not resolve "{specifier}"'
    if not re.fullmatch(r"(@[a-z0-9-~][\w.~-]*/)?[a-z0-9-~][\w.~-]*", name):
        text = f"{first}: it is neither a path nor the name of a package."
        return replace(problem, text=text, hint="If it is a short name for a folder, declare it in `paths` of tsconfig.json.")
    if _is_installed(project, name):
        return replace(problem, text=f"{first}: the installed package {name} has no such module.{notes}", hint="Correct the import.")
    if name in _dependencies(project):
        text = f"{first}: package.json names {name}, but it is not installed."
        return replace(problem, text=text, hint="Run `npm install` in the project.")
    text = f"{first}: the package {name} is not installed."
    return replace(problem, text=text, hint=f"Run `npm install {name}` in the project, or correct the import.")


def explain(project: Path, problem: Problem) -> Problem:
    """`problem` of a JavaScript tool, in words for the author, with the way out where it is known."""
    text = _SDK_PATH.sub('"@holdfast/sdk"', problem.text)
    unresolved = _UNRESOLVED.match(text)
    if unresolved is not None:
        notes = "" if "You can mark the path" in unresolved[2] and "\nThe path" not in unresolved[2] else unresolved[2]
        notes = "\n".join(line for line in notes.splitlines() if "mark the path" not in line and "platform" not in line)
        return _explain_unresolved(project, problem, unresolved[1], notes)
    if text.startswith("Top-level await"):
        text = "Top-level await is not possible: a module must load without waiting."
    no_loader = _NO_LOADER.match(text)
    if no_loader is not None:
        hint = "Import text (.txt, .html, .md, .sql, .svg), data (.json) or bytes (.bin, .png), or put the content into a module."
        return replace(problem, text=f"Files that end in {no_loader[1]} cannot be imported: {no_loader[2]}", hint=hint)
    return replace(problem, text=text, hint=problem.hint or _way_out(text))


def _way_out(text: str) -> str | None:
    if "Top-level await" in text:
        return "Move the await into the handler: code at the top level of a module runs once, at build time."
    if "start a worker from a file" in text:
        return (
            "Do the work in the page, or start the worker from a Blob, as Vite does for `import Work from './work?worker&inline'`. "
            "The operator of the platform has to allow that, with `worker-src blob:` in EXT_UI_CONTENT_SECURITY_POLICY."
        )
    if "no function named handler" in text:
        return "Export the handler as `handler` or as the default export."
    if "Failed to evaluate" in text:
        return (
            "Code at the top level of a module runs once, when the extension is built. "
            "What needs a call or the host belongs in the handler."
        )
    return None


def problem_of(project: Path, raw: dict[str, Any]) -> Problem:
    """A problem as the driver reports it, in words for the author."""
    file, line, column, source = raw["file"], raw["line"], raw["column"], raw["source"]
    sdk = resources.sdk_folder("typescript")
    if file is not None and Path(file).is_relative_to(project):
        file = Path(file).relative_to(project).as_posix()
    elif file is not None and (Path(file).is_relative_to(sdk) or Path(file).name == "holdfast-entry.js"):
        # Authors cannot edit these, so their positions would mislead.
        file = line = column = source = None
    if file == "holdfast-entry.js":
        file = line = column = source = None
    return explain(project, Problem(raw["text"], file, line, column, source))


def build_failed(project: Path, message: str, problems: list[Problem]) -> BuildFailed:
    """The error of a build with `problems`: each is shown with its lines of source, and with its way out unless all have the same."""
    hints = list(dict.fromkeys(problem.hint for problem in problems if problem.hint))
    if len(hints) == 1:
        problems = [replace(problem, hint=None) for problem in problems]
    return BuildFailed(message, problems=problems, hint=hints[0] if len(hints) == 1 else None, project=project)
