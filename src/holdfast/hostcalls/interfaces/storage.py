"""The interface `storage`: the install's key-value records.

Paging: `list-entries` returns at most 100 entries in the order of their keys. `cursor` is the key of the last entry received; the answer
continues strictly after it, whether that entry still exists or not. The end is an empty list.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from holdfast.hostcalls.answers import MAX_U64, Answer, Malformed, json_text, reading
from holdfast.hostcalls.backend import BackendUnavailable, Service
from holdfast.hostcalls.session import Refused, Session
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

    What guests wrote is base64, and its metadata says so. What others wrote into the same records is given as it is: a text as its UTF-8
    bytes, an object `{"_bytes_b64": …}` as the bytes it names, everything else as JSON text. Raises Malformed when base64 is announced and
    is not there.
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
        raise Malformed("value must be base64")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("value must be base64") from None


def _entry(value: object, namespace: str, key: str | None = None) -> StorageEntry:
    answer = Answer(value)
    if not answer.has("value"):
        raise Malformed("value is missing")
    return StorageEntry(
        answer.optional_text("namespace") or namespace,
        (answer.optional_text("key") or key) if key is not None else answer.text("key"),
        decode_value(answer.value("value"), answer.value("metadata")),
        answer.count("revision", maximum=MAX_U64),
    )


async def _ask(session: Session, body: Mapping[str, Any]) -> object:
    install_id = session.call.usable_install_id
    if install_id is None:
        raise Refused(StorageError.DENIED, "the call names no install")
    try:
        reply = await session.backend.post(Service.STORAGE, install_id, body)
    except BackendUnavailable as error:
        raise Refused(StorageError.INTERNAL, str(error)) from error
    if reply.status == 404:
        raise WitError(StorageError.MISSING)  # an everyday answer, which needs no explanation
    if not reply.ok:
        raise Refused(_CASES.get(reply.status, StorageError.INTERNAL), reply.problem)
    return reply.body


async def get(session: Session, namespace: str, key: str) -> StorageEntry:
    """One record. Raises `missing`, `denied` or `internal`."""
    body = await _ask(session, {"operation": "get", "namespace": namespace, "key": key})
    with reading(StorageError.INTERNAL):
        return _entry(body, namespace, key)


async def put(session: Session, entry: StorageEntry) -> StorageEntry:
    """Writes one record; with a revision, only if the record has that revision. Returns it with its new revision."""
    body: dict[str, Any] = {
        "operation": "put",
        "namespace": entry.namespace,
        "key": entry.key,
        "value": base64.b64encode(entry.value).decode("ascii"),
        "metadata": {"encoding": BYTES_ENCODING},
    }
    if entry.revision is not None:
        body["ifRevision"] = entry.revision
    answer = await _ask(session, body)
    with reading(StorageError.INTERNAL):
        return StorageEntry(entry.namespace, entry.key, entry.value, Answer(answer).count("revision", maximum=MAX_U64))


async def delete(session: Session, namespace: str, key: str) -> None:
    """Removes one record. Raises `conflict` when the application says that nothing was removed."""
    answer = await _ask(session, {"operation": "delete", "namespace": namespace, "key": key})
    with reading(StorageError.INTERNAL):
        removed = Answer(answer).flag("success", True)
    if not removed:
        raise Refused(StorageError.CONFLICT, "nothing was removed")


async def list_entries(session: Session, namespace: str, cursor: str | None) -> list[StorageEntry]:
    """At most 100 records after the key `cursor`, in the order of their keys; see the module for paging. One bad record fails the page."""
    body: dict[str, Any] = {
        "operation": "list",
        "namespace": namespace,
        "includeValues": True,
        "includeMetadata": True,
        "limit": PAGE_SIZE,
    }
    if cursor:
        body["cursor"] = page_cursor(cursor)
    answer = await _ask(session, body)
    with reading(StorageError.INTERNAL):
        return [_entry(item, namespace) for item in Answer(answer).items("items")]
