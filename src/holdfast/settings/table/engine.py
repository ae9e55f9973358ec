"""Settings: runner processes and engine."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import AliasChoices, Field

from holdfast.settings.table.kinds import SettingsGroup


class EngineSettings(SettingsGroup):
    """How many processes a runner has, and how its engine works."""

    title: ClassVar[str] = "Runner processes and engine"

    runner_workers: int = Field(
        1, gt=0, le=256, validation_alias=AliasChoices("RUNNER_WORKERS"), description="Number of runner processes that share one port."
    )
    workers_dir: Path | None = Field(
        None,
        validation_alias=AliasChoices("HOLDFAST_WORKERS_DIR"),
        description="Folder that the workers of one runner share; `holdfast runner --workers` creates it and sets this variable for them.",
    )
    engine_pool: bool | Literal["auto"] = Field(
        "auto",
        validation_alias=AliasChoices("HOLDFAST_ENGINE_POOL"),
        description="Allocate instance memory from a pool: on some machines twice the calls per second, on others no gain. `auto` measures"
        " it at the first start on a machine, in about 30 ms, and keeps the result in the folder of compiled components.",
    )
    engine_pool_instances: int = Field(
        256,
        gt=0,
        validation_alias=AliasChoices("HOLDFAST_ENGINE_POOL_INSTANCES", "WASM_POOL_TOTAL_COMPONENTS", "RUNNER_WASM_POOL_TOTAL_COMPONENTS"),
        description="Maximum component instances in the pool.",
    )
    engine_fuel: bool = Field(
        False,
        validation_alias=AliasChoices("HOLDFAST_ENGINE_FUEL"),
        description="Count the work of calls in fuel, which is equal for equal calls; calls then run about 20 % slower.",
    )
    engine_generated_lowering: bool = Field(
        True,
        validation_alias=AliasChoices("HOLDFAST_GENERATED_LOWERING"),
        description="Convert requests for guests with generated code; off, with the general code. Both have the same result.",
    )
    loaded_components: int = Field(
        4_096,
        gt=0,
        le=16_384,
        validation_alias=AliasChoices("HOLDFAST_LOADED_COMPONENTS"),
        description="Compiled components that a runner process keeps in memory; the least recently used is dropped first.",
    )
    loaded_components_mb: int | None = Field(
        None,
        gt=0,
        validation_alias=AliasChoices("HOLDFAST_LOADED_COMPONENTS_MB"),
        description="Memory for them, in MiB, by the size of their compiled files; unset means half of the memory of the machine or"
        " container, divided by the number of runner processes.",
    )
    # Switches of what is only there for speed, so that tests can compare both ways and a suspicious operator can rule it out.
    fast_path: bool = Field(
        True,
        validation_alias=AliasChoices("HOLDFAST_FAST_PATH"),
        description="Respond to calls without ASGI, in runner and gateway. Off, the same code runs behind it: slower, for comparison.",
    )
    call_batching: bool = Field(
        True,
        validation_alias=AliasChoices("HOLDFAST_CALL_BATCHING"),
        description="Run the guests of calls that arrive together one after the other. Off, each runs at once: slower under load.",
    )
