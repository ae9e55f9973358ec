"""Calling a function of the world: its error case becomes a HostError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from componentize_py_types import Err

from holdfast_sdk.errors import HostError


def call(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Err as error:
        code = error.value.name.lower().replace("_", "-") if hasattr(error.value, "name") else str(error.value)
        raise HostError(name, code) from None
