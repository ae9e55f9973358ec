"""Records through a guest: a page of clients, and a draft invoice (which reads a client and a service first)."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench.gateway.load import gateway_caller, interleaved, median, shown
from bench.gateway.platforms import extension, platform
from holdfast.world.capabilities import Capability
from tests.engine import toolchains

CONNECTIONS = 16
_CAPABILITIES: list[str] = [Capability.CLIENT_READ, Capability.SERVICE_READ, Capability.INVOICE_MANUAL_CREATE]


def billed(folder: Path, database: str | None) -> dict[str, Any]:
    """Medians, on the sample records of a new platform."""
    archive = extension(folder / "records.tar.zst", toolchains.build("records (QuickJS)"), capabilities=_CAPABILITIES)
    with ExitStack() as open_blocks:
        running = open_blocks.enter_context(platform(folder / "records", archive, database=database))
        loads = interleaved(
            {
                "list of clients": partial(gateway_caller(folder, running, "/clients").measure, CONNECTIONS),
                "invoice": partial(gateway_caller(folder, running, "/invoice", "POST").measure, CONNECTIONS),
            }
        )
    clients, invoices = loads.values()
    return shown(loads) | {"at least, a second": round(min(median(clients, "rate"), median(invoices, "rate")))}
