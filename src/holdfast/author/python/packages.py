"""The packages that a project brings along: those in `vendor/`, and those of `requirements.txt`; and their compiled parts."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import msgspec
from msgspec import Struct

from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.project import Project
from holdfast.author.python.cache import PythonCache
from holdfast.author.python.compiled_folders import compiled_packages
from holdfast.author.python.problems import find_problem
from holdfast.author.python.requirements import install_requirements, read_requirements, unpinned
from holdfast.author.tools.toolchain import Progress

VENDOR = "vendor"
COMPILED_LIST = "/vendor/.compiled.json"
# componentize-py copies the memory of the interpreter with a limit of Wasmtime.
_TOO_LARGE = "fuel allocated for hostcalls has been exhausted"
_COMPILED = (".so", ".pyd", ".dylib")
# As missing_parts in the SDK explains it.
_EXPLAINED = re.compile(r"No module named '([\w.]+)': [\w.]+ is compiled code of the package")
_INSTEAD = {
    "bcrypt": "hashlib.pbkdf2_hmac",
    "cryptography": "hashlib and hmac, or the packages rsa and ecdsa",
    "lxml": "xml.etree.ElementTree, or beautifulsoup4 with its parser html.parser",
    "msgspec": "dataclasses and json",
    "numpy": "the modules statistics, math and decimal",
    "orjson": "the module json",
    "pandas": "the modules csv and statistics",
    "pillow": "a service that you call with host.http.fetch",
    "pycryptodome": "hashlib and hmac, or the packages rsa and ecdsa",
    "pydantic-core": "attrs, marshmallow or dataclasses",
    "rpds-py": "jsonschema below 4.18, cerberus or marshmallow",
    "ujson": "the module json",
}


class Packages(Struct, frozen=True):
    """`folders` are searched in this order. `compiled` has the distribution of each module that exists only as compiled code.

    `users` are the top-level modules of the distributions that have or require such code. `requirements` are the files that name packages.
    """

    folders: tuple[Path, ...]
    compiled: dict[str, str]
    users: tuple[str, ...]
    warnings: tuple[Problem, ...]
    requirements: frozenset[Path]

    async def images(self, cache: PythonCache, progress: Progress) -> list[Path]:
        """The images of the folders; a file of a later one replaces that of an earlier one. Raises BuildToolError."""
        return [await compiled_packages(cache, folder, progress) for folder in self.folders[::-1]]

    def compiled_list(self) -> tuple[str, bytes]:
        """The file in which a component finds `compiled`."""
        return COMPILED_LIST, msgspec.json.encode({"modules": self.compiled, "users": self.users})


async def find_packages(project: Project, cache: PythonCache, progress: Progress) -> Packages:
    """The packages of the project; installs those of `requirements.txt`. Raises BuildFailed, BuildToolError."""
    installed = await install_requirements(project.root, cache, progress)
    vendored = project.root / VENDOR
    folders = tuple(folder for folder in (vendored if vendored.is_dir() else None, installed) if folder is not None)
    compiled: dict[str, str] = {}
    users: set[str] = set()
    for folder in folders:
        found = await asyncio.to_thread(compiled_modules, folder)
        compiled |= found
        users |= await asyncio.to_thread(users_of_compiled, folder, found)
    texts = await asyncio.to_thread(read_requirements, project.root)
    return Packages(folders, compiled, tuple(sorted(users)), unpinned(texts), frozenset(texts))


def compiled_modules(folder: Path) -> dict[str, str]:
    """The modules in `folder` that exist only as compiled code, each with the name of its distribution."""
    found: dict[str, Path] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            stem = name.split(".")[0]
            if name.endswith(_COMPILED) and "__mypyc" not in name and not Path(parent, f"{stem}.py").is_file():
                path = Path(parent, name).relative_to(folder)
                found[".".join((*path.parent.parts, stem))] = path
    owners = _owners(folder) if found else {}
    return {module: owners.get(path.as_posix(), module.split(".")[0]) for module, path in found.items()}


def _owners(folder: Path) -> dict[str, str]:
    """The distribution of each file, from the lists that installers write."""
    owners: dict[str, str] = {}
    for record in folder.glob("*.dist-info/RECORD"):
        name = record.parent.name.split("-")[0]
        owners.update((line.split(",")[0], name) for line in record.read_text("utf-8", errors="replace").splitlines())
    return owners


def users_of_compiled(folder: Path, compiled: dict[str, str]) -> set[str]:
    """The top-level modules of the distributions in `folder` that have compiled modules, or require one that has, directly or not."""
    waiting, seen = sorted({*compiled.values()}), set()
    while waiting:
        distribution = waiting.pop()
        if distribution not in seen:
            seen.add(distribution)
            waiting += _needed_by(folder, distribution)
    tops = {module.partition(".")[0] for module in compiled}
    for path, owner in _owners(folder).items() if compiled else ():
        if owner in seen and path.endswith(".py") and ".." not in path:
            tops.add(path.split("/")[0].removesuffix(".py"))
    return tops


def _needed_by(folder: Path, distribution: str) -> list[str]:
    """The distributions in `folder` that require this one."""
    wanted = _normalized(distribution)
    needing = []
    for metadata in sorted(folder.glob("*.dist-info/METADATA")):
        lines = metadata.read_text("utf-8", errors="replace").split("\n\n")[0].splitlines()
        names = [re.match(r"Requires-Dist: ([\w.-]+)([^\n]*)", line) for line in lines]
        if any(found and _normalized(found[1]) == wanted and "extra ==" not in found[2] for found in names):
            needing.append(metadata.parent.name.split("-")[0])
    return needing


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _missing_part(packages: Packages, text: str, report: str) -> str | None:
    """The compiled module that an error names: in its text or, for an import, in the errors before it, which the package may replace."""
    named = next((name for name in packages.compiled if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", text)), None)
    before = _EXPLAINED.findall(report) if named is None and "ImportError" in text else []
    return next((name for name in before[::-1] if name in packages.compiled), named)


def refuse_compiled(root: Path, packages: Packages, problem: Problem, report: str = "") -> BuildFailed | None:
    """The error for a problem whose cause is a compiled part of a package; None if it has another cause. `report` has all tracebacks."""
    module = _missing_part(packages, problem.text, report)
    if module is None:
        return None
    distribution = packages.compiled[module]
    needing = [name for folder in packages.folders for name in _needed_by(folder, distribution)]
    by = f" (needed by {', '.join(needing)})" if needing else ""
    instead = _INSTEAD.get(_normalized(distribution))
    way_out = f"Use {instead} instead." if instead else "Use a package that is written in Python only."
    text = f"{distribution}{by} has the compiled part {module}, and compiled code for computers does not run in a component."
    place = Problem(text, problem.file, problem.line, problem.column, problem.source)
    return BuildFailed(f"The package {distribution} cannot be used.", problems=[place], hint=way_out, project=root)


def build_failed(root: Path, packages: Packages, output: str) -> BuildFailed:
    """The error for a project in the folder `root` that cannot be imported. `output` is what the interpreter or the tool reported."""
    if _TOO_LARGE in output:
        return BuildFailed(
            "The interpreter, with everything that src/handler.py imports and all packages, needs more than 128 MiB.",
            hint="Import large packages inside the functions that use them, and leave out what you do not use.",
        )
    problem = find_problem(root, output)
    refused = refuse_compiled(root, packages, problem, output)
    return refused or BuildFailed("src/handler.py cannot be built.", problems=[problem], hint=_import_hint(problem.text), project=root)


def _import_hint(text: str) -> str | None:
    found = re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", text)
    if found is None:
        return None
    name = found[1].split(".")[0]
    if " in a component: " in text or name == "handler":
        return None
    return f"Write the package that has `{name}` into requirements.txt, or install it into vendor/ (`pip install --target vendor {name}`)."
