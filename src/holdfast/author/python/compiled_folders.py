"""Compiled Python modules that builds share: the standard library, once per version of componentize-py; packages, once per content.

<key>.image there? ──yes──▶ used
     │ no
     ▼
flock <key>.lock ──▶ there now? ──yes──▶ used
                         │ no
                         ▼
componentize-py runs compile_tree ──▶ .<key>-<random>/ ──▶ image written ──renamed──▶ <key>.image
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import importlib.metadata
import importlib.resources
import importlib.util
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from holdfast.author import resources
from holdfast.author.errors import BuildToolError
from holdfast.author.python.componentize import componentize, version
from holdfast.author.python.image import write_image
from holdfast.author.python.project_files import walk
from holdfast.author.toolchain import Progress, default_toolchain_root

STANDARD_LIBRARY = "/python"
PACKAGES = "/vendor"
TIME_ZONES = "/zoneinfo"
# Parts of the standard library that cannot work in a component: windows, terminals, environments, tests, and manuals.
_LEFT_OUT = ("idlelib", "tkinter", "turtledemo", "turtle.py", "ensurepip", "venv", "pydoc_data", "curses", "site-packages")
_ENTRY = """
import os
from holdfast_sdk.component.compile_tree import compile_folder
count = compile_folder({root!r}, {prefix!r}, os.path.dirname(__file__) + "/output", {skip!r})
with open(os.path.dirname(__file__) + "/count", "w") as file:
    file.write(str(count))
raise SystemExit("compiled")
"""


class PythonCache:
    """`root` is the folder of what builds share; the default is below the toolchain's folder."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or default_toolchain_root() / "python").absolute()

    async def standard_library(self, progress: Progress) -> Path:
        """The image of the standard library. Raises BuildToolError."""
        key = await _key("library")
        return await self.once(f"{key}.image", "Preparing the Python standard library (once)", progress, _write_library)

    async def packages(self, folder: Path, progress: Progress) -> Path:
        """The image of the packages in `folder`. Raises BuildToolError."""
        files = await asyncio.to_thread(lambda: [*walk(folder)])
        key = await asyncio.to_thread(_hash_files, folder, files, await _key("packages"))
        return await self.once(f"{key}.image", "Compiling the packages (once)", progress, lambda to: _write_packages(to, folder))

    async def once(self, name: str, words: str, progress: Progress, make: Callable[[Path], Awaitable[None]]) -> Path:
        """The file `name` of the cache; unless it is there, `make` writes it to the path that it gets. Processes wait for each other."""
        found = self.root / name
        if not found.is_file():
            self.root.mkdir(parents=True, exist_ok=True)
            async with self._locked(found.stem):
                if not found.is_file():
                    progress(words)
                    with tempfile.TemporaryDirectory(prefix=f".{found.stem}-", dir=self.root) as scratch:
                        partial = Path(scratch) / name
                        await make(partial)
                        partial.rename(found)
        return found

    @asynccontextmanager
    async def _locked(self, key: str) -> AsyncIterator[None]:
        with (self.root / f"{key}.lock").open("w") as lock:
            # Polled: a blocking flock would stop the event loop, and in a thread it could not be cancelled.
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.1)
            yield


async def _write_library(image: Path) -> None:
    output = await _compile(image.parent, None)
    await asyncio.to_thread(write_image, image, _standard_files(output))


async def _write_packages(image: Path, folder: Path) -> None:
    output = await _compile(image.parent, folder)
    await asyncio.to_thread(write_image, image, _package_files(output, folder))


def _hash_sources(constants: str) -> str:
    """Identifies the interpreter, and the code that compiles."""
    digest = hashlib.sha256(constants.encode())
    component = resources.sdk_folder("python") / "holdfast_sdk" / "component"
    for source in (component / "bytecode.py", component / "compile_tree.py", component / "file_tree.py", Path(__file__)):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:20]


async def _key(kind: str) -> str:
    return await asyncio.to_thread(_hash_sources, f"{kind} {await version()} {_time_zones_version()}")


def _time_zones_version() -> str:
    try:
        return importlib.metadata.version("tzdata")
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _hash_files(folder: Path, files: list[Path], key: str) -> str:
    digest = hashlib.sha256(key.encode())
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:20]


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
    for path in walk(folder):
        yield f"{PACKAGES}/{path.relative_to(folder).as_posix()}", path.read_bytes()
    for path in sorted(output.rglob("*.pyc")):
        yield f"/{path.relative_to(output).as_posix()}", path.read_bytes()
