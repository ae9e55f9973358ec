"""Checks the values of a write against the schema of their namespace, inside the transaction that writes them.

    has the install schemas? (read with the usage row) ── no ──► written unchecked
      │ yes
    versions of the namespace (one seek) ──► which one: the active one, or the one that the write names
      │
    compiled, by install, namespace, version and time of the last change ── unknown ──► read the document, compile it

So a schema that is activated holds for every write after it, in every process, and no cache has to be invalidated.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec
from cachetools import LRUCache

from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.storage import statements
from holdfast.storage.errors import StorageError
from holdfast.storage.records import InstallKey, Write
from holdfast.storage.schema_documents import CompiledSchema

MAX_COMPILED = 256
BYTES_ENCODING = "base64-bytes"
"""What the metadata of a value says that a guest wrote: its bytes as base64. The schema is for the JSON in these bytes."""

_Known = tuple[InstallKey, str, int, Any]


class SchemaChecks:
    """The compiled schemas of one process."""

    def __init__(self) -> None:
        self._compiled: LRUCache[_Known, CompiledSchema] = LRUCache(MAX_COMPILED)

    async def check(self, tx: HotTransaction, install: InstallKey, namespace: str, writes: Sequence[tuple[Write, int]]) -> None:
        """Checks writes, each with the size of its value. Raises StorageError (`VALIDATION_FAILED`) for the first that is not valid."""
        params = {"tenant": install.tenant_id, "install": install.install_id, "namespace": namespace}
        versions = {row[0]: row for row in await tx.execute(statements.SCHEMA_VERSIONS, params)}
        if not versions:
            return
        for write, size in writes:
            version = _version_of(namespace, write, versions)
            if version is not None:
                schema = await self._schema(tx, install, params, versions[version])
                _check_value(namespace, version, schema, write, size)

    async def _schema(self, tx: HotTransaction, install: InstallKey, params: dict[str, Any], row: tuple[Any, ...]) -> CompiledSchema:
        version, _, updated_at = row
        known = (install, params["namespace"], version, updated_at)
        schema = self._compiled.get(known)
        if schema is None:
            ((document,),) = await tx.execute(statements.SCHEMA_DOCUMENT, {**params, "version": version})
            try:
                schema = self._compiled[known] = CompiledSchema(document)
            except ValueError as error:
                # Written by another program, for `register` accepts no such document.
                raise StorageError(
                    "VALIDATION_FAILED",
                    f"Version {version} of the schema of {params['namespace']!r} cannot be used: {str(error)[:300]}",
                    hint="Register a schema that can be used under a new version, and activate it.",
                ) from error
        return schema


def _version_of(namespace: str, write: Write, versions: dict[int, tuple[Any, ...]]) -> int | None:
    """The version that the write has to satisfy; None when there is none."""
    if write.schema_version is None:
        return next((version for version, status, _ in versions.values() if status == "active"), None)
    row = versions.get(write.schema_version)
    if row is None or row[1] == "draft":
        raise StorageError(
            "VALIDATION_FAILED",
            f"Version {write.schema_version} of the schema of {namespace!r} {'is not registered' if row is None else 'is a draft'}.",
            hint="Activate it, or write without schemaVersion to use the active one.",
            details={"schemaVersion": write.schema_version, "key": write.key},
        )
    return write.schema_version


def _check_value(namespace: str, version: int, schema: CompiledSchema, write: Write, size: int) -> None:
    violations = schema.violations(_json_of(namespace, version, write), size)
    if violations:
        first = violations[0]
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        raise StorageError(
            "VALIDATION_FAILED",
            f"The value of {write.key!r} does not satisfy version {version} of the schema of {namespace!r}: "
            f"{'at ' + first.instance_path + ': ' if first.instance_path else ''}{first.message}{more}",
            details={"schemaVersion": version, "key": write.key, "errors": msgspec.to_builtins(violations)},
        )


def _json_of(namespace: str, version: int, write: Write) -> Any:
    if write.metadata.get("encoding") != BYTES_ENCODING or not isinstance(write.value, str):
        return write.value
    try:
        return msgspec.json.decode(base64.b64decode(write.value, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise StorageError(
            "VALIDATION_FAILED",
            f"The value of {write.key!r} is not JSON, but version {version} of the schema of {namespace!r} is for JSON.",
            details={"schemaVersion": version, "key": write.key, "errors": []},
        ) from None
