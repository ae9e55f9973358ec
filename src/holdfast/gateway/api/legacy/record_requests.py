"""The bodies of the REST requests for records. Fields that are not listed are ignored, as the existing platform does."""

from __future__ import annotations

from msgspec import Struct

from holdfast.gateway.internal.storage_messages import Item, Value


class PutRecordRequest(Value, frozen=True, rename="camel", kw_only=True):
    """A value to store under the key of the path. `ifRevision` is the revision that the record must have now; 0: it must not exist."""


class PutRecordsRequest(Struct, frozen=True):
    """Values to store: all of them, or none."""

    items: list[Item]
