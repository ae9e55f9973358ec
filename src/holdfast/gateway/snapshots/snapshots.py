"""The snapshots of one gateway process, and how they are read and checked.

a call ──▶ entry? ──▶ its stamp = the tenant's stamp now? ──yes──▶ use it: no query
             │no                     │no, or the feed knows nothing
             ▼                       ▼
           read the rows, joined by calls that came under the same stamp ──▶ store it, if the feed had a stamp before

A read that began before a change is joined by no call that came after it: the stamp is part of the key under which reads are joined.
What does not exist is not stored: each call with an unknown credential or extension costs one query, which an index answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cachetools import LRUCache

from holdfast.concurrency.single_flight import SingleFlight
from holdfast.gateway.snapshots.cache import Snapshot, SnapshotCache
from holdfast.gateway.snapshots.install import InstallSnapshot
from holdfast.records.changes.feed import ChangeFeed, Stamp
from holdfast.records.credentials import Credential, read_api_key, read_session
from holdfast.records.database.database import Database
from holdfast.registry.installs.call_context import read_install

MAX_CREDENTIALS = 20_000
MAX_CREDENTIAL_BYTES = 32 * 1024 * 1024
MAX_INSTALLS = 10_000
MAX_INSTALL_BYTES = 96 * 1024 * 1024
MAX_NAME_LENGTH = 600
"""Publisher and name have at most 255 characters each; a longer text names no extension."""

Read = Callable[[Database, str], Awaitable[Credential | None]]


class Snapshots:
    """Credentials by the hash of their token, enabled installs by tenant and the text that names them. Belongs to one event loop."""

    def __init__(self, db: Database, changes: ChangeFeed) -> None:
        self._db = db
        self._changes = changes
        self._credentials: SnapshotCache[str, Credential] = SnapshotCache(max_entries=MAX_CREDENTIALS, max_bytes=MAX_CREDENTIAL_BYTES)
        self._installs: SnapshotCache[tuple[str, str], InstallSnapshot] = SnapshotCache(
            max_entries=MAX_INSTALLS, max_bytes=MAX_INSTALL_BYTES
        )
        # The tenant that an install had when it was last found; it is asked again each time.
        self._owners: LRUCache[str, str] = LRUCache(MAX_INSTALLS)
        self._credential_reads: SingleFlight[tuple[str, Stamp], Snapshot[Credential] | None] = SingleFlight("read a credential")
        self._install_reads: SingleFlight[tuple[str, str, Stamp], Snapshot[InstallSnapshot] | None] = SingleFlight("read an install")

    async def session(self, token_hash: str) -> Snapshot[Credential] | None:
        """The session with this hash of its token, which may have ended. None without one, or when its user is inactive."""
        return self._current_credential(token_hash) or await self._read_credential(token_hash, read_session)

    async def api_key(self, token_hash: str) -> Snapshot[Credential] | None:
        """The same for an API key, which may have expired. None also when it is revoked."""
        return self._current_credential(token_hash) or await self._read_credential(token_hash, read_api_key)

    async def install(self, tenant_id: str, extension: str, stamp: Stamp | None) -> Snapshot[InstallSnapshot] | None:
        """The tenant's enabled install of `extension`, any of its names, or None. `stamp` is the tenant's stamp now.

        Raises RegistryError (`ambiguous_extension`).
        """
        key = tenant_id, extension
        found = self._installs.get(key)
        if found is not None and stamp is not None and found.stamp == stamp:
            return found
        if len(extension) > MAX_NAME_LENGTH:
            return None
        if stamp is None:
            return await self._read_install(key, None)
        return await self._install_reads.run((tenant_id, extension, stamp), lambda: self._read_install(key, stamp))

    async def install_by_id(self, install_id: str, tenant_id: str | None) -> InstallSnapshot | None:
        """The enabled install with this id. Without `tenant_id`, only one that was found before: None does not mean that there is none."""
        owner = self._owners.get(install_id) if tenant_id is None else tenant_id
        if owner is None:
            return None
        found = await self.install(owner, install_id, self._changes.stamp(owner))
        # What names an install may also be the id of its extension.
        if found is None or found.value.context.install_id != install_id:
            return None
        self._owners[install_id] = owner
        return found.value

    def _current_credential(self, token_hash: str) -> Snapshot[Credential] | None:
        found = self._credentials.get(token_hash)
        if found is None or found.stamp is None or found.stamp != self._changes.stamp(found.value.identity.tenant_id):
            return None
        return found

    async def _read_credential(self, token_hash: str, read: Read) -> Snapshot[Credential] | None:
        mark = self._changes.mark()
        if mark is None:
            found = await read(self._db, token_hash)
            return None if found is None else Snapshot(found, None)
        return await self._credential_reads.run((token_hash, mark), lambda: self._store_credential(token_hash, read, mark))

    async def _store_credential(self, token_hash: str, read: Read, mark: Stamp) -> Snapshot[Credential] | None:
        found = await read(self._db, token_hash)
        if found is None:
            self._credentials.drop(token_hash)
            return None
        # Only the row shows whose it is. Nothing changed for anyone since before it was read: the tenant's stamp now was its stamp then.
        stamp = self._changes.stamp(found.identity.tenant_id)
        snapshot = Snapshot(found, stamp if self._changes.mark() == mark else None)
        if snapshot.stamp is not None:
            self._credentials.put(token_hash, snapshot, 1_500 + 120 * len(found.permissions))
        return snapshot

    async def _read_install(self, key: tuple[str, str], stamp: Stamp | None) -> Snapshot[InstallSnapshot] | None:
        tenant_id, extension = key
        context = await read_install(self._db, tenant_id, extension)
        if context is None:
            self._installs.drop(key)
            return None
        snapshot = Snapshot(InstallSnapshot(context), stamp)
        if stamp is not None:
            self._installs.put(key, snapshot, len(extension) + snapshot.value.size)
        return snapshot
