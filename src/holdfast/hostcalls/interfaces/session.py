"""What every host function of one call works with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from holdfast.hostcalls.application.backend import HostBackend
from holdfast.hostcalls.call.context import CallContext
from holdfast.hostcalls.call.event_reporter import EventReporter
from holdfast.hostcalls.call.limits import HostLimits
from holdfast.hostcalls.call.request_keys import RequestKeys
from holdfast.hostcalls.network.egress import EgressRule
from holdfast.world.capabilities import Capability

if TYPE_CHECKING:
    from holdfast.hostcalls.application.ui_proxy import UiProxyClient
    from holdfast.hostcalls.network.deferred_fetcher import Fetches


@dataclass(eq=False)
class Session:
    """One call. `secrets` maps names to plaintext values; `egress` has the hosts that this install may fetch from.

    `egress_withheld` has those that its manifest declares and that it was not granted; None where that is unknown.
    """

    call: CallContext
    granted: frozenset[Capability]
    secrets: Mapping[str, str]
    egress: tuple[EgressRule, ...]
    egress_withheld: tuple[EgressRule, ...] | None
    backend: HostBackend
    fetcher: Fetches
    ui_proxy: UiProxyClient | None
    events: EventReporter
    limits: HostLimits
    count: Callable[[str], None]
    """Counts an outcome of `http.fetch` that is not its result."""
    fetches: int = 0
    egress_bytes: int = 0
    """Bytes of all fetches: headers and bodies, sent and received."""

    def count_egress(self, size: int) -> None:
        """Adds bytes that a fetch sent or received."""
        self.egress_bytes += size

    @cached_property
    def invoice_keys(self) -> RequestKeys:
        """Created when the guest creates an invoice."""
        return RequestKeys(self.call.repeatable_as)

    @cached_property
    def fetch_slots(self) -> asyncio.Semaphore:
        """Created when the guest fetches something: most guests do not."""
        return asyncio.Semaphore(self.limits.fetches_at_once)
