"""Compiles modules into the form that `import` reads from `__pycache__`, so that a late import does not compile during a call."""

from __future__ import annotations

import importlib.util
import marshal
from importlib.machinery import SOURCE_SUFFIXES

# Flags of the file: based on a hash, and never compared with the source.
_HEADER = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)


def compile_module(path: str, source: bytes) -> tuple[str, bytes] | None:
    """The path and the content of the compiled file of the module at `path`; None when the source is not valid or not a module."""
    if not path.endswith(tuple(SOURCE_SUFFIXES)):
        return None
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        # Such files are common among the tests and templates of packages. An import of it reports the error.
        return None
    return importlib.util.cache_from_source(path), _HEADER + marshal.dumps(code)
