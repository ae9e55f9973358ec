"""Settings of a command's environment that name another database or bundle store than the platform's, which counts."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.platform.control.messages import PlatformDescription, shown_location
from holdfast.settings import Settings


def describe_conflicts(settings: Settings, platform: PlatformDescription) -> Iterator[str]:
    """A sentence for each setting of the command that the platform does not follow. Passwords are not in it."""
    checked = (
        ("DATABASE_URL", settings.database_url, platform.database, "database"),
        ("BUNDLE_STORE_BASE", settings.bundle_store_base, platform.bundle_store, "bundle store"),
    )
    for variable, value, used, what in checked:
        if value and shown_location(value) != used:
            yield f"{variable} names {shown_location(value)}, but the running platform uses the {what} {used}. The platform's is used."
