"""Installs the packages of `requirements.txt`, once per content, for the interpreter of components and not for the one of this machine.

requirements.txt ──▶ packages-<hash>/ in the cache? ──yes──▶ used
                               │ no
                               ▼
pip install --target, wheels only ──renamed──▶ packages-<hash>/     (an error or a cancellation leaves nothing)
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import re
import sys
from pathlib import Path

from holdfast.author.errors import BuildFailed, BuildToolError, Problem
from holdfast.author.python.cache import PythonCache
from holdfast.author.tools.process import ToolResult, run
from holdfast.author.tools.toolchain import Progress

REQUIREMENTS = "requirements.txt"
INSTALL_TIMEOUT = 300.0
# Wheels for CPython 3.14 on Linux, whatever this machine is: every machine gets the same files. Their compiled parts are left out later.
_GLIBC = ("2_5", "2_12", "2_17", "2_24", "2_26", "2_27", "2_28", "2_31", "2_34", "2_35", "2_39")
_PLATFORMS = ("any", "manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64", *(f"manylinux_{each}_x86_64" for each in _GLIBC))
_TARGET = (
    *("--only-binary=:all:", "--python-version", "3.14", "--implementation", "cp"),
    *(part for platform in _PLATFORMS for part in ("--platform", platform)),
    *("--abi", "cp314", "--abi", "abi3", "--abi", "none"),
)
_OPTIONS = ("--no-input", "--no-compile", "--disable-pip-version-check", "--retries", "1", "--timeout", "15", "-q")
_LOCAL = re.compile(r"^\s*(-e\b|--editable\b|\.{0,2}/|\w+\+|file:)|@\s*(file:|\w+\+)")
_INCLUDED = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[ =]\s*(?P<file>\S+)")
_NAME = re.compile(r"^\s*(?P<name>[A-Za-z0-9][\w.-]*)(?P<rest>[^;#]*)")
_OFFLINE = re.compile(r"NewConnectionError|NameResolutionError|Max retries|ConnectTimeout|Connection (refused|reset)|unreachable")
_NOT_FOUND = re.compile(r"No matching distribution found for (?P<requirement>[^\n]+)")


def read_requirements(root: Path) -> dict[Path, str]:
    """The text of `requirements.txt` and of the files that it includes; empty without one.

    Raises BuildFailed for what a build cannot use.
    """
    texts: dict[Path, str] = {}
    waiting = [root / REQUIREMENTS]
    while waiting:
        path = waiting.pop()
        if path in texts or not (path.is_file() or texts):
            continue
        try:
            texts[path] = path.read_text("utf-8")
        except OSError as error:
            raise BuildFailed(f"{REQUIREMENTS} includes {path.name}, which cannot be read: {error.strerror}.") from None
        for number, line in enumerate(texts[path].splitlines(), 1):
            if _LOCAL.search(line):
                raise BuildFailed(
                    f"{path.name} names a package that is not from an index.",
                    problems=[Problem("A folder, a repository or an editable package cannot be kept by its content.", path.name, number)],
                    hint="Install it into vendor/ (`pip install --target vendor …`), and remove the line.",
                )
            if included := _INCLUDED.match(line):
                waiting.append(path.parent / included["file"])
    return texts


def unpinned(texts: dict[Path, str]) -> tuple[Problem, ...]:
    """A warning for each requirement without an exact version: another machine or another day may get another one."""
    return tuple(
        Problem(f"{found['name']} has no exact version: a build elsewhere may get another one. Write {found['name']}==…", path.name, number)
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := _NAME.match(line)) and "==" not in found["rest"] and "@" not in found["rest"]
    )


async def install_requirements(root: Path, cache: PythonCache, progress: Progress) -> Path | None:
    """The folder with the packages of `requirements.txt`; None without one. Raises BuildFailed, BuildToolError."""
    texts = await asyncio.to_thread(read_requirements, root)
    if not any(_NAME.match(line) for text in texts.values() for line in text.splitlines()):
        return None
    content = "\0".join(texts[path] for path in sorted(texts)) + " ".join(_TARGET)
    key = hashlib.sha256(content.encode()).hexdigest()[:20]

    async def install(target: Path) -> None:
        await _install(root, target)

    return await cache.once(f"packages-{key}", f"Installing the packages of {REQUIREMENTS} (once)", progress, install)


async def _install(root: Path, target: Path) -> None:
    if importlib.util.find_spec("pip") is None:
        raise BuildToolError(
            "toolchain_unavailable",
            f"pip is not installed beside Holdfast, and {REQUIREMENTS} needs it.",
            hint=f"Run `{sys.executable} -m ensurepip`, or install the packages into vendor/.",
        )
    command = [sys.executable, "-m", "pip", "install", "--target", str(target), *_TARGET, *_OPTIONS, "-r", REQUIREMENTS]
    done = await run(command, cwd=root, timeout=INSTALL_TIMEOUT)
    if done.status != 0:
        raise _failed(done)


def _failed(done: ToolResult) -> BuildFailed:
    """The error for what pip reported."""
    output = f"{done.stdout}\n{done.stderr}"
    if _OFFLINE.search(output):
        return BuildFailed(
            f"The packages of {REQUIREMENTS} cannot be downloaded: the package index does not respond.",
            hint="Check the network and pip's index (`pip config list`), or install the packages into vendor/.",
        )
    if missing := _NOT_FOUND.search(output):
        name = _NAME.match(missing["requirement"])
        plain = name["name"] if name else "NAME"
        return BuildFailed(
            f"There is no wheel of {missing['requirement'].strip()} for Python 3.14.",
            hint=f"Check its name and version. If it is published as source only, run `pip install --target vendor {plain}`.",
        )
    errors = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    return BuildFailed(f"The packages of {REQUIREMENTS} cannot be installed. pip reported:\n" + "\n".join(errors or [done.last_lines()]))
