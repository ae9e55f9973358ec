"""The interface `storage`: the install's key-value records.

Paging: `list-entries` returns at most 100 entries, sorted by key. `cursor` is the key of the last entry received; the next page starts
after it, whether that entry still exists or not. An empty list is the end.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from holdfast.hostcalls.application.backend import BackendUnavailable, Service
from holdfast.hostcalls.application.response import MAX_U64, MalformedResponse, ResponseObject, json_text, malformed_as
from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.interfaces.session import Session
from holdfast.world.functions import WitError
from holdfast.world.types import StorageEntry, StorageError

PAGE_SIZE = 100
BYTES_ENCODING = "base64-bytes"

_CASES = {
    401: StorageError.DENIED,
    403: StorageError.DENIED,
    409: StorageError.CONFLICT,
    429: StorageError.DENIED,
}


def page_cursor(last_key: str) -> str:
    """The internal API's cursor for the page after `last_key`: base64url, without padding, of `{"key": last_key}`."""
    return base64.urlsafe_b64encode(json_text({"key": last_key}).encode()).rstrip(b"=").decode("ascii")


def decode_value(value: object, metadata: object) -> bytes:
    """The bytes of a stored value.

    A value that a guest wrote is base64, as its metadata says. Of values that others wrote into the same records, a string becomes its
    UTF-8 bytes, an object `{"_bytes_b64": …}` the bytes in it, everything else JSON text. Raises MalformedResponse for invalid base64.
    """
    encoded: object
    if isinstance(metadata, dict) and metadata.get("encoding") == BYTES_ENCODING:
        encoded = value
    elif isinstance(value, dict) and "_bytes_b64" in value:
        encoded = value["_bytes_b64"]
    elif isinstance(value, str):
        return value.encode("utf-8")
    else:
        return json_text(value).encode("utf-8")
    if not isinstance(encoded, str):
        raise MalformedResponse("value must be base64")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedResponse("value must be base64") from None


def _entry(value: object, namespace: str, key: str | None = None) -> StorageEntry:
    response = ResponseObject(value)
    if not response.has("value"):
        raise MalformedResponse("value is missing")
    return StorageEntry(
        response.optional_text("namespace") or namespace,
        (response.optional_text("key") or key) if key is not None else response.text("key"),
        decode_value(response.value("value"), response.value("metadata")),
        response.count("revision", maximum=MAX_U64),
    )


async def _request(session: Session, body: Mapping[str, Any]) -> object:
    install_id = session.call.usable_install_id
    if install_id is None:
        raise HostCallError(StorageError.DENIED, "the call names no install")
    try:
        reply = await session.backend.post(Service.STORAGE, install_id, body)
    except BackendUnavailable as error:
        raise HostCallError(StorageError.INTERNAL, str(error)) from error
    if reply.status == 404:
        raise WitError(StorageError.MISSING)  # a normal result that needs no explanation
    if not reply.ok:
        raise HostCallError(_CASES.get(reply.status, StorageError.INTERNAL), reply.error_text)
    return reply.body


async def get(session: Session, namespace: str, key: str) -> StorageEntry:
    """One record. Raises `missing`, `denied` or `internal`."""
    body = await _request(session, {"operation": "get", "namespace": namespace, "key": key})
    with malformed_as(StorageError.INTERNAL):
        return _entry(body, namespace, key)


async def put(session: Session, entry: StorageEntry) -> StorageEntry:
    """Writes one record; with a revision, only if the stored one has that revision. Returns it with its new revision."""
    body: dict[str, Any] = {
        "operation": "put",
        "namespace": entry.namespace,
        "key": entry.key,
        "value": base64.b64encode(entry.value).decode("ascii"),
        "metadata": {"encoding": BYTES_ENCODING},
    }
    if entry.revision is not None:
        body["ifRevision"] = entry.revision
    response = await _request(session, body)
    with malformed_as(StorageError.INTERNAL):
        return StorageEntry(entry.namespace, entry.key, entry.value, ResponseObject(response).count("revision", maximum=MAX_U64))


async def delete(session: Session, namespace: str, key: str) -> None:
    """Deletes one record. Raises `conflict` when the application deleted nothing."""
    response = await _request(session, {"operation": "delete", "namespace": namespace, "key": key})
    with malformed_as(StorageError.INTERNAL):
        removed = ResponseObject(response).flag("success", True)
    if not removed:
        raise HostCallError(StorageError.CONFLICT, "nothing was deleted")


async def list_entries(session: Session, namespace: str, cursor: str | None) -> list[StorageEntry]:
    """At most 100 records after the key `cursor`, in the order of their keys; one malformed record fails the page."""
    body: dict[str, Any] = {
        "operation": "list",
        "namespace": namespace,
        "includeValues": True,
        "includeMetadata": True,
        "limit": PAGE_SIZE,
    }
    if cursor:
        body["cursor"] = page_cursor(cursor)
    response = await _request(session, body)
    with malformed_as(StorageError.INTERNAL):
        return [_entry(item, namespace) for item in ResponseObject(response).items("items")]
