"""Why a component cannot be loaded: each is the author's to mend, and says how."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class ComponentError(HoldfastError):
    """The base of every refusal of a component."""

    code = "component_error"
    status = 422


class NotAComponent(ComponentError):
    """Raised when the bytes are not a WebAssembly component: garbage, a core module, or a damaged file."""

    code = "not_a_component"


class HandlerMissing(ComponentError):
    """Raised when the component does not export `handler` with the world's type."""

    code = "handler_missing"


class IncompatibleComponent(ComponentError):
    """Raised when an import is not in the world, or has other types than the world gives it; the message names the function."""

    code = "incompatible_component"


class CompileFailed(ComponentError):
    """Raised when compiling needs more time or memory than the limits allow, or the compiler stops."""

    code = "compile_failed"
