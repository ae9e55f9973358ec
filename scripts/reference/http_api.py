"""docs/reference/http-api.md: every operation of the gateway and of the runner, read from their OpenAPI documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from holdfast.gateway.openapi import document as gateway_document
from holdfast.runner.endpoints.operations import document as runner_document

HEAD = """# HTTP API of the {name}

{text} This page is made from the OpenAPI 3.1 document that the {name} serves at `GET {address}`.
[Use the HTTP API](../guides/use-the-http-api.md) has an example of every task. [Error codes](error-codes.md) says what an error response
means and what to do about it."""

METHODS = ("get", "post", "put", "patch", "delete")


def gateway_page() -> str:
    """The operations that people, programs and commands call, as Markdown."""
    text = "The gateway publishes, installs and administers extensions."
    return _page(HEAD.format(name="gateway", text=text, address="/api/v1/openapi.json"), gateway_document())


def runner_page() -> str:
    """The operations that a gateway and a load balancer call, as Markdown."""
    text = "The runner runs calls and serves pages. Its callers are gateways, not people."
    return _page(HEAD.format(name="runner", text=text, address="/openapi.json"), runner_document())


def _page(head: str, document: dict[str, Any]) -> str:
    parts = [head, document["info"].get("description", "")]
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                shared = operations.get("parameters", [])
                parts.append(_operation(method, path, operations[method], shared))
    parts += ["## Types", *_types(document["components"]["schemas"])]
    return "\n\n".join(filter(None, parts)) + "\n"


def _operation(method: str, path: str, operation: dict[str, Any], shared: list[dict[str, Any]]) -> str:
    parts = [f"## {method.upper()} {path}", operation["summary"]]
    if description := operation.get("description"):
        parts.append(description)
    if parameters := [*shared, *operation.get("parameters", [])]:
        rows = [f"| `{each['name']}` | {each['in']} | {_parameter(each)} |" for each in parameters]
        parts.append("\n".join(["| Parameter | In | Meaning |", "|---|---|---|", *rows]))
    if body := operation.get("requestBody"):
        parts.append("Body: " + ", ".join(_contents(body)))
    meanings: dict[str, list[str]] = {}
    for status, response in sorted(operation["responses"].items()):
        meanings.setdefault(_response(response), []).append(status)
    rows = [f"| {', '.join(statuses)} | {meaning} |" for meaning, statuses in meanings.items()]
    parts.append("\n".join(["| Status | Response |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def _parameter(parameter: dict[str, Any]) -> str:
    needed = "Required. " if parameter.get("required") and parameter["in"] != "path" else ""
    return _cell(needed + parameter.get("description", _type(parameter.get("schema", {}))))


def _response(response: dict[str, Any]) -> str:
    contents = list(_contents(response))
    return _cell(response.get("description", "") + (f" {', '.join(contents)}" if contents else ""))


def _contents(holder: dict[str, Any]) -> Iterator[str]:
    for media_type, content in holder.get("content", {}).items():
        kind = _type(content.get("schema", {}))
        yield kind if media_type == "application/json" else f"`{media_type}`"


def _types(schemas: dict[str, Any]) -> Iterator[str]:
    for name, schema in schemas.items():
        yield f"### {name}"
        if description := schema.get("description"):
            yield description
        required = schema.get("required", [])
        fields = schema.get("properties", {})
        rows = [
            f"| `{field}` | {_type(each)} | {'yes' if field in required else 'no'} | {_cell(each.get('description', ''))} |"
            for field, each in fields.items()
        ]
        yield "\n".join(["| Field | Type | Required | Meaning |", "|---|---|---|---|", *rows]) if rows else _type(schema)


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words: a link to its type, a list of it, its choices, or its JSON type."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return " or ".join(dict.fromkeys(_type(choice) for choice in choices))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items') or {})}"
    if schema.get("type") == "object" and schema.get("properties"):
        return "object with " + ", ".join(f"`{name}`: {_type(each)}" for name, each in schema["properties"].items())
    kind = schema.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
