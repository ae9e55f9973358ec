"""The install's key-value storage. Needs cap:storage.kv."""

from __future__ import annotations

import base64
import json
from typing import Any

from wit_world.imports import storage as functions
from wit_world.imports import types as wit

from holdfast_sdk.calls import call
from holdfast_sdk.errors import HostError
from holdfast_sdk.records import Entry


def _entry(wire: wit.StorageEntry) -> Entry:
    return Entry(wire.namespace, wire.key, bytes(wire.value), wire.revision)


class Storage:
    """Every function raises HostError with `conflict`, `denied` or `internal`."""

    def get(self, namespace: str, key: str) -> Entry | None:
        """The entry, or None where the key holds nothing."""
        try:
            return _entry(call("storage.get", functions.get, namespace, key))
        except HostError as error:
            if error.code == "missing":
                return None
            raise

    def put(self, namespace: str, key: str, value: bytes | str, *, revision: int | None = None) -> Entry:
        """Writes; with `revision`, only where that is the stored one (`conflict` otherwise)."""
        content = value.encode() if isinstance(value, str) else value
        return _entry(call("storage.put", functions.put, wit.StorageEntry(namespace, key, content, revision)))

    def delete(self, namespace: str, key: str) -> None:
        """Deleting what is not there is no error."""
        try:
            call("storage.delete", functions.delete, namespace, key)
        except HostError as error:
            if error.code != "missing":
                raise

    def list(self, namespace: str) -> list[Entry]:
        """Every entry of the namespace, in the order of the keys."""
        found: dict[str, Entry] = {}
        last: str | None = None
        while True:
            fresh = [entry for entry in map(_entry, self._page(namespace, last)) if entry.key not in found]
            if not fresh:
                return [*found.values()]
            found.update((entry.key, entry) for entry in fresh)
            last = fresh[-1].key

    def _page(self, namespace: str, last: str | None) -> Any:
        """A cursor is the last key; hosts that hand it through to the storage API want that API's form of it."""
        try:
            return call("storage.list", functions.list_entries, namespace, last)
        except HostError as error:
            if last is None or error.code != "internal":
                raise
            cursor = base64.urlsafe_b64encode(json.dumps({"key": last}).encode()).rstrip(b"=").decode()
            return call("storage.list", functions.list_entries, namespace, cursor)

    def get_json(self, namespace: str, key: str) -> Any:
        """The value read as JSON, or None where the key holds nothing."""
        entry = self.get(namespace, key)
        return None if entry is None else entry.json()

    def put_json(self, namespace: str, key: str, value: Any, *, revision: int | None = None) -> Entry:
        return self.put(namespace, key, json.dumps(value), revision=revision)
