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

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        response: object = getattr(self, function.id.replace(".", "_").replace("-", "_"))(*args)
        return response

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        if stream == "stderr":
            self.stderr.append(line)

    def logging_log_info(self, message: str) -> None:
        self.logs.append(("info", message))

    def logging_log_warn(self, message: str) -> None:
        self.logs.append(("warn", message))

    def logging_log_error(self, message: str) -> None:
        self.logs.append(("error", message))

    def secrets_get(self, key: str) -> str:
        raise WitError(t.SecretError.MISSING)

    def user_v2_get_user(self) -> t.UserDataV2:
        if self.user is None:
            raise WitError(t.UserError.NOT_AVAILABLE)
        return self.user

    def http_fetch(self, request: t.HttpRequest) -> t.HttpResponse:
        self.fetched.append(request)
        return t.HttpResponse(200, [t.HttpHeader("content-type", "text/plain")], b"hello")

    def storage_get(self, namespace: str, key: str) -> t.StorageEntry:
        if (namespace, key) not in self.stored:
            raise WitError(t.StorageError.MISSING)
        return self.stored[namespace, key]

    def storage_put(self, entry: t.StorageEntry) -> t.StorageEntry:
        old = self.stored.get((entry.namespace, entry.key))
        if entry.revision is not None and (old is None or old.revision != entry.revision):
            raise WitError(t.StorageError.CONFLICT)
        revision = 1 if old is None or old.revision is None else old.revision + 1
        stored = t.StorageEntry(entry.namespace, entry.key, entry.value, revision)
        self.stored[entry.namespace, entry.key] = stored
        return stored

    def storage_delete(self, namespace: str, key: str) -> None:
        if self.stored.pop((namespace, key), None) is None:
            raise WitError(t.StorageError.MISSING)

    def storage_list_entries(self, namespace: str, cursor: str | None) -> list[t.StorageEntry]:
        entries = sorted((e for (n, _), e in self.stored.items() if n == namespace), key=lambda entry: entry.key)
        return [entry for entry in entries if cursor is None or entry.key > cursor][:PAGE]


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes | None

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")


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
