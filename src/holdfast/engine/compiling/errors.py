"""Why this host rejects a component. The author of the component can fix each of these; the hint says how."""

from __future__ import annotations

from typing import ClassVar

from holdfast.errors import CodedError

NOT_A_COMPONENT = "not_a_component"
"""The bytes are not a WebAssembly component: garbage, a core module, or a damaged file."""

HANDLER_MISSING = "handler_missing"
"""The component does not export `handler` with the world's type."""

INCOMPATIBLE_COMPONENT = "incompatible_component"
"""An import is not in the world, or has other types than the world's; the message names the function."""

COMPILE_FAILED = "compile_failed"
"""Compiling needs more time or memory than the limits allow, or the compiler stopped."""


class ComponentError(CodedError):
    """Raised when a component cannot be loaded. `code` is one of the constants of this module."""

    STATUSES: ClassVar = {NOT_A_COMPONENT: 422, HANDLER_MISSING: 422, INCOMPATIBLE_COMPONENT: 422, COMPILE_FAILED: 422}
