"""The start of a component, at build time: its files, its search path, and what is imported before the first call.

begin ──▶ import of the author's handler ──▶ finish ──▶ snapshot: every call starts from here
  │                                            └─ compiles what was not imported; imports what calls often need
  └─ reads the images, redirects the functions for files, sets the search path
"""

from __future__ import annotations

import codecs
import importlib
import os
import sys

from holdfast_sdk.component import event_loop, missing_parts, redirect
from holdfast_sdk.component.bytecode import compile_module
from holdfast_sdk.component.file_tree import TREE

SOURCES, PACKAGES, STANDARD_LIBRARY, TIME_ZONES = "/src", "/vendor", "/python", "/zoneinfo"
IMAGE = ".image"
# Codecs and modules that Python imports during a call. Without this, each call would import them again.
_CODECS = ("ascii", "latin-1", "cp1252", "utf-8-sig", "utf-16")
_MODULES = ("_strptime", "zoneinfo")
# Modules of the SDK for other places: unit tests, and the compilation of packages.
_NOT_IN_COMPONENTS = ("testing.py", "compile_tree.py")


def _copy_folder(root: str) -> None:
    """Adds the modules below a folder that exists only during the build: the SDK, the generated bindings, the entry."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".py") and name not in _NOT_IN_COMPONENTS:
                path = os.path.join(folder, name)  # noqa: PTH118 - pathlib is not imported yet
                with open(path, "rb") as file:  # noqa: PTH123
                    TREE.add(path, file.read())


def begin(entry: str) -> None:
    """Reads the images beside the module `entry`, and makes imports and file functions use them."""
    folder = os.path.dirname(entry)  # noqa: PTH120
    for name in sorted(os.listdir(folder)):  # noqa: PTH208
        if name.endswith(IMAGE):
            with open(os.path.join(folder, name), "rb") as file:  # noqa: PTH118, PTH123
                TREE.add_image(file.read())
    ours = [path for path in sys.path if path != STANDARD_LIBRARY and os.path.isdir(path)]  # noqa: PTH112
    for path in ours:
        _copy_folder(path)
    redirect.install()
    # As on a computer: the author's own modules come first, then the standard library, then packages.
    sys.path[:] = [SOURCES, STANDARD_LIBRARY, PACKAGES, *ours]
    sys.path_importer_cache.clear()
    if f"{PACKAGES}/tzdata" not in TREE.folders:
        # Read when `zoneinfo` is imported, which `finish` does: the variables of a call replace these.
        os.environ["PYTHONTZPATH"] = TIME_ZONES
    event_loop.install()
    importlib.import_module("holdfast_sdk.component.temp_files").install()
    importlib.import_module("holdfast_sdk.component.key_derivation").install()
    missing_parts.install()


def compile_sources() -> None:
    """Adds the compiled form of the modules of the project and of the SDK. Those of images are compiled already."""
    for path in list(TREE.files):
        if path.endswith(".py") and not path.startswith((f"{STANDARD_LIBRARY}/", f"{PACKAGES}/")):
            compiled = compile_module(path, TREE.read(path))
            if compiled is not None:
                TREE.add(*compiled)


def finish() -> None:
    """Prepares what calls need. Raises ImportError when a function of the project imports what a component cannot have."""
    missing_parts.check_imports(SOURCES)
    compile_sources()
    for name in _CODECS:
        codecs.lookup(name)
    for name in _MODULES:
        importlib.import_module(name)
