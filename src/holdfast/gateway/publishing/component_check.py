"""Checks with the runner, before a version becomes visible, that it can run the version's component."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import msgspec

from holdfast.errors import CodedError
from holdfast.gateway.runners import RunnerClient

_CHUNK_BYTES = 1024 * 1024
_HINT = "Check that the runner runs (GET /healthz on its port); `holdfast up` starts it."


class ComponentCheckFailed(CodedError):
    """Raised when the runner cannot run a component, or does not say whether it can; then nothing is published."""

    STATUSES: ClassVar = {
        # The runner cannot run it. `details.code` is the engine's reason, such as `handler_missing`.
        "component_refused": 422,
        # No runner checked it.
        "component_check_unavailable": 503,
    }


class _RunnerError(msgspec.Struct):
    error: str
    message: str
    hint: str | None = None


class ComponentChecker:
    """Checks components with a runner; implements `CheckComponent` of the registry."""

    def __init__(self, runner: RunnerClient) -> None:
        self._runner = runner

    async def __call__(self, component: Path) -> None:
        """Has the runner compile the component file. Raises ComponentCheckFailed."""
        size = (await asyncio.to_thread(component.stat)).st_size
        try:
            status, body = await self._runner.check_component(partial(_chunks, component), size)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ComponentCheckFailed(
                "component_check_unavailable", "The runner, which compiles components, is unreachable.", hint=_HINT
            ) from error
        if status == 422:
            raise _rejected(body)
        if status != 200:
            raise ComponentCheckFailed(
                "component_check_unavailable",
                f"The runner did not compile the component (status {status}).",
                hint="Look for the reason in the runner's log.",
            )


def _rejected(body: bytes) -> ComponentCheckFailed:
    try:
        error = msgspec.json.decode(body, type=_RunnerError)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ComponentCheckFailed(
            "component_check_unavailable", "Invalid response from the runner.", hint="Run the gateway and the runner in the same version."
        )
    details: dict[str, Any] = {"code": error.error}
    return ComponentCheckFailed("component_refused", error.message, hint=error.hint, details=details)


async def _chunks(component: Path) -> AsyncIterator[bytes]:
    # File access in a thread: a component has megabytes, and the event loop serves other requests.
    with await asyncio.to_thread(component.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk
