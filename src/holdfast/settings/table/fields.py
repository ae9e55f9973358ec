"""What a setting is: its variables, default, bounds and meaning."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class SettingField(Struct, frozen=True, kw_only=True):
    """One row of the table. `variables` are in the order of their priority; `gt`, `ge` and `le` bound an integer."""

    default: Any
    variables: tuple[str, ...]
    description: str
    gt: int | None = None
    ge: int | None = None
    le: int | None = None


def setting(
    default: Any, *, variables: tuple[str, ...], description: str, gt: int | None = None, ge: int | None = None, le: int | None = None
) -> Any:
    """A field of a group, to be assigned to an annotated name, whose type says how the text of a variable is read."""
    return SettingField(default=default, variables=variables, description=description, gt=gt, ge=ge, le=le)


def named(*names: str) -> tuple[str, ...]:
    """The variables of one setting: exactly these names."""
    return names


def prefixed(*names: str) -> tuple[str, ...]:
    """The variables of one setting: each name as it is and with the prefix `RUNNER_`; the first that is set wins."""
    return tuple(alias for name in names for alias in (name, f"RUNNER_{name}"))


class SecretStr:
    """A string that does not show itself: only `get_secret_value` returns it, so that no log line or traceback has it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def get_secret_value(self) -> str:
        """The string itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretStr) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "SecretStr('**********')"

    __str__ = __repr__
