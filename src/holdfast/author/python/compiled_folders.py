"""Compiled Python modules that builds share: the standard library, once per version of componentize-py; packages, once per content.

componentize-py runs compile_tree in the interpreter of components ──▶ folder of compiled modules ──▶ image in the cache
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import importlib.resources
import importlib.util
import re
import time
from collections.abc import Iterator
from pathlib import Path

from holdfast.author import resources
from holdfast.author.errors import BuildToolError
from holdfast.author.inputs.state import SETTLED_NS
from holdfast.author.python import image
from holdfast.author.python.cache import PythonCache
from holdfast.author.python.componentize import componentize, version
from holdfast.author.python.project_files import walk
from holdfast.author.tools.toolchain import Progress

STANDARD_LIBRARY = "/python"
PACKAGES = "/vendor"
TIME_ZONES = "/zoneinfo"
# Parts of the standard library that cannot work in a component: windows, terminals, environments, tests, and manuals.
_LEFT_OUT = ("idlelib", "tkinter", "turtledemo", "turtle.py", "ensurepip", "venv", "pydoc_data", "curses", "site-packages")
_USELESS = re.compile(r"^/bin/|/tests/|\.libs/|\.so\.[\d.]+$|\.(?:c|cpp|h|pxd|pxi|pyi|pyx)$|\.dist-info/RECORD$")
# By the state of a folder on disk. Hashing 50 MB of packages for each save would take longer than the save.
_known_hashes: dict[int, str] = {}
_MAX_KNOWN_HASHES = 64
_ENTRY = """
import os
from holdfast_sdk.component.compile_tree import compile_folder
count = compile_folder({root!r}, {prefix!r}, os.path.dirname(__file__) + "/output", {skip!r})
with open(os.path.dirname(__file__) + "/count", "w") as file:
    file.write(str(count))
raise SystemExit("compiled")
"""


async def standard_library(cache: PythonCache, progress: Progress) -> Path:
    """The image of the standard library. Raises BuildToolError."""
    key = await _key("library")
    return await cache.once(f"{key}.image", "Preparing the Python standard library (once)", progress, _write_library)


async def compiled_packages(cache: PythonCache, folder: Path, progress: Progress) -> Path:
    """The image of the packages in `folder`. Raises BuildToolError."""
    key = await asyncio.to_thread(folder_hash, folder, await _key("packages"))

    async def write(target: Path) -> None:
        await _write_packages(target, folder)

    return await cache.once(f"{key}.image", "Compiling the packages (once)", progress, write)


async def _write_library(target: Path) -> None:
    output = await _compile(target.parent, None)
    await asyncio.to_thread(image.write_image, target, _standard_files(output))


async def _write_packages(target: Path, folder: Path) -> None:
    output = await _compile(target.parent, folder)
    await asyncio.to_thread(image.write_image, target, _package_files(output, folder))


def _hash_sources(constants: str) -> str:
    """Identifies the interpreter, and the code that compiles."""
    digest = hashlib.sha256(constants.encode())
    component = resources.sdk_folder("python") / "holdfast_sdk" / "component"
    for source in (component / "bytecode.py", component / "compile_tree.py", Path(image.__file__)):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:20]


async def _key(kind: str) -> str:
    return await asyncio.to_thread(_hash_sources, f"{kind} {await version()} {_time_zones_version()}")


def _time_zones_version() -> str:
    try:
        return importlib.metadata.version("tzdata")
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _useful_files(folder: Path) -> list[Path]:
    """The files of packages that a component can use: no tests, native libraries, sources of compiled parts, stubs, lists and scripts."""
    return [path for path in walk(folder) if not _USELESS.search(f"/{path.relative_to(folder).as_posix()}")]


def folder_hash(folder: Path, key: str) -> str:
    """A hash of the key and of the content of a folder; of its state on disk, if that has been hashed before in this process."""
    now = time.time_ns()
    files = [(path, path.stat()) for path in _useful_files(folder)]
    state = hash((key, *((str(path), s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for path, s in files)))
    if (known := _known_hashes.get(state)) is not None:
        return known
    digest = hashlib.sha256(key.encode())
    for path, _ in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode() + content)
    found = digest.hexdigest()[:20]
    # A file that has just changed can change again with the same times.
    if all(now - s.st_ctime_ns > SETTLED_NS for _, s in files):
        if len(_known_hashes) >= _MAX_KNOWN_HASHES:
            _known_hashes.clear()
        _known_hashes[state] = found
    return found


async def _compile(scratch: Path, folder: Path | None) -> Path:
    """The folder of the compiled modules of `folder`, or of the standard library, inside `scratch`. Raises BuildToolError."""
    entry = scratch / "entry"
    entry.mkdir()
    # componentize-py shows the folders that it is given to the interpreter as /0, /1 and so on.
    root, prefix = (STANDARD_LIBRARY, STANDARD_LIBRARY) if folder is None else ("/2", PACKAGES)
    (entry / "holdfast_compile.py").write_text(_ENTRY.format(root=root, prefix=prefix, skip=_LEFT_OUT if folder is None else ("tests",)))
    folders = [entry, resources.sdk_folder("python"), *([folder] if folder else [])]
    done = await componentize("holdfast_compile", folders, scratch / "unused.wasm", scratch=scratch)
    # It always ends with an error, which saves writing a component without a use.
    if not (entry / "count").is_file():
        raise BuildToolError(
            "toolchain_unavailable",
            f"The Python modules could not be compiled. componentize-py reported:\n{done.last_lines()}",
            hint="Run `pip install --force-reinstall 'holdfast[python]'`, then try again.",
        )
    return entry / "output"


def _standard_files(output: Path) -> Iterator[tuple[str, bytes | None]]:
    """The modules of the standard library, compiled. Their source text is listed and left out: it is 2.5 MB, and calls do not read it."""
    for path in sorted((output / STANDARD_LIBRARY[1:]).rglob("*.pyc")):
        name = path.relative_to(output).as_posix()
        module = path.name.split(".")[0]
        yield f"/{path.parent.parent.relative_to(output).as_posix()}/{module}.py", None
        yield f"/{name}", path.read_bytes()
    # A computer has time zones in its system; a component has none of its own.
    yield from _time_zone_files()


def _time_zone_files() -> Iterator[tuple[str, bytes | None]]:
    if importlib.util.find_spec("tzdata") is None:
        return
    folder = importlib.resources.files("tzdata") / "zoneinfo"
    with importlib.resources.as_file(folder) as root:
        for path in walk(root):
            if path.suffix != ".py":
                yield f"{TIME_ZONES}/{path.relative_to(root).as_posix()}", path.read_bytes()


def _package_files(output: Path, folder: Path) -> Iterator[tuple[str, bytes | None]]:
    for path in _useful_files(folder):
        yield f"{PACKAGES}/{path.relative_to(folder).as_posix()}", path.read_bytes()
    for path in sorted(output.rglob("*.pyc")):
        yield f"/{path.relative_to(output).as_posix()}", path.read_bytes()
