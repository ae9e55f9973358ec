"""Reads and checks the parameters that a path names."""

from __future__ import annotations

import re

from starlette.requests import Request

from holdfast.gateway.http.errors import InvalidRequest

_NAME = re.compile(r"[^\x00-\x1f\x7f/\\]{1,512}")
_VERSION = re.compile(r"[0-9A-Za-z.*+-]{1,128}")


def extension_parameter(request: Request) -> str:
    """The extension that the path names: an id, `publisher.name` or a name. Raises InvalidRequest."""
    return _parameter(request, "extension", _NAME)


def version_parameter(request: Request) -> str:
    """The version that the path names, such as `1.2.3`. Raises InvalidRequest."""
    return _parameter(request, "version", _VERSION)


def secret_name_parameter(request: Request) -> str:
    """The name of a secret that the path contains. Raises InvalidRequest."""
    return _parameter(request, "key", _NAME)


def schedule_parameter(request: Request) -> str:
    """The id of a schedule that the path contains. Raises InvalidRequest."""
    return _parameter(request, "schedule", _NAME)


def run_parameter(request: Request) -> str:
    """The id of a run that the path contains. Raises InvalidRequest."""
    return _parameter(request, "run", _NAME)


def _parameter(request: Request, name: str, pattern: re.Pattern[str]) -> str:
    value = str(request.path_params[name])
    if not pattern.fullmatch(value):
        raise InvalidRequest(f"The {name} in the path is empty, too long or has characters that no {name} has.")
    return value
