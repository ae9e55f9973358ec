"""The Wasmtime engine of a process: its one configuration, the pool, and the epoch that makes guests yield."""

from __future__ import annotations

import msgspec
from wasmtime import Config, Engine, WasmtimeError
from wasmtime import _ffi as ffi
from wasmtime import component as wc

from holdfast.engine.capi import prototypes as c
from holdfast.engine.capi.prototypes import EngineUnusable, GuestFault, address_of

MEMORIES, TABLES, CORE_INSTANCES = 8, 64, 100
"""Maximum number of each that one component may have."""


STACK_BYTES = 24 << 20
"""The default size of a call's stack. An address range: only what a call uses of it takes memory.

The largest guests need for this that their own checks come first: QuickJS uses 16 bytes of it for each byte of its own stack, of which it
has 1.3 MiB, while it reads nested JSON. Then a handler gets an error that it can catch, and not a trap.
"""

_HOST_STACK_BYTES = 2 << 20
"""What host functions have in addition: they run on the stack of the call, Python included."""


class PoolSizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much the pooling allocator reserves. `instances` is the number of component instances alive at once.

    A speed trick: on some machines calls run twice as fast as with memory allocated on demand, if the resident sizes exceed what a guest
    touches. Each of `unused_warm_slots` keeps that much memory resident between calls.
    """

    instances: int = 256
    memory_bytes: int = 1 << 30
    linear_memory_keep_resident: int = 2 << 20
    table_keep_resident: int = 1 << 20
    stack_keep_resident: int = 256 << 10
    unused_warm_slots: int = 32


def engine_config(pool: PoolSizes | None, fuel: bool = False, stack_bytes: int = STACK_BYTES) -> Config:
    """The one configuration.

    All but the allocator and the stack must be equal in the serving and the compiling process, or artifacts do not load.
    """
    config = Config()
    config.epoch_interruption = True
    config.consume_fuel = fuel
    config.wasm_component_model = True
    config.parallel_compilation = True
    ffi.wasmtime_config_async_stack_size_set(config.ptr(), stack_bytes + _HOST_STACK_BYTES)
    ffi.wasmtime_config_max_wasm_stack_set(config.ptr(), stack_bytes)
    for name in ("wasm_threads", "shared_memory", "wasm_memory64", "wasm_gc", "wasm_function_references", "wasm_stack_switching"):
        getattr(ffi, f"wasmtime_config_{name}_set")(config.ptr(), False)
    ffi.wasmtime_config_wasm_relaxed_simd_deterministic_set(config.ptr(), True)
    if pool is not None:
        allocation = ffi.wasmtime_pooling_allocation_config_new()
        sizes = {
            "total_component_instances": pool.instances,
            # As many as all components together may use: with fewer, a few components could use up the pool for the others. Unused ones
            # cost only addresses.
            "total_core_instances": pool.instances * CORE_INSTANCES,
            "total_memories": pool.instances * MEMORIES,
            "total_tables": pool.instances * TABLES,
            "total_stacks": pool.instances * 2,
            "max_core_instances_per_component": CORE_INSTANCES,
            "max_memories_per_component": MEMORIES,
            "max_memories_per_module": MEMORIES,
            "max_tables_per_component": TABLES,
            "max_tables_per_module": TABLES,
            "table_elements": 100_000,
            "max_component_instance_size": 4 << 20,
            "max_core_instance_size": 4 << 20,
            "max_memory_size": pool.memory_bytes,
            "linear_memory_keep_resident": pool.linear_memory_keep_resident,
            "table_keep_resident": pool.table_keep_resident,
            "async_stack_keep_resident": pool.stack_keep_resident,
            "max_unused_warm_slots": pool.unused_warm_slots,
        }
        for name, value in sizes.items():
            getattr(ffi, f"wasmtime_pooling_allocation_config_{name}_set")(allocation, value)
        ffi.wasmtime_pooling_allocation_strategy_set(config.ptr(), allocation)
        ffi.wasmtime_pooling_allocation_config_delete(allocation)
    return config


class NativeEngine:
    """One per process: compiled code, the pool, and the epoch that makes guests yield."""

    def __init__(self, pool: PoolSizes | None, *, fuel: bool = False, stack_bytes: int = STACK_BYTES) -> None:
        """`fuel` counts what calls compute; `stack_bytes` is the size of a call's stack.

        Raises EngineUnusable when the pool cannot be reserved; the caller may try without a pool.
        """
        try:
            self._engine = Engine(engine_config(pool, fuel, stack_bytes))
        except WasmtimeError as error:
            raise EngineUnusable(str(error)) from error
        self.address = address_of(self._engine.ptr())
        self.fuel = fuel

    def tick(self) -> None:
        """Advances the epoch: every computing guest yields to the event loop."""
        c.engine_increment_epoch(self.address)

    def compile(self, wasm: bytes) -> bytes:
        """Compiles a component. Returns the artifact that `NativeComponent.load` maps. Raises GuestFault for bytes that are no component.

        Needs seconds and hundreds of MiB: run it in a separate process.
        """
        try:
            return bytes(wc.Component(self._engine, wasm).serialize())
        except WasmtimeError as error:
            raise GuestFault(str(error)) from error

    def close(self) -> None:
        """Frees the engine. No component or call may be in use."""
        self._engine.close()
