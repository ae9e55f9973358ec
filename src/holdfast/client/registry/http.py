"""The registry of a server, over its HTTP API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
from msgspec import UNSET, UnsetType

from holdfast.bundles.store.hashing import hash_file
from holdfast.client.connection import COMPILE_SECONDS, ServerConnection, ServerDenied, ServerUnusable, open_connection
from holdfast.client.decoding import read_result, read_shape
from holdfast.client.progress import WorkProgress
from holdfast.client.target import ServerTarget
from holdfast.contract.extension_events import EventDetails, EventInfo, EventPage
from holdfast.contract.registry_api import (
    GrantsResult,
    InstallDetailsResult,
    InstalledResult,
    InstallQuotasResult,
    InstallSummaryResult,
    PublicationResult,
    PublishedResult,
    SecretsResult,
    UninstalledResult,
    UpgradedResult,
    VersionResult,
)
from holdfast.errors import HoldfastError
from holdfast.platform.lock_file import page_of
from holdfast.registry.installs.results import Grants, InstallDetails, Installed, InstallSummary, Uninstalled, Upgraded
from holdfast.registry.publishing.results import Publication, Published, VersionSummary
from holdfast.registry.quotas.results import InstallQuotas
from holdfast.registry.secrets.results import SecretsSummary

API = "/api/v1"
BUNDLES = "/api/ext-bundles"
PIECE_BYTES = 256 * 1024
UPLOAD_SECONDS = 120.0
"""Longest wait for one piece of an upload, or for the response to the whole upload."""


_PUBLISHES_ONLY = frozenset({"development_only", "not_found", "NOT_FOUND"})
"""Codes of servers on which a folder is published first, and then installed."""


class NameInvalid(HoldfastError):
    """Raised for a name that cannot be part of a server's address."""

    code = "name_invalid"
    status = 400


