"""What commands do with the stored records of an install: `local` does it on a data folder, `http` on a server."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from holdfast.contract.registry_api import NamespaceSchemaResult
from holdfast.contract.stored_records import StoredRecord, StoredRecords


class StoredData(Protocol):
    """The records of one tenant's installs, and their schemas. Every method raises HoldfastError.

    `extension` is the id of an install or of the registry, `publisher.name` in any letter case, or a bare name that is unique.
    """

    async def list_records(self, extension: str, namespace: str, *, prefix: str | None, cursor: str | None) -> StoredRecords:
        """A page of the records of a namespace, without values."""
        ...

    async def get_record(self, extension: str, namespace: str, key: str) -> StoredRecord:
        """One record with its value."""
        ...

    async def put_record(
        self, extension: str, namespace: str, key: str, value: Any, *, if_revision: int | None, ttl_seconds: int | None
    ) -> StoredRecord:
        """Stores a value: at this revision (0: only if there is none), for these seconds. Returns the record without its value."""
        ...

    async def delete_record(self, extension: str, namespace: str, key: str, *, if_revision: int | None) -> None:
        """Deletes a record, if it exists."""
        ...

    async def list_schemas(self, extension: str, namespace: str | None) -> list[NamespaceSchemaResult]:
        """The schemas of an install, or those of a namespace."""
        ...

    async def register_schema(
        self, extension: str, namespace: str, version: int, document: dict[str, Any], *, activate: bool
    ) -> NamespaceSchemaResult:
        """Registers a schema as a draft, or as the active one."""
        ...

    async def set_schema_status(
        self, extension: str, namespace: str, version: int, status: Literal["active", "deprecated"]
    ) -> NamespaceSchemaResult:
        """Activates or deprecates a schema."""
        ...
