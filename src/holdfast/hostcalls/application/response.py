"""Reads the application's JSON responses: names in camelCase or snake_case, checked types, explicit defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import msgspec

from holdfast.hostcalls.call.errors import HostCallError

MAX_U32 = 2**32 - 1
MAX_U64 = 2**64 - 1


class MalformedResponse(Exception):
    """Raised when a response does not have the expected fields. The text names the field."""


@contextmanager
def malformed_as(case: StrEnum) -> Iterator[None]:
    """Within the block, a MalformedResponse becomes a HostCallError with `case`."""
    try:
        yield
    except MalformedResponse as error:
        raise HostCallError(case, f"the application's response is invalid: {error}") from error


def snake_case(name: str) -> str:
    """`clientId` becomes `client_id`."""
    return re.sub(r"[A-Z]", lambda match: "_" + match.group().lower(), name)


def json_text(value: Any) -> str:
    """The value as JSON text."""
    return msgspec.json.encode(value).decode("utf-8")


class ResponseObject:
    """One JSON object of a response. Methods take the camelCase name of a field and treat null as absent.

    They raise MalformedResponse when the field has another type.
    """

    def __init__(self, value: object) -> None:
        """Raises MalformedResponse when `value` is not an object."""
        if not isinstance(value, dict):
            raise MalformedResponse("it must be an object")
        self._fields: dict[str, Any] = value

    def has(self, name: str) -> bool:
        """Whether the field exists, even if it is null."""
        return name in self._fields or snake_case(name) in self._fields

    def value(self, name: str) -> Any:
        """The field's value, or None."""
        return self._fields[name] if name in self._fields else self._fields.get(snake_case(name))

    def text(self, name: str) -> str:
        value = self.value(name)
        if not isinstance(value, str):
            raise MalformedResponse(f"{name} must be a string")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self.value(name) is None else self.text(name)

    def flag(self, name: str, default: bool) -> bool:
        value = self.value(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise MalformedResponse(f"{name} must be true or false")
        return value

    def number(self, name: str) -> float | None:
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise MalformedResponse(f"{name} must be a number")
        return float(value)

    def count(self, name: str, default: int | None = None, *, maximum: int = MAX_U32) -> int | None:
        """A whole number from 0 to `maximum`; a float without fraction counts as one."""
        value = self.value(name)
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= maximum:
            raise MalformedResponse(f"{name} must be a whole number from 0 to {maximum}")
        return value

    def items(self, name: str) -> list[Any]:
        value = self.value(name)
        if not isinstance(value, list):
            raise MalformedResponse(f"{name} must be a list")
        return value

    def field_errors(self) -> str | None:
        """`fieldErrors` as JSON text; a string is returned unchanged."""
        value = self.value("fieldErrors")
        if value is None or isinstance(value, str):
            return value
        return json_text(value)
