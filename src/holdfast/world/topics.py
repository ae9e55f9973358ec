"""The topics of events that an extension can subscribe to, and the capability that each needs."""

from __future__ import annotations

from holdfast.world.capabilities import Capability

_CHANGES = ("created", "updated", "deleted")

RECORD_CAPABILITIES = {
    "client": Capability.CLIENT_READ,
    "contact": Capability.CLIENT_READ,
    "service": Capability.SERVICE_READ,
    # No capability reads invoices: an install hears of those that it made itself.
    "invoice": Capability.INVOICE_MANUAL_CREATE,
}
"""The capability that events of a kind of record need."""

INSTALLED, UPGRADED = "extension.installed", "extension.upgraded"
LIFECYCLE_TOPICS = (INSTALLED, UPGRADED, "extension.enabled", "extension.disabled", "extension.settings_changed")
"""Events about the install itself. They need no capability."""

TOPICS: dict[str, Capability | None] = {
    **{f"{kind}.{change}": capability for kind, capability in RECORD_CAPABILITIES.items() for change in _CHANGES},
    **dict.fromkeys(LIFECYCLE_TOPICS),
}
"""Every topic, with the capability that it needs; None for none."""