class ServerRegistry:
    """The `Registry` of a server, for the tenant of the API key."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    def page_of(self, registry_id: str) -> str:
        return page_of(self._connection.url, registry_id)

    async def publish(self, archive: Path, *, signature: bytes | None, progress: WorkProgress) -> Published:
        async with self._uploaded(archive, signature, progress) as body:
            return await self._finalize(body, progress)

    async def _finalize(self, body: dict[str, Any], progress: WorkProgress) -> Published:
        with progress.waiting("Checking and compiling"):
            finalized = await self._connection.call("POST", f"{BUNDLES}/finalize", json=body, seconds=COMPILE_SECONDS)
        return read_result(PublishedResult, Published, finalized, "published")

    @asynccontextmanager
    async def _uploaded(self, archive: Path, signature: bytes | None, progress: WorkProgress) -> AsyncIterator[dict[str, Any]]:
        """Uploads the archive. The block gets the fields that name the upload; when it fails, the upload is deleted."""
        size, sha256 = (await asyncio.to_thread(archive.stat)).st_size, await asyncio.to_thread(hash_file, archive)
        with progress.transfer("Uploading", size) as report:
            uploaded = await self._connection.call(
                "POST",
                f"{BUNDLES}/upload-proxy",
                query={"filename": "bundle.tar.zst", "size": str(size), "declaredHash": sha256},
                content=_pieces(archive, report),
                headers={"content-type": "application/octet-stream", "content-length": str(size)},
                seconds=UPLOAD_SECONDS,
            )
        key = read_shape(str, uploaded, "upload", "key")
        body: dict[str, Any] = {"key": key, "size": size, "declaredHash": sha256}
        if signature is not None:
            body["signature"] = {"text": signature.decode(), "algorithm": "minisign"}
        try:
            yield body
        except BaseException:
            with suppress(HoldfastError):
                await asyncio.shield(self._connection.call("POST", f"{BUNDLES}/abort", json={"key": key}))
            raise

    async def publication(self, extension: str, version: str | None) -> Publication:
        return read_result(
            PublicationResult, Publication, await self._get(f"/publications/{path_segment(extension)}/{path_segment(version or 'latest')}")
        )

    async def versions(self, extension: str) -> list[VersionSummary]:
        return read_result(list[VersionResult], list[VersionSummary], await self._get(f"{_install(extension)}/versions"), "versions")

    async def yank(self, extension: str, version: str, *, reason: str | None) -> None:
        await self._send("POST", f"{_install(extension)}/versions/{path_segment(version)}/yank", {"reason": reason} if reason else {})

    async def unyank(self, extension: str, version: str) -> None:
        await self._send("DELETE", f"{_install(extension)}/versions/{path_segment(version)}/yank")

    async def installs(self) -> list[InstallSummary]:
        return read_result(list[InstallSummaryResult], list[InstallSummary], await self._get("/extensions"), "extensions")

    async def details(self, extension: str) -> InstallDetails:
        return read_result(InstallDetailsResult, InstallDetails, await self._get(_install(extension)))

    async def quotas(self, extension: str | None) -> list[InstallQuotas]:
        path = "/quotas" if extension is None else f"{_install(extension)}/quotas"
        return read_result(list[InstallQuotasResult], list[InstallQuotas], await self._get(path), "quotas")

    async def set_quotas(self, extension: str, changes: dict[str, int | None]) -> list[InstallQuotas]:
        answer = await self._send("PATCH", f"{_install(extension)}/quotas", changes)
        return read_result(list[InstallQuotasResult], list[InstallQuotas], answer, "quotas")

    async def events(self, extension: str | None, *, status: str | None, limit: int, cursor: str | None) -> EventPage:
        query = urlencode(_given(extension=extension, status=status, limit=limit, cursor=cursor))
        return read_shape(EventPage, await self._get(f"/events?{query}"))

    async def event(self, event_id: str) -> EventDetails:
        return read_shape(EventDetails, await self._get(_event(event_id)))

    async def retry_event(self, event_id: str) -> EventInfo:
        return read_shape(EventInfo, await self._send("POST", f"{_event(event_id)}/retry", {}), "event")

    async def drop_event(self, event_id: str) -> EventInfo:
        return read_shape(EventInfo, await self._send("POST", f"{_event(event_id)}/drop", {}), "event")

    async def install_archive(self, archive: Path, *, signature: bytes | None, progress: WorkProgress) -> Installed:
        async with self._uploaded(archive, signature, progress) as body:
            if (installed := await self._install_for_development(body, progress)) is not None:
                return installed
            published = await self._finalize(body, progress)
        return await self.install(published.registry_id, published.version)

    async def _install_for_development(self, body: dict[str, Any], progress: WorkProgress) -> Installed | None:
        """Installs an upload as a version that can be installed again. None on a server that only publishes: in production, or another."""
        try:
            with progress.waiting("Checking and compiling"):
                response = await self._connection.call("POST", f"{BUNDLES}/install", json=body, seconds=COMPILE_SECONDS)
        except ServerDenied as denied:
            if denied.server_code not in _PUBLISHES_ONLY:
                raise
            return None
        except ServerUnusable:
            # A server of the existing platform has no such operation.
            return None
        return read_result(InstalledResult, Installed, response)

    async def install(
        self, extension: str, version: str | None, *, capabilities: Sequence[str] | None = None, egress: Sequence[str] | None = None
    ) -> Installed:
        body = _given(extension=extension, version=version, capabilities=capabilities, egress=egress)
        return read_result(InstalledResult, Installed, await self._send("POST", "/extensions", body))

    async def upgrade(self, extension: str, version: str | None, *, consent: bool, disable_missing_schedules: bool) -> Upgraded:
        body = _given(version=version, consent=consent, disableMissingSchedules=disable_missing_schedules)
        return read_result(UpgradedResult, Upgraded, await self._send("POST", f"{_install(extension)}/upgrade", body))

    async def rollback(self, extension: str, *, disable_missing_schedules: bool) -> Upgraded:
        body = {"disableMissingSchedules": disable_missing_schedules}
        return read_result(UpgradedResult, Upgraded, await self._send("POST", f"{_install(extension)}/rollback", body))

    async def uninstall(self, extension: str) -> Uninstalled:
        return read_result(UninstalledResult, Uninstalled, await self._send("DELETE", _install(extension)))

    async def set_enabled(self, extension: str, *, enabled: bool) -> None:
        await self._send("POST", f"{_install(extension)}/{'enable' if enabled else 'disable'}", {})

    async def grants(self, extension: str) -> Grants:
        return read_result(GrantsResult, Grants, await self._get(f"{_install(extension)}/grants"))

    async def grant(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        return read_result(GrantsResult, Grants, await self._send("POST", f"{_install(extension)}/grants", _rights(capabilities, egress)))

    async def revoke(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        return read_result(GrantsResult, Grants, await self._send("DELETE", f"{_install(extension)}/grants", _rights(capabilities, egress)))

    async def config(self, extension: str) -> dict[str, Any]:
        return _config(await self._get(f"{_install(extension)}/config"))

    async def change_config(self, extension: str, *, values: dict[str, Any], unset: Sequence[str]) -> dict[str, Any]:
        return _config(await self._send("PATCH", f"{_install(extension)}/config", {"set": values, "unset": list(unset)}))

    async def secrets(self, extension: str) -> SecretsSummary:
        return read_result(SecretsResult, SecretsSummary, await self._get(f"{_install(extension)}/secrets"))

    async def set_secrets(
        self, extension: str, values: dict[str, str], *, expires_at: datetime | UnsetType | None = UNSET
    ) -> SecretsSummary:
        body: dict[str, Any] = {"values": values}
        if expires_at is not UNSET:
            body["expiresAt"] = expires_at
        return read_result(SecretsResult, SecretsSummary, await self._send("PUT", f"{_install(extension)}/secrets", body))

    async def remove_secret(self, extension: str, key: str) -> SecretsSummary:
        return read_result(SecretsResult, SecretsSummary, await self._send("DELETE", f"{_install(extension)}/secrets/{path_segment(key)}"))

    async def clear_secrets(self, extension: str) -> SecretsSummary:
        return read_result(SecretsResult, SecretsSummary, await self._send("DELETE", f"{_install(extension)}/secrets"))

    async def _get(self, path: str) -> Any:
        return await self._connection.call("GET", f"{API}{path}")

    async def _send(self, method: str, path: str, body: Any = None) -> Any:
        # The default limit is enough: only publishing compiles components, and it sets its own.
        return await self._connection.call(method, f"{API}{path}", json=body)


@asynccontextmanager
async def open_server(target: ServerTarget, *, transport: httpx2.AsyncBaseTransport | None = None) -> AsyncIterator[ServerRegistry]:
    """The registry of a server, for one command."""
    async with open_connection(target, transport=transport) as connection:
        yield ServerRegistry(connection)


async def _pieces(archive: Path, report: Callable[[int], None]) -> AsyncIterator[bytes]:
    with archive.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece
            report(len(piece))


def _install(extension: str) -> str:
    return f"/extensions/{path_segment(extension)}"


def path_segment(text: str) -> str:
    """The text as one segment of a path. Raises NameInvalid for text that would change the path, such as `..`."""
    if not text.strip("."):
        raise NameInvalid(f"{text!r} is not a name.", hint="Name an extension as publisher.name, or by its id.")
    return quote(text, safe="")


def _event(event_id: str) -> str:
    return f"/events/{path_segment(event_id)}"


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _rights(capabilities: Sequence[str], egress: Sequence[str]) -> dict[str, list[str]]:
    return {"capabilities": list(capabilities), "egress": list(egress)}


def _config(response: Any) -> dict[str, Any]:
    # The names in it are the extension's own.
    config = response.get("config") if isinstance(response, dict) else None
    if not isinstance(config, dict):
        raise ServerUnusable("The server's response contains no settings.", hint="Check that server and command have the same version.")
    return config
