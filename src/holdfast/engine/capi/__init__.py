"""The only room that touches `wasmtime`: its C API by addresses, with the asynchronous entry points that the package does not wrap.

Everything above deals in plain data: shapes, addresses as ints, and three objects: NativeEngine, NativeComponent, NativeCall. Host
functions are registered once per component as `(call, args, results) -> …`; which call runs is found by the address of its store.
Nothing here raises into C: what a callback raises is kept in the call and ends it.
"""

from holdfast.engine.capi.calls import HostFunction, NativeCall
from holdfast.engine.capi.components import ImportedInterface, NativeComponent
from holdfast.engine.capi.engines import NativeEngine, PoolSizes
from holdfast.engine.capi.prototypes import VERSION, EngineUnusable, GuestFault

__all__ = [
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
