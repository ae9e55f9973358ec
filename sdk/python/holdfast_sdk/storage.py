"""The install's key-value storage. Needs cap:storage.kv."""

from __future__ import annotations

import base64
import json
from typing import Any

from wit_world.imports import storage as functions
from wit_world.imports import types as wit

from holdfast_sdk import arguments
from holdfast_sdk.calls import call
from holdfast_sdk.errors import HostError
from holdfast_sdk.records import Entry


def _entry(wire: wit.StorageEntry) -> Entry:
    return Entry(wire.namespace, wire.key, bytes(wire.value), wire.revision)


class Storage:
    """Values by namespace and key. Every function raises HostError with the code `conflict`, `denied` or `internal`."""

    def get(self, namespace: str, key: str) -> Entry | None:
        """The entry; None when the key has no value."""
        try:
            return _entry(call("storage.get", functions.get, arguments.text(namespace, "namespace"), arguments.text(key, "key")))
        except HostError as error:
            if error.code == "missing":
                return None
            raise

    def put(self, namespace: str, key: str, value: bytes | str, *, revision: int | None = None) -> Entry:
        """Writes a value. With `revision`, writes only if that is the stored revision; otherwise raises HostError `conflict`."""
        entry = wit.StorageEntry(
            arguments.text(namespace, "namespace"),
            arguments.text(key, "key"),
            arguments.content(value, "value"),
            arguments.optional_count(revision, "revision", maximum=arguments.MAX_REVISION),
        )
        return _entry(call("storage.put", functions.put, entry))

    def delete(self, namespace: str, key: str) -> None:
        """Deletes a value; a missing value is not an error."""
        try:
            call("storage.delete", functions.delete, arguments.text(namespace, "namespace"), arguments.text(key, "key"))
        except HostError as error:
            # Hosts report a value that is not there as either: a delete names no revision, so nothing else can conflict.
            if error.code not in ("missing", "conflict"):
                raise

    def list(self, namespace: str) -> list[Entry]:
        """All entries of the namespace, sorted by key."""
        found: dict[str, Entry] = {}
        arguments.text(namespace, "namespace")
        last: str | None = None
        while True:
            # Entries that were seen before end the loop, also with a host that ignores the cursor and repeats a page.
            fresh = [entry for entry in map(_entry, self._page(namespace, last)) if entry.key not in found]
            if not fresh:
                return [*found.values()]
            found.update((entry.key, entry) for entry in fresh)
            last = fresh[-1].key

    def _page(self, namespace: str, last: str | None) -> Any:
        """The page after the key `last`. Some hosts pass the cursor on to their storage API, which expects it as encoded JSON."""
        try:
            return call("storage.list", functions.list_entries, namespace, last)
        except HostError as error:
            if last is None or error.code != "internal":
                raise
            cursor = base64.urlsafe_b64encode(json.dumps({"key": last}).encode()).rstrip(b"=").decode()
            return call("storage.list", functions.list_entries, namespace, cursor)

    def get_json(self, namespace: str, key: str) -> Any:
        """The value parsed as JSON; None when the key has no value. Raises ValueError when it is not JSON."""
        entry = self.get(namespace, key)
        return None if entry is None else entry.json()

    def put_json(self, namespace: str, key: str, value: Any, *, revision: int | None = None) -> Entry:
        """As `put`, with `value` as JSON. Raises TypeError when JSON cannot represent it."""
        return self.put(namespace, key, json.dumps(value), revision=revision)
