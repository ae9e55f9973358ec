"""What an install stores is warned about when it crosses 80 % of the limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from structlog.testing import capture_logs

from holdfast.gateway.limits.storage_warnings import StorageWarnings
from holdfast.registry.installs.results import Installed
from holdfast.storage.limits import StorageLimits
from holdfast.storage.records import InstallKey, Write
from tests.gateway.platform import Platform
from tests.records.databases import TENANT


async def warned(platform: Platform) -> list[str]:
    """The messages in the debug stream of the extension."""
    await platform.services.storage_warnings.close()
    return [event.message for _, event in await platform.services.events.tail(TENANT, platform.installed.registry_id, 100)]


async def test_a_write_that_crosses_80_percent_warns_once_a_day(platform: Platform) -> None:
    services = platform.services
    services.storage_limits = replace(StorageLimits(), total_bytes=1_000)
    storage = services.storage.of(TENANT, platform.installed.install_id)
    with capture_logs() as logged:
        await storage.put("n", Write(key="a", value="x" * 780))
        assert await warned(platform) == []
        await storage.put("n", Write(key="b", value="x" * 40))
        await storage.put("n", Write(key="c", value="x" * 10))
        await storage.delete("n", "b")
        await storage.put("n", Write(key="b", value="x" * 40))
        (message,) = await warned(platform)
    assert message.startswith("82 % of the storage is used (")
    warnings = [(entry["event"], entry["quota"], entry["extension"]) for entry in logged if entry["event"].startswith("quota")]
    assert warnings == [("quota_nearly_used", "storage_bytes", platform.installed.registry_id)]


async def test_the_next_day_it_warns_again(platform: Platform) -> None:
    moment = platform.services.now()
    warnings = StorageWarnings(platform.db, platform.services.events, 1_000, now=lambda: moment)
    install = _key(platform.installed)
    for _ in range(3):
        warnings.report_growth(install, 700, 900)
    moment += timedelta(days=1)
    warnings.report_growth(install, 700, 1_000)
    warnings.report_growth(install, 700, 900)
    warnings.report_growth(install, 900, 950)
    await warnings.close()
    found = [event.message[:9] for _, event in await platform.services.events.tail(TENANT, platform.installed.registry_id, 100)]
    assert sorted(found) == ["100 % of ", "90 % of t", "90 % of t"]


async def test_an_install_that_is_gone_is_logged_only(platform: Platform) -> None:
    warnings = StorageWarnings(platform.db, platform.services.events, 1_000)
    with capture_logs() as logged:
        warnings.report_growth(InstallKey(TENANT, "00000000-0000-4000-8000-000000000000"), 0, 900)
        await warnings.close()
    assert [(entry["event"], entry["extension"]) for entry in logged] == [("quota_nearly_used", None)]


def _key(installed: Installed) -> InstallKey:
    return InstallKey(TENANT, installed.install_id)
