"""Memory that every call needs and reuses from earlier calls.

A speed trick: allocating the three buffers and their addresses costs more than the calls of the C API that use them.
"""

from __future__ import annotations

import ctypes
from ctypes import c_void_p

from wasmtime import _ffi as ffi

from holdfast.engine.capi.prototypes import take_error
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


_free: list[Scratch] = []


def acquire_scratch() -> Scratch:
    """Returns unused memory, or allocates some."""
    return _free.pop() if _free else Scratch()


def release_scratch(scratch: Scratch) -> None:
    """Returns the memory for the next call, and frees an error that was never read."""
    if scratch.error.value:
        take_error(scratch.error.value)
        scratch.error.value = None
    _free.append(scratch)
