"""A host in memory, and one call of a built extension on the real engine."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from holdfast.bundles.store.hashing import hash_file
from holdfast.engine import Component, Engine, Limits
from holdfast.world import types as t
from holdfast.world.functions import Function, WitError

CONTEXT = t.ContextData("request-1", "tenant-1", "extension-1", "install-1", "version-1")
USER = t.UserDataV2("tenant-1", "Client", "user-1", "u@example.com", "Uma User", "internal", None, [("locale", "en")])
PAGE = 2
"""The number of entries per page: small, so that tests need several pages."""


@dataclass
class MemoryHost:
    """Stores the values and the log of the guest. `user` is None for a call without a user."""

    user: t.UserDataV2 | None = USER
    stored: dict[tuple[str, str], t.StorageEntry] = field(default_factory=dict)
    logs: list[tuple[str, str]] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    fetched: list[t.HttpRequest] = field(default_factory=list)

    async def call(engine: Engine, project: Path, host: MemoryHost, url: str, *, method: str = "GET", body: bytes | None = None) -> Response:
    """Sends one request to the built project. Fails when the guest fails."""
    wasm = project / "dist" / "main.wasm"
    return await call_component(engine, await engine.load(wasm, hash_file(wasm)), host, url, method=method, body=body)


async def call_component(
    engine: Engine, component: Component, host: MemoryHost, url: str, *, method: str = "GET", body: bytes | None = None
) -> Response:
    """Sends one request to a loaded component. Fails when the guest fails."""
    headers = [t.HttpHeader("content-type", "application/json")]
    request = t.ExecuteRequest(CONTEXT, t.HttpRequest(method, url, headers, body))
    outcome = await engine.execute(component, request, host, Limits(timeout_ms=30_000))
    assert outcome.failure is None, outcome.failure
    assert outcome.response is not None
    return Response(outcome.response.status, {h.name: h.value for h in outcome.response.headers}, outcome.response.body)
