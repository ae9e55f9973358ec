"""The gateway that a command talks to over HTTP: that of a server, or that of the running platform with its development account's key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from holdfast.client.location.find import find_location
from holdfast.client.target import ServerTarget, Target
from holdfast.errors import HoldfastError
from holdfast.platform.lock_file import require_platform
from holdfast.records.development_tenant import DevelopmentAccount


class GatewayUnreachable(HoldfastError):
    """Raised when the gateway does not respond, or its credentials cannot be read."""

    code = "gateway_unreachable"
    status = 502


async def find_gateway(target: Target, report: Callable[[str], None]) -> ServerTarget:
    """The gateway that the options of a command select. `report` receives a sentence about the platform that was found.

    Raises the errors of `Target.server_target` and `find_location`; NotRunning; GatewayUnreachable when the platform has no development
    account, or the file of its key is unreadable.
    """
    server = target.server_target()
    if server is not None:
        return server
    async with find_location(target.data_dir, report=report) as location:
        if location.platform is None:
            running, credentials = require_platform(location.settings.data_dir).console, None
        else:
            running, credentials = location.platform.description.console, location.platform.credentials
    if credentials is None:
        raise GatewayUnreachable(
            f"The platform at {running} has no development account, whose key this command would use.",
            hint=f"Create a key with `holdfast keys api new`, set ALGA_API_KEY to it, and add --server {running}.",
        )
    key = await asyncio.to_thread(_api_key, credentials)
    return ServerTarget(url=running, api_key=key, tenant_id=target.tenant_id)


def _api_key(file: Path) -> str:
    try:
        return msgspec.json.decode(file.read_bytes(), type=DevelopmentAccount).api_key
    except (OSError, msgspec.MsgspecError) as failed:
        raise GatewayUnreachable(f"Cannot read {file}.", hint="Restart `holdfast up`: it creates new credentials.") from failed
