"""The component of `holdfast dev`: it has no handler, and loads one from the host. Made once for each engine and toolchain."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from holdfast.author import resources
from holdfast.author.options import GuestEngine
from holdfast.author.tools.driver import Driver
from holdfast.author.tools.driver_calls import call_driver
from holdfast.author.tools.toolchain import Progress, Toolchain, no_progress
from holdfast.concurrency.workspaces import staging_folder
from holdfast.world.functions import FUNCTIONS, PACKAGE

WORLD = "development"
_SOURCE = "holdfast:development/source@0.1.0"
_IMPORT = re.compile(r"^\s*import (?P<name>wasi:\S+);", re.MULTILINE)


def _host_modules() -> list[str]:
    """The modules that a handler's bundle can import: the interfaces of the world, and those that the SDK needs in addition."""
    world = dict.fromkeys(f"{PACKAGE}/{function.interface}" for function in FUNCTIONS)
    return [*world, *_IMPORT.findall((resources.WIT_EXTRAS / "build.wit").read_text())]


def _entry_module() -> str:
    loader = resources.sdk_folder("typescript") / "src" / "development" / "loader.ts"
    names = _host_modules()
    logging, stderr = (f"m{index}" for name in ("alga:extension/logging", "wasi:cli/stderr") for index in _indices(names, name))
    return "\n".join(
        [
            f"import source from {json.dumps(_SOURCE)};",
            *(f"import * as m{index} from {json.dumps(name)};" for index, name in enumerate(names)),
            f"import {{ loader }} from {json.dumps(str(loader))};",
            "const modules = {" + ", ".join(f"{json.dumps(name)}: m{index}" for index, name in enumerate(names)) + "};",
            "export const handler = loader(() => source.read(), modules,"
            f" (line) => {logging}.logError(line), (bytes) => {stderr}.getStderr().blockingWriteAndFlush(bytes));",
        ]
    )


def _indices(names: list[str], start: str) -> Iterator[int]:
    yield next(index for index, name in enumerate(names) if name.startswith(start))


def _key(toolchain: Toolchain, engine: GuestEngine, entry: str) -> str:
    digest = hashlib.sha256("\0".join((toolchain.key, toolchain.driver_key, engine, entry)).encode())
    sources = resources.sdk_folder("typescript") / "src"
    for path in (sources / "development" / "loader.ts", sources / "runtime" / "stack.ts", sources / "bytes.ts"):
        digest.update(path.read_bytes())
    for path in (*sorted(resources.WIT_EXTRAS.rglob("*.wit")), resources.WORLD_WIT):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


async def development_component(toolchain: Toolchain, driver: Driver, engine: GuestEngine, progress: Progress = no_progress) -> Path:
    """The file of the development component for `engine`, made now unless it has been made before.

    The toolchain is installed. Raises BuildFailed, BuildToolError.
    """
    entry = _entry_module()
    component = toolchain.folder / "development" / f"{engine}-{_key(toolchain, engine, entry)}.wasm"
    if component.is_file():
        return component
    component.parent.mkdir(exist_ok=True)
    # Two builds of the component differ. Made twice, the second would replace the file that the first session has hashed and loads.
    async with toolchain.locked():
        if not component.is_file():
            progress("Building the development component (once)")
            await _make(component, entry, driver, engine)
    return component


async def _make(component: Path, entry: str, driver: Driver, engine: GuestEngine) -> None:
    with staging_folder(component.parent) as folder:
        code, wit, made = folder / "main.js", folder / "wit", folder / "main.wasm"
        wit.mkdir()
        resources.write_build_wit(wit)
        what = "the development component"
        # On one line: a stack has positions of this component and of the handler's code, and only those of the code mean something.
        bundle = {"mode": "bundle", "entry": entry, "inject": [], "supported": {}, "minify": True, "out": str(code)}
        await call_driver(folder, driver, bundle, what)
        packages = driver.toolchain.engine_folder(engine)
        make = {
            "mode": "componentize",
            "engine": engine.value,
            "packages": str(packages),
            "bundle": str(code),
            "wit": str(wit),
            "world": WORLD,
            "out": str(made),
        }
        await call_driver(folder, driver, make, what)
        made.replace(component)
