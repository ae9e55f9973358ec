"""Schemas of namespaces: what may be registered, which version a write has to satisfy, and what the error says."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from holdfast.records.database.database import Database
from holdfast.storage.errors import StorageError
from holdfast.storage.records import InstallKey, Write
from holdfast.storage.schema_documents import MAX_BYTES, MAX_DEPTH, MAX_PARTS, CompiledSchema, check_document
from holdfast.storage.schemas import MAX_SCHEMAS, NamespaceSchemas
from holdfast.storage.tables import StorageSchema
from tests.records.databases import OTHER_TENANT, TENANT
from tests.storage.stores import INSTALL, OTHER_INSTALL, service

NUMBERS = {"type": "array", "items": {"type": "number"}}
TEXT = {"type": "string"}


def schemas(db: Database, tenant: str = TENANT, install: str = INSTALL) -> NamespaceSchemas:
    return NamespaceSchemas(db, InstallKey(tenant, install))


async def error_of(awaitable: Any, code: str = "VALIDATION_FAILED") -> StorageError:
    with pytest.raises(StorageError) as caught:
        await awaitable
    assert caught.value.code == code
    return caught.value


async def test_without_an_active_schema_any_value_is_accepted(db: Database) -> None:
    await schemas(db).register("n", 1, TEXT)
    await schemas(db).register("other", 1, TEXT, activate=True)
    assert (await service(db).put("n", Write(key="k", value=1))).revision == 1


async def test_an_active_schema_holds_for_the_next_write_of_every_process(db: Database) -> None:
    one, other = service(db), service(db)
    await one.put("n", Write(key="old", value="text"))
    await schemas(db).register("n", 1, NUMBERS, activate=True)
    for store in (one, other):
        await error_of(store.put("n", Write(key="k", value="text")))
        await store.put("n", Write(key="k", value=[1]))
    # What is stored already stays, and can be read and deleted.
    assert (await one.get("n", "old")).value == "text"
    assert await one.delete("n", "old")
    await schemas(db).register("n", 2, TEXT, activate=True)
    for store in (one, other):
        await error_of(store.put("n", Write(key="k", value=[1])))
        await store.put("n", Write(key="k", value="text"))


async def test_an_array_is_validated_as_a_whole(db: Database) -> None:
    await schemas(db).register("n", 1, {"type": "array", "maxItems": 2, "items": {"type": "number"}}, activate=True)
    await service(db).put("n", Write(key="k", value=[1, 2]))
    error = await error_of(service(db).put("n", Write(key="k", value=[1, 2, 3])))
    assert error.details["errors"][0]["keyword"] == "maxItems"
    await error_of(service(db).put("n", Write(key="k", value=1)))


async def test_the_error_names_key_version_place_and_rule(db: Database) -> None:
    document = {"type": "object", "required": ["name"], "properties": {"a/b": NUMBERS}, "additionalProperties": False}
    await schemas(db).register("n", 7, document, activate=True)
    error = await error_of(service(db).put("n", Write(key="k", value={"a/b": [1, "x"], "more": 1})))
    assert error.details["schemaVersion"] == 7
    assert error.details["key"] == "k"
    found = {(one["instancePath"], one["keyword"]) for one in error.details["errors"]}
    assert found == {("/a~1b/1", "type"), ("", "required"), ("", "additionalProperties")}
    assert "version 7" in error.message and "'k'" in error.message and "(and 2 more)" in error.message


async def test_a_write_can_name_an_active_or_deprecated_version_and_no_other(db: Database) -> None:
    registered = schemas(db)
    await registered.register("n", 1, NUMBERS, activate=True)
    await registered.register("n", 2, TEXT, activate=True)
    await registered.register("n", 3, {"type": "null"})
    store = service(db)
    await store.put("n", Write(key="k", value=[1], schema_version=1))
    await store.put("n", Write(key="k", value="x", schema_version=2))
    await error_of(store.put("n", Write(key="k", value="x", schema_version=1)))
    for version, why in ((3, "is a draft"), (9, "is not registered")):
        assert why in (await error_of(store.put("n", Write(key="k", value=None, schema_version=version)))).message
    # A namespace without any schema ignores the version, as before.
    await store.put("free", Write(key="k", value=1, schema_version=9))


async def test_a_bulk_write_with_one_invalid_value_writes_nothing(db: Database) -> None:
    await schemas(db).register("n", 1, TEXT, activate=True)
    store = service(db)
    await error_of(store.bulk_put("n", [Write(key="a", value="x"), Write(key="b", value=1)]))
    assert (await store.list_records("n")).records == []
    await store.bulk_put("n", [Write(key="a", value="x"), Write(key="b", value="y")])


async def test_of_a_value_that_a_guest_wrote_the_json_in_its_bytes_is_validated(db: Database) -> None:
    await schemas(db).register("n", 1, NUMBERS, activate=True)
    store, metadata = service(db), {"encoding": "base64-bytes"}

    def encoded(value: bytes) -> Write:
        return Write(key="k", value=base64.b64encode(value).decode(), metadata=metadata)

    await store.put("n", encoded(b"[1, 2]"))
    assert (await error_of(store.put("n", encoded(b'["x"]')))).details["errors"][0]["instancePath"] == "/0"
    for broken in (encoded(b"\xff"), encoded(b"[1"), Write(key="k", value="!", metadata=metadata), encoded(b"[" * 30_000)):
        assert "not JSON" in (await error_of(store.put("n", broken))).message


async def test_schemas_are_listed_by_namespace_and_version_with_their_state(db: Database) -> None:
    registered = schemas(db)
    for namespace, version, activate in (("b", 1, True), ("a", 2, True), ("a", 1, False), ("a", 3, True)):
        await registered.register(namespace, version, TEXT, activate=activate)
    listed = [(one.namespace, one.schema_version, one.status) for one in await registered.list_schemas()]
    assert listed == [("a", 1, "draft"), ("a", 2, "deprecated"), ("a", 3, "active"), ("b", 1, "active")]
    assert [one.schema_version for one in await registered.list_schemas("b")] == [1]


async def test_only_a_draft_can_be_replaced_and_the_same_document_is_no_change(db: Database) -> None:
    registered = schemas(db)
    await registered.register("n", 1, TEXT)
    assert (await registered.register("n", 1, NUMBERS)).schema == NUMBERS
    await registered.register("n", 1, NUMBERS, activate=True)
    assert (await registered.register("n", 1, NUMBERS)).status == "active"
    assert "new version" in str((await error_of(registered.register("n", 1, TEXT), "SCHEMA_EXISTS")).hint)
    await error_of(registered.set_status("n", 1, "draft"))
    assert (await registered.set_status("n", 1, "deprecated")).status == "deprecated"
    await service(db).put("n", Write(key="k", value="anything"))
    assert (await registered.set_status("n", 1, "active")).status == "active"
    await error_of(registered.set_status("n", 2, "active"), "NOT_FOUND")


async def test_a_replaced_draft_is_what_counts_once_it_is_active(db: Database) -> None:
    registered, store = schemas(db), service(db)
    await registered.register("n", 1, TEXT)
    await error_of(store.put("n", Write(key="k", value=1, schema_version=1)))
    await registered.register("n", 1, NUMBERS, activate=True)
    await store.put("n", Write(key="k", value=[1]))


async def test_registrations_at_the_same_time_leave_one_active_schema(db: Database) -> None:
    await asyncio.gather(*(schemas(db).register("n", 1 + number % 3, TEXT, activate=True) for number in range(9)))
    listed = await schemas(db).list_schemas()
    assert [one.schema_version for one in listed] == [1, 2, 3]
    assert sorted(one.status for one in listed) == ["active", "deprecated", "deprecated"]


async def test_no_tenant_and_no_install_sees_or_obeys_the_schemas_of_another(db: Database) -> None:
    await schemas(db).register("n", 1, TEXT, activate=True)
    for tenant, install in ((TENANT, OTHER_INSTALL), (OTHER_TENANT, INSTALL)):
        assert await schemas(db, tenant, install).list_schemas() == []
        await error_of(schemas(db, tenant, install).set_status("n", 1, "deprecated"), "NOT_FOUND")
        await service(db, tenant=tenant, install=install).put("n", Write(key="k", value=1))


async def test_an_install_has_a_bounded_number_of_schemas(db: Database) -> None:
    registered = schemas(db)
    async with db.transaction() as session:
        for version in range(1, MAX_SCHEMAS + 1):
            row = StorageSchema(tenant=TENANT, extension_install_id=INSTALL, namespace="n", schema_version=version, schema_document=TEXT)
            row.status = "draft"
            session.add(row)
    await error_of(registered.register("n", MAX_SCHEMAS + 1, TEXT), "QUOTA_EXCEEDED")
    await registered.register("n", MAX_SCHEMAS, NUMBERS)


async def test_a_document_that_another_program_broke_refuses_writes_and_says_so(db: Database) -> None:
    await schemas(db).register("n", 1, TEXT, activate=True)
    async with db.transaction() as session:
        await session.execute(update(StorageSchema).values(schema_document={"type": "nonsense"}))
    assert "cannot be used" in (await error_of(service(db).put("n", Write(key="k", value="x")))).message


def nested(levels: int) -> dict[str, Any]:
    return {"type": "string"} if levels == 1 else {"items": nested(levels - 1)}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ([], "VALIDATION_FAILED"),
        (True, "VALIDATION_FAILED"),
        ({"type": "nonsense"}, "VALIDATION_FAILED"),
        ({"properties": []}, "VALIDATION_FAILED"),
        ({"items": 1}, "VALIDATION_FAILED"),
        ({"unknown": 1}, "VALIDATION_FAILED"),
        ({"$ref": "#"}, "VALIDATION_FAILED"),
        ({"properties": {"a": {"$ref": "https://example.com/schema"}}}, "VALIDATION_FAILED"),
        ({"$dynamicRef": "#a"}, "VALIDATION_FAILED"),
        ({"$id": "file:///etc/passwd"}, "VALIDATION_FAILED"),
        ({"$defs": {"a": {}}}, "VALIDATION_FAILED"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "VALIDATION_FAILED"),
        ({"unevaluatedProperties": False}, "VALIDATION_FAILED"),
        ({"pattern": "("}, "VALIDATION_FAILED"),
        ({"pattern": "(?=a)b"}, "VALIDATION_FAILED"),
        ({"pattern": "(a)\\1"}, "VALIDATION_FAILED"),
        ({"pattern": "((a{1,1000}){1,1000}){1,1000}"}, "VALIDATION_FAILED"),
        ({"patternProperties": {"(": {}}}, "VALIDATION_FAILED"),
        (nested(MAX_DEPTH + 1), "VALIDATION_FAILED"),
        ({"description": "x" * MAX_BYTES}, "LIMIT_EXCEEDED"),
        ({"enum": list(range(MAX_PARTS))}, "LIMIT_EXCEEDED"),
        ({"anyOf": [{}] * MAX_PARTS}, "LIMIT_EXCEEDED"),
    ],
)
def test_an_unusable_document_is_refused(document: Any, code: str) -> None:
    with pytest.raises(StorageError) as caught:
        check_document(document)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "document",
    [
        {},
        nested(MAX_DEPTH),
        {"enum": list(range(MAX_PARTS - 1))},
        {"x-own": 1, "properties": {"$ref": TEXT, "type": TEXT}, "format": "email"},
    ],
)
def test_a_usable_document_is_accepted(document: Any) -> None:
    check_document(document)
    CompiledSchema(document)


def test_the_most_expensive_values_and_schemas_are_bounded() -> None:
    """In processor time, which other load does not change much; without the bounds each of these takes minutes."""
    several: list[tuple[dict[str, Any], Any]] = [
        ({"items": {"anyOf": [{"type": "string", "minLength": 100 + length} for length in range(90)]}}, ["ab"] * 13_000),
        ({"items": {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}}, ["a" * 65_000]),
        ({"uniqueItems": True}, [[number] for number in range(9_000)]),
        ({"items": {"enum": list(range(250))}}, [249] * 16_000),
    ]
    for document, value in several:
        check_document(document)
        started = time.process_time()
        CompiledSchema(document).violations(value, len(msgspec.json.encode(value)))
        assert time.process_time() - started < 20
