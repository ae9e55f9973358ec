"""Asks the runner whether it could run a component: what publishing does before a version becomes visible."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from holdfast.errors import HoldfastError
from holdfast.gateway.services.runner_client import RunnerClient

_PIECE_BYTES = 1024 * 1024
_HINT = "Is the runner running? GET /healthz on its port tells; `holdfast up` starts it."


class ComponentRefused(HoldfastError):
    """Raised when the runner cannot run a component. `details.code` is the engine's reason, such as `handler_missing`."""

    code = "component_refused"
    status = 422


class ComponentUncheckable(HoldfastError):
    """Raised when no runner says whether it could run a component; then nothing is published."""

    code = "component_check_unavailable"
    status = 503


class _Refusal(msgspec.Struct):
    error: str
    message: str
    hint: str | None = None


class ComponentChecker:
    """Checks components with one runner; a value of it is a `CheckComponent` of the registry."""

    def __init__(self, runner: RunnerClient) -> None:
        self._runner = runner

    async def __call__(self, component: Path) -> None:
        """Has the component file compiled. Raises ComponentRefused, ComponentUncheckable."""
        size = (await asyncio.to_thread(component.stat)).st_size
        try:
            status, body = await self._runner.check_component(_pieces(component), size)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ComponentUncheckable("The runner, which compiles components, could not be reached.", hint=_HINT) from error
        if status == 422:
            raise _refused(body)
        if status != 200:
            raise ComponentUncheckable(f"The runner did not compile the component (status {status}).", hint="Its log says why.")


def _refused(body: bytes) -> HoldfastError:
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ComponentUncheckable("The runner's answer is not of the agreed form.")
    details: dict[str, Any] = {"code": refusal.error}
    return ComponentRefused(refusal.message, hint=refusal.hint, details=details)


async def _pieces(component: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(component.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece
