"""Settings: runner processes and engine."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from holdfast.settings.table.fields import named, setting
from holdfast.settings.table.kinds import SettingsGroup


class EngineSettings(SettingsGroup):
    """How many processes a runner has, and how its engine works."""

    title: ClassVar[str] = "Runner processes and engine"

    runner_workers: int = setting(
        1, gt=0, le=256, variables=named("RUNNER_WORKERS"), description="Number of runner processes that share one port."
    )
    workers_dir: Path | None = setting(
        None,
        variables=named("HOLDFAST_WORKERS_DIR"),
        description="Folder that the workers of one runner share; `holdfast runner --workers` creates it and sets this variable for them.",
    )
    engine_pool: bool | Literal["auto"] = setting(
        "auto",
        variables=named("HOLDFAST_ENGINE_POOL"),
        description="Allocate instance memory from a pool: on some machines twice the calls per second, on others no gain. `auto` measures"
        " it at the first start on a machine, in about 30 ms, and keeps the result in the folder of compiled components.",
    )
    engine_pool_instances: int = setting(
        256,
        gt=0,
        # Each has up to 8 memories of 4 GiB of addresses, of which a process has 128 TiB; Wasmtime ends the process when they do not fit.
        le=2_048,
        variables=named("HOLDFAST_ENGINE_POOL_INSTANCES", "WASM_POOL_TOTAL_COMPONENTS", "RUNNER_WASM_POOL_TOTAL_COMPONENTS"),
        description="Maximum component instances in the pool.",
    )
    engine_warm_mb: int | None = setting(
        None,
        ge=0,
        variables=named("HOLDFAST_ENGINE_WARM_MB"),
        description="Memory that the pool keeps between calls for the extensions that it called last, in MiB, about 2 to 4 for each. Calls"
        " of further extensions take up to twice as long. Unset means an eighth of the memory of the machine or container, divided by the"
        " number of runner processes.",
    )
    engine_fuel: bool = setting(
        False,
        variables=named("HOLDFAST_ENGINE_FUEL"),
        description="Count the work of calls in fuel, which is equal for equal calls; calls then run about 20 % slower.",
    )
    engine_stack_mb: int = setting(
        24,
        gt=0,
        le=1_024,
        variables=named("HOLDFAST_ENGINE_STACK_MB"),
        description="Stack of a call, in MiB. Only what calls use of it takes memory; with the pool, the process keeps it for later calls."
        " With less than 24, a handler that nests its calls or JSON too deeply can end as a trap instead of an error that it can catch.",
    )
    engine_generated_lowering: bool = setting(
        True,
        variables=named("HOLDFAST_GENERATED_LOWERING"),
        description="Convert requests for guests with generated code; off, with the general code. Both have the same result.",
    )
    loaded_components: int = setting(
        4_096,
        gt=0,
        le=16_384,
        variables=named("HOLDFAST_LOADED_COMPONENTS"),
        description="Compiled components that a runner process keeps in memory; the least recently used is dropped first.",
    )
    loaded_components_mb: int | None = setting(
        None,
        gt=0,
        variables=named("HOLDFAST_LOADED_COMPONENTS_MB"),
        description="Memory for them, in MiB, by the size of their compiled files; unset means half of the memory of the machine or"
        " container, divided by the number of runner processes.",
    )
    # Switches of what is only there for speed, so that tests can compare both ways and a suspicious operator can rule it out.
    fast_path: bool = setting(
        True,
        variables=named("HOLDFAST_FAST_PATH"),
        description="Respond to calls without ASGI, in runner and gateway. Off, the same code runs behind it: slower, for comparison.",
    )
    call_batching: bool = setting(
        True,
        variables=named("HOLDFAST_CALL_BATCHING"),
        description="Run the guests of calls that arrive together one after the other. Off, each runs at once: slower under load.",
    )
