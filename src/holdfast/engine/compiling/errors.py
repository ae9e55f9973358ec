"""Why this host rejects a component. The author of the component can fix each of these; the hint says how."""

from __future__ import annotations

from typing import ClassVar

from holdfast.errors import CodedError


class ComponentError(CodedError):
    """Raised when a component cannot be loaded."""

    STATUSES: ClassVar = {
        "not_a_component": 422,  # the bytes are garbage, a core module, or a damaged file
        "handler_missing": 422,  # no export `handler` with the world's type
        "incompatible_component": 422,  # an import is not in the world or has other types; the message names it
        # a component of `holdfast dev`: published, in a runner in production, or without the code that it runs
        "development_component_refused": 422,
        "compile_failed": 422,  # compiling needs more time or memory than allowed, or the compiler stopped
    }
