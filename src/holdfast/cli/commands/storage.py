"""`holdfast storage`: the records that an installed extension has stored, and the schemas that they have to satisfy."""

from __future__ import annotations

import asyncio
import base64
import binascii
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from holdfast.cli.terminal.clients import open_registry, open_stored_data
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json, print_lines, print_table
from holdfast.contract.registry_api import NamespaceSchemaResult
from holdfast.contract.stored_records import StoredRecord
from holdfast.errors import HoldfastError

storage = App(name="storage", help="Show and change what an installed extension has stored.", version_flags=[])
schemas = App(name="schemas", help="Register and activate the JSON Schemas of namespaces.", version_flags=[])
storage.command(schemas)

_BYTES = "base64-bytes"

Revision = Annotated[int | None, Parameter(validator=Number(gte=0), show_default=False)]
Version = Annotated[int, Parameter(validator=Number(gte=1, lte=2**31 - 1))]


class SchemaUnreadable(HoldfastError):
    """Raised when the file of a schema cannot be read, or is not a JSON object."""

    code = "schema_unreadable"
    status = 400


@storage.command(name="list")
async def list_records(
    name: str,
    namespace: str,
    /,
    *,
    prefix: Annotated[str | None, Parameter(help="Only keys that begin with this.", show_default=False)] = None,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """List all records of a namespace, in the order of their keys, without their values.

    Args:
        name: The extension's name, `publisher.name` or registry id.
        namespace: The namespace that the extension uses.
    """
    records: list[StoredRecord] = []
    async with open_stored_data(target) as stored:
        cursor: str | None = None
        while True:
            page = await stored.list_records(name, namespace, prefix=prefix, cursor=cursor)
            records += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
    if json:
        print_json({"records": [{k: v for k, v in _built(record).items() if k != "value"} for record in records]})
        return
    if not records:
        note(f"{name} has no records in {namespace!r}.")
        return
    rows = [(record.key, str(record.revision), _time(record.updated_at), _time(record.ttl_expires_at)) for record in records]
    print_table(("KEY", "REVISION", "CHANGED", "EXPIRES"), rows)


@storage.command(name="get")
async def get_record(name: str, namespace: str, key: str, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Print the value of a record. What an extension wrote is printed as text if it is text; with --json as it is stored.

    Args:
        name: The extension's name, `publisher.name` or registry id.
        namespace: The namespace that the extension uses.
        key: The key in it.
    """
    async with open_stored_data(target) as stored:
        record = await stored.get_record(name, namespace, key)
    if json:
        print_json({"record": _built(record)})
    else:
        print_lines(_text_of(record))


@storage.command(name="put")
async def put_record(
    name: str,
    namespace: str,
    key: str,
    value: str,
    /,
    *,
    text: Annotated[bool, Parameter(negative="", help="Store the value as text, also if it is valid JSON.")] = False,
    if_revision: Revision = None,
    ttl: Annotated[int | None, Parameter(help="Seconds until it expires.", validator=Number(gte=1), show_default=False)] = None,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Store a value. An extension reads text as its bytes, and any other value as JSON text.

    Args:
        name: The extension's name, `publisher.name` or registry id.
        namespace: The namespace that the extension uses.
        key: The key in it.
        value: A value that is valid JSON is stored as JSON, anything else as text.
        if_revision: Store it only if the record has this revision; 0: only if there is none.
    """
    async with open_stored_data(target) as stored:
        record = await stored.put_record(name, namespace, key, _value(value, as_text=text), if_revision=if_revision, ttl_seconds=ttl)
    if json:
        print_json({"record": {k: v for k, v in _built(record).items() if k not in ("value", "metadata")}})
    else:
        note(f"Stored {key} in {namespace}, revision {record.revision}.")


@storage.command(name="delete")
async def delete_record(
    name: str, namespace: str, key: str, /, *, if_revision: Revision = None, target: TargetOptions = HERE, json: Json = False
) -> None:
    """Delete a record, if it exists.

    Args:
        name: The extension's name, `publisher.name` or registry id.
        namespace: The namespace that the extension uses.
        key: The key in it.
        if_revision: Delete it only if it has this revision.
    """
    async with open_stored_data(target) as stored:
        await stored.delete_record(name, namespace, key, if_revision=if_revision)
    if json:
        print_json({"namespace": namespace, "key": key})
    else:
        note(f"{namespace} has no record {key} any more.")


@storage.command(name="usage")
async def show_usage(name: str, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Show how much an extension has stored, and how much it may store.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        details = await registry.details(name)
        (quotas,) = await registry.quotas(details.install_id)
    limit = next(use.limit for use in quotas.quotas if use.quota == "storage_bytes")
    if json:
        print_json({"records": details.storage_records, "bytes": details.storage_bytes, "limit": limit})
    else:
        most = "without a limit" if limit is None else f"of {limit:,}"
        print_lines(f"{details.storage_records:,} records, {details.storage_bytes:,} bytes {most}")


@schemas.command(name="list")
async def list_schemas(name: str, namespace: str | None = None, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """List the schemas of an extension's namespaces.

    Args:
        name: The extension's name, `publisher.name` or registry id.
        namespace: Only those of this namespace. Default: all.
    """
    async with open_stored_data(target) as stored:
        found = await stored.list_schemas(name, namespace)
    if json:
        print_json({"schemas": [msgspec.to_builtins(one) for one in found]})
    elif not found:
        note(f"{name} has no schemas. Register one with: holdfast storage schemas register {name} NAMESPACE 1 FILE")
    else:
        rows = [(one.namespace, str(one.schema_version), one.status, _time(one.updated_at)) for one in found]
        print_table(("NAMESPACE", "VERSION", "STATUS", "CHANGED"), rows)


@schemas.command(name="register")
async def register_schema(
    name: str,
    namespace: str,
    version: Version,
    file: Path,
    /,
    *,
    activate: Annotated[bool, Parameter(negative="", help="Values have to satisfy it from now on.")] = False,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Register a JSON Schema (draft 2020-12, without references) for the values of a namespace, as a draft.

    Args:
        name: The extension's name, `publisher.name` or registry id.
        namespace: The namespace that the extension uses.
        version: The version of the schema, a whole number from 1.
        file: A file with the schema.
    """
    document = await asyncio.to_thread(_read_schema, file)
    async with open_stored_data(target) as stored:
        _print_schema(await stored.register_schema(name, namespace, version, document, activate=activate), as_json=json)


@schemas.command(name="activate")
async def activate_schema(name: str, namespace: str, version: Version, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Make a schema the one that values of its namespace have to satisfy. Records that are stored already are not checked.

    Args:
        name: The extension's name, `publisher.name` or registry id.
        namespace: The namespace of the schema.
        version: Its version.
    """
    async with open_stored_data(target) as stored:
        _print_schema(await stored.set_schema_status(name, namespace, version, "active"), as_json=json)


@schemas.command(name="deprecate")
async def deprecate_schema(name: str, namespace: str, version: Version, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Stop checking values against a schema, except those of writers that name its version.

    Args:
        name: The extension's name, `publisher.name` or registry id.
        namespace: The namespace of the schema.
        version: Its version.
    """
    async with open_stored_data(target) as stored:
        _print_schema(await stored.set_schema_status(name, namespace, version, "deprecated"), as_json=json)


def _print_schema(schema: NamespaceSchemaResult, *, as_json: bool) -> None:
    if as_json:
        print_json({"schema": msgspec.to_builtins(schema)})
    else:
        note(f"Version {schema.schema_version} of the schema of {schema.namespace} is {schema.status}.")


def _read_schema(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except OSError as failed:
        raise SchemaUnreadable(f"Cannot read {file}: {failed.strerror}.", hint="Check the path.") from failed
    except (msgspec.MsgspecError, UnicodeDecodeError) as failed:
        raise SchemaUnreadable(f"{file} is not a JSON object: {failed}.", hint="Write a JSON Schema, which is an object.") from failed


def _value(text: str, *, as_text: bool) -> Any:
    if as_text:
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _text_of(record: StoredRecord) -> str:
    value = record.value
    if record.metadata.get("encoding") == _BYTES and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            return value
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _built(record: StoredRecord) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(record)
    return built


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
