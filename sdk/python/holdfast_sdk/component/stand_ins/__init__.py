"""Stand-ins for compiled modules of the standard library that a component cannot have. This folder is the last on the search path.

Packages import these modules without a need, because every computer has them. A stand-in can be imported, has the names and constants, and
raises on use. It never returns a value that a computer would not return. The modules on top of them (`ssl`, `bz2`, `lzma`, `ctypes`) are
those of the standard library.
"""

from __future__ import annotations

from typing import Any, NoReturn


def refusal(reason: str) -> Any:
    """A function that raises NotImplementedError with `reason`, for any arguments."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(reason)

    return refuse
