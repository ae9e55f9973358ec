"""Calls a function of the host and turns its error case into a HostError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from componentize_py_types import Err

from holdfast_sdk.errors import HostError


def call(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a host function. Raises HostError, whose `call` is `name`."""
    try:
        return function(*arguments)
    except Err as error:
        code = error.value.name.lower().replace("_", "-") if hasattr(error.value, "name") else str(error.value)
        raise HostError(name, code) from None
