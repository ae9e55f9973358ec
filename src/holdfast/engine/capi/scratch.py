"""Memory that every call needs and reuses from earlier calls.

A speed trick: allocating the three buffers and their addresses costs more than the calls of the C API that use them.
"""

from __future__ import annotations

import ctypes
from ctypes import c_void_p

from wasmtime import _ffi as ffi

from holdfast.engine.values.layout import VALUE_BYTES

_INSTANCE_BYTES = ctypes.sizeof(ffi.wasmtime_component_instance_t)
_FUNCTION_BYTES = ctypes.sizeof(ffi.wasmtime_component_func_t)


class Scratch:
    """Addresses of an instance, a function, a result and an error. Nothing of one call stays in it for the next."""

    __slots__ = ("_memory", "error", "error_address", "function", "instance", "result")

    def __init__(self) -> None:
        self._memory = [ctypes.create_string_buffer(size) for size in (_INSTANCE_BYTES, _FUNCTION_BYTES, VALUE_BYTES)]
        self.instance, self.function, self.result = (ctypes.addressof(memory) for memory in self._memory)
        self.error = c_void_p()
        self.error_address = ctypes.addressof(self.error)


unused: list[Scratch] = []
"""Memory for the next calls. Calls pop from it and append to it themselves: after a guest ran, each Python function that is entered costs
twice as much as in a loop."""
