"""The entry points of Wasmtime's C API that the engine calls, with prototypes of our own: addresses are ints.

A speed trick too: ctypes converts an int several times faster than a typed pointer.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import struct
from collections.abc import Callable
from ctypes import c_bool, c_char_p, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, TypeVar, cast

from wasmtime import _ffi as ffi

from holdfast.errors import HoldfastError

VERSION: str = importlib.metadata.version("wasmtime")


class EngineUnusable(HoldfastError):
    """Raised, before any guest runs, when the installed wasmtime lacks an entry point or behaves differently from what is needed."""

    code = "engine_unusable"
    status = 503


def entry_point(name: str, result: Any, *arguments: Any) -> Any:
    """Returns an entry point with a prototype of our own. Raises EngineUnusable when this wasmtime has none of that name."""
    try:
        # dll[name] creates a new function object; dll.name is shared with the package, whose prototype must not change.
        function = ffi.dll[name]
    except AttributeError:
        raise EngineUnusable(f"wasmtime {VERSION} has no entry point {name}; install the pinned version of wasmtime.") from None
    function.restype = result
    function.argtypes = list(arguments)
    return function


P = c_void_p
_F = TypeVar("_F", bound=Callable[..., Any])


def callback(result: Any, *arguments: Any) -> Callable[[_F], _F]:
    """Decorates a function as a C callback. It must catch every exception itself: ctypes prints and drops one that escapes."""
    return cast(Callable[[_F], _F], ctypes.CFUNCTYPE(result, *arguments))


store_new = entry_point("wasmtime_store_new", P, P, P, P)
store_context = entry_point("wasmtime_store_context", P, P)
store_delete = entry_point("wasmtime_store_delete", None, P)
store_limiter = entry_point("wasmtime_store_limiter", None, P, c_int64, c_int64, c_int64, c_int64, c_int64)
set_epoch_deadline = entry_point("wasmtime_context_set_epoch_deadline", None, P, c_uint64)
# The header declares an error as its result, but the function returns nothing: never read the register.
epoch_yield = entry_point("wasmtime_context_epoch_deadline_async_yield_and_update", None, P, c_uint64)
context_set_fuel = entry_point("wasmtime_context_set_fuel", P, P, c_uint64)
context_get_fuel = entry_point("wasmtime_context_get_fuel", P, P, P)
engine_increment_epoch = entry_point("wasmtime_engine_increment_epoch", None, P)
error_new = entry_point("wasmtime_error_new", P, c_char_p)
error_message = entry_point("wasmtime_error_message", None, P, P)
error_exit_status = entry_point("wasmtime_error_exit_status", c_bool, P, P)
error_delete = entry_point("wasmtime_error_delete", None, P)
byte_vec_delete = entry_point("wasm_byte_vec_delete", None, P)
value_clone = entry_point("wasmtime_component_val_clone", None, P, P)
value_delete = entry_point("wasmtime_component_val_delete", None, P)
resource_to_host = entry_point("wasmtime_component_resource_any_to_host", P, P, P, P)
resource_to_any = entry_point("wasmtime_component_resource_host_to_any", P, P, P, P)
resource_any_delete = entry_point("wasmtime_component_resource_any_delete", None, P)
resource_host_new = entry_point("wasmtime_component_resource_host_new", P, c_bool, c_uint32, c_uint32)
resource_host_rep = entry_point("wasmtime_component_resource_host_rep", c_uint32, P)
resource_host_delete = entry_point("wasmtime_component_resource_host_delete", None, P)
linker_instantiate_async = entry_point("wasmtime_component_linker_instantiate_async", P, P, P, P, P, P)
instance_get_func = entry_point("wasmtime_component_instance_get_func", c_bool, P, P, P, P)
func_call_async = entry_point("wasmtime_component_func_call_async", P, P, P, P, c_size_t, P, c_size_t, P)
future_poll = entry_point("wasmtime_call_future_poll", c_bool, P)
future_delete = entry_point("wasmtime_call_future_delete", None, P)
linker_add_func = entry_point("wasmtime_component_linker_instance_add_func", P, P, c_char_p, c_size_t, P, P, P)
linker_add_func_async = entry_point("wasmtime_component_linker_instance_add_func_async", P, P, c_char_p, c_size_t, P, P, P)
linker_add_resource = entry_point("wasmtime_component_linker_instance_add_resource", P, P, c_char_p, c_size_t, P, P, P, P)

pair = struct.Struct("<QQ")
continuation = struct.Struct("<QQQ")


def address_of(pointer: Any) -> int:
    """The address in a ctypes pointer or function, as an int."""
    return ctypes.cast(pointer, c_void_p).value or 0


def take_error(error: int) -> str:
    """Returns the full text of a `wasmtime_error_t`, with context, guest backtrace and causes as Wasmtime prints them, and frees it."""
    message = ctypes.create_string_buffer(16)
    error_message(error, message)
    size, data = pair.unpack(message.raw)
    text = ctypes.string_at(data, size).decode(errors="replace")
    byte_vec_delete(message)
    error_delete(error)
    return text


class GuestFault(Exception):
    """Raised when Wasmtime reports an error: a trap, a failed instantiation, or a host function's error. The text is Wasmtime's."""


def raise_error(error: int | None) -> None:
    """Raises GuestFault for an error that an entry point returned; does nothing for None."""
    if error:
        raise GuestFault(take_error(error))
