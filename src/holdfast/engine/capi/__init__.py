"""The only package that imports `wasmtime`: its C API by addresses, with the asynchronous entry points that the package does not wrap.

Other packages see plain data: value types, addresses as ints, and three objects: NativeEngine, NativeComponent, NativeCall. Host
functions are registered once per component as `(call, args, results) -> …`; the address of the store identifies the running call.
Nothing here raises into C: an exception in a callback is stored in the call and ends it.
"""

from holdfast.engine.capi.callbacks import HostFunction
from holdfast.engine.capi.calls import NativeCall
from holdfast.engine.capi.components import ImportedInterface, NativeComponent
from holdfast.engine.capi.engines import MEMORIES, STACK_BYTES, NativeEngine, PoolSizes
from holdfast.engine.capi.prototypes import VERSION, EngineUnusable, GuestFault

__all__ = [
    "MEMORIES",
    "STACK_BYTES",
    "VERSION",
    "EngineUnusable",
    "GuestFault",
    "HostFunction",
    "ImportedInterface",
    "NativeCall",
    "NativeComponent",
    "NativeEngine",
    "PoolSizes",
]
