"""Makes an OpenAPI 3.1 document from a table of operations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from holdfast.http.operations import Body, NamedSchema, Operation, Parameter, Result, Schema

_REFERENCE = "#/components/schemas/{name}"
_CONVERTER = re.compile(r":\w+(?=\})")


def make_document(
    operations: Iterable[Operation[Any]],
    *,
    info: Mapping[str, Any],
    security_schemes: Mapping[str, Any],
) -> dict[str, Any]:
    """The document, as JSON data, of all operations that have a summary.

    `info` and `security_schemes` go into the document as they are. Types are named after their classes, so two different ones must not
    share a name.
    """
    documented = [operation for operation in operations if operation.summary]
    paths: dict[str, Any] = {}
    for operation in documented:
        paths.setdefault(_CONVERTER.sub("", operation.path), {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": dict(info),
        "paths": paths,
        "components": {"schemas": _components(documented), "securitySchemes": dict(security_schemes)},
    }


def _operation(operation: Operation[Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"summary": operation.summary}
    if operation.operation_id is not None:
        entry["operationId"] = operation.operation_id
    if operation.description is not None:
        entry["description"] = operation.description
    if operation.security:
        entry["security"] = [{name: []} for name in operation.security]
    if operation.parameters:
        entry["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body is not None:
        entry["requestBody"] = {"required": operation.body.required, "content": _content(operation.body)}
    entry["responses"] = {str(status): _result(result) for status, result in sorted(_all_results(operation).items())}
    return entry


def _all_results(operation: Operation[Any]) -> dict[int, Result]:
    error = Result("The request failed. The body says why.", operation.errors.schema)
    return {**dict.fromkeys(operation.error_statuses, error), **operation.results}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": parameter.name, "in": parameter.location, "required": parameter.required}
    if parameter.description is not None:
        entry["description"] = parameter.description
    return {**entry, "schema": dict(parameter.schema)}


def _result(result: Result) -> dict[str, Any]:
    content = _content(result)
    return {"description": result.description, **({"content": content} if content else {})}


def _content(part: Body | Result) -> dict[str, Any]:
    if part.media_type is None or (part.schema is None and part.media_type == "application/json"):
        return {}
    return {part.media_type: {} if part.schema is None else {"schema": _resolve(part.schema)}}


def _resolve(schema: Any) -> Any:
    """The schema with a reference in place of each type and named schema."""
    if isinstance(schema, type) and issubclass(schema, Struct):
        return {"$ref": _REFERENCE.format(name=schema.__name__)}
    if isinstance(schema, NamedSchema):
        return {"$ref": _REFERENCE.format(name=schema.name)}
    if isinstance(schema, Mapping):
        return {name: _resolve(part) for name, part in schema.items()}
    if isinstance(schema, list | tuple):
        return [_resolve(part) for part in schema]
    return schema


def _components(operations: list[Operation[Any]]) -> dict[str, Any]:
    used: list[Schema] = [operation.body.schema for operation in operations if operation.body is not None]
    used += [result.schema for operation in operations for result in _all_results(operation).values() if result.schema is not None]
    leaves = list(_leaves(used))
    named = {leaf.name: leaf for leaf in leaves if isinstance(leaf, NamedSchema)}
    # Named schemas refer to types too.
    leaves += _leaves([schema.schema for schema in named.values()])
    types = list(dict.fromkeys(leaf for leaf in leaves if isinstance(leaf, type)))
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    return {
        **{name: _unwrap_description(schema) for name, schema in schemas.items()},
        **{name: _resolve(schema.schema) for name, schema in named.items()},
    }


def _leaves(part: Any) -> Iterator[type[Struct] | NamedSchema]:
    """Every type and named schema in `part`, a schema or a list of them."""
    if isinstance(part, NamedSchema) or (isinstance(part, type) and issubclass(part, Struct)):
        yield part
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _leaves(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _leaves(value)


def _unwrap_description(schema: dict[str, Any]) -> dict[str, Any]:
    # Descriptions are docstrings, whose line breaks mean nothing to a reader of the document.
    text = schema.get("description")
    return schema if text is None else {**schema, "description": " ".join(text.split())}
