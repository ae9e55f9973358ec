"""The component of `holdfast dev`: it contains no handler, and reads the project's files from the host in each call.

build:  begin ──▶ preload ──▶ finish ──▶ snapshot, shared by all projects with the same packages
call:   read() ──▶ files below /src ──▶ import handler ──▶ respond
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

from wit_world.imports import types as wit

from holdfast_sdk.component.bytecode import compile_module
from holdfast_sdk.component.file_tree import TREE
from holdfast_sdk.component.missing_parts import check_imports
from holdfast_sdk.component.start import PACKAGES, SOURCES
from holdfast_sdk.glue import find_handler, respond

LOAD_ONLY = "(load)"
"""The method of the request by which a build loads the project without calling its handler. It is not a method that a caller can send."""
# What handlers often import. A packed component has its own imports in the snapshot; this one would repeat them in each call.
_COMMON = (
    "base64 collections.abc contextlib copy csv dataclasses datetime decimal email.message email.utils enum functools hashlib hmac html "
    "html.parser inspect io itertools json logging math operator pathlib pprint random re secrets statistics string tempfile textwrap "
    "time typing unicodedata urllib.parse uuid xml.etree.ElementTree zlib"
)


def preload() -> None:
    """Imports common modules of the standard library, and the vendored packages. One that fails is left to the handler's own import."""
    packages = [name.removesuffix(".py") for name in (TREE.names(PACKAGES) if PACKAGES in TREE.folders else []) if _is_module(name)]
    for name in [*_COMMON.split(), *sorted(packages)]:
        with contextlib.suppress(Exception, SystemExit):
            importlib.import_module(name)


def _is_module(name: str) -> bool:
    return name.removesuffix(".py").isidentifier() and (name.endswith(".py") or f"{PACKAGES}/{name}/__init__.py" in TREE.files)


def _add_files(text: str) -> None:
    """`text` is a JSON object: by path below `src/`, the text of a file, or `{"base64": …}` for other bytes."""
    for path, content in json.loads(text).items():
        TREE.add(f"{SOURCES}/{path}", content.encode() if isinstance(content, str) else base64.b64decode(content["base64"]))
    # The import system has seen that the folder is missing.
    sys.path_importer_cache.pop(SOURCES, None)


def _find_handler(read: Callable[[], str]) -> Callable[..., Any]:
    _add_files(read())
    return find_handler(importlib.import_module("handler"))


def _compiled_sources() -> dict[str, dict[str, str]]:
    """The compiled modules, for the host to pass with the sources from now on: a call then compiles nothing."""
    modules = [path for path in TREE.files if path.startswith(f"{SOURCES}/") and path.endswith(".py")]
    compiled = filter(None, (compile_module(path, TREE.read(path)) for path in modules))
    return {path.removeprefix(f"{SOURCES}/"): {"base64": base64.b64encode(code).decode()} for path, code in compiled}


def _load(read: Callable[[], str]) -> wit.ExecuteResponse:
    """Status 200 with the compiled modules, or 422 with the traceback of what failed."""
    try:
        _find_handler(read)
        check_imports(SOURCES)
        status, body = 200, json.dumps(_compiled_sources()).encode()
    except (Exception, SystemExit):
        status, body = 422, traceback.format_exc().encode()
    return wit.ExecuteResponse(status, [], body)


def respond_from_source(wire: Any, read: Callable[[], str]) -> wit.ExecuteResponse:
    """Answers one request with the handler whose files `read` returns."""
    if wire.http.method == LOAD_ONLY:
        return _load(read)

    # Found inside `respond`: an error at the top level of a module is then answered and logged as one of the handler.
    def handler(request: Any, host: Any) -> Any:
        return _find_handler(read)(request, host)

    return respond(handler, wire)
