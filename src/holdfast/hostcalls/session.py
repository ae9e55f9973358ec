"""What every host function of one call works with, and how it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from holdfast.hostcalls.call import CallContext
from holdfast.hostcalls.network.egress import EgressRule
from holdfast.hostcalls.report import Reporter
from holdfast.world.capabilities import Capability
from holdfast.world.functions import WitError

if TYPE_CHECKING:
    from holdfast.hostcalls.backend import HostBackend
    from holdfast.hostcalls.interfaces.ui_proxy import UiProxy
    from holdfast.hostcalls.network.fetch import Fetcher


class Refused(WitError):
    """An error case with a reason. The guest receives the case alone; the reason goes to the debug stream, for the author.

    Raised by host functions when the case by itself would leave the author guessing.
    """

    def __init__(self, case: StrEnum, reason: str) -> None:
        super().__init__(case)
        self.reason = reason


class DoorLimits(Struct, frozen=True, kw_only=True):
    """Limits of one call. `log_lines` counts the guest's log and standard streams together."""

    host_calls: int = 1_000
    fetches: int = 50
    fetches_at_once: int = 6
    log_lines: int = 200
    event_bytes: int = 8_192


@dataclass(eq=False)
class Session:
    """One call, as its host functions see it. `secrets` are decoded; `egress` are the rules of what this install may fetch."""

    call: CallContext
    granted: frozenset[Capability]
    secrets: Mapping[str, str]
    egress: tuple[EgressRule, ...]
    backend: HostBackend
    fetcher: Fetcher
    ui_proxy: UiProxy | None
    report: Reporter
    limits: DoorLimits
    fetches: int = 0

    @cached_property
    def fetch_slots(self) -> asyncio.Semaphore:
        """Made when the guest fetches something: most do not."""
        return asyncio.Semaphore(self.limits.fetches_at_once)
