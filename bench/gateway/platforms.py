"""Platforms to measure: processes as `holdfast up` starts them, on SQLite or PostgreSQL, with one extension installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from bench.engine import ARTIFACTS
from tests.bundles.archives import bundle
from tests.cli.command_runner import Platform

TOKEN = "the-token-of-the-measure"
PRODUCTION_LIKE = {
    "RUNNER_SERVICE_TOKEN": TOKEN,
    "HOLDFAST_LOG_FORMAT": "json",  # as in production: every call is a line of the log
    "HOLDFAST_ARTIFACT_ROOT": str(ARTIFACTS),
    "HOLDFAST_CALLS_PER_INSTALL": "64",
    # Counted, and never reached.
    "HOLDFAST_RATE_LIMIT_EXTENSION_STAFF": "100000000+1000000/s",
    "HOLDFAST_RATE_LIMIT_USER_STAFF": "100000000+1000000/s",
}


@dataclass(frozen=True)
class Running:
    """A platform that is ready. `call` is the URL of the extension's `GET /` through the gateway, `execute` what the gateway sends to
    the runner for it: the URL, the body, the header fields."""

    console: str
    runner: str
    api_key: str
    tenant: str
    registry_id: str
    process: int

    @property
    def call(self) -> str:
        return f"{self.console}/api/ext/{self.registry_id}"

    def cpu_seconds(self) -> float:
        """Processor time of all processes of the platform."""
        parent = psutil.Process(self.process)
        times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
        return sum(one.user + one.system for one in times)

    def execute_body(self) -> dict[str, Any]:
        """The body of `POST /v1/execute` for the same call."""
        response = httpx2.post(
            f"{self.console}/api/internal/ext-runner/install-config",
            json={"tenantId": self.tenant, "extensionId": self.registry_id},
            headers={"x-runner-auth": TOKEN},
            trust_env=False,
        )
        assert response.status_code == 200, response.text
        install = response.json()
        return {
            "context": {
                "request_id": "request-1",
                "tenant_id": self.tenant,
                "extension_id": install["registryId"],
                "install_id": install["installId"],
                "version_id": install["versionId"],
                "content_hash": install["contentHash"],
                "config": install["config"],
            },
            "http": {"method": "GET", "path": "/", "url": "/", "query": {}, "headers": {"x-request-id": "request-1", "accept": "*/*"}},
            "limits": {"timeout_ms": 30_000},
            "providers": install["providers"],
        }


def extension(path: Path, wasm: Path, *, name: str = "com.example.measured", capabilities: list[str] | None = None) -> Path:
    """A bundle with the component, and endpoints for `GET /` and `POST` of every path that the guests of the measures know."""
    paths = [("GET", "/"), ("GET", "/get"), ("POST", "/put"), ("POST", "/put-new"), ("GET", "/clients"), ("POST", "/invoice")]
    manifest = {
        "name": name,
        "publisher": "Example",
        "version": "1.0.0",
        "runtime": "wasm-js@1",
        "displayName": "Measured",
        "capabilities": capabilities or [],
        "ui": {"type": "iframe", "entry": "ui/index.html"},
        "api": {"endpoints": [{"method": method, "path": path, "handler": "dist/main"} for method, path in paths]},
    }
    return bundle(path, {"manifest.json": json.dumps(manifest).encode(), "dist/main.wasm": wasm.read_bytes()})


@contextmanager
def platform(folder: Path, archive: Path, *arguments: str, database: str | None = None, **variables: str) -> Iterator[Running]:
    """A platform in `folder` with the extension of the archive; on SQLite without a `database` URL."""
    folder.mkdir(exist_ok=True)
    given: dict[str, Any] = PRODUCTION_LIKE | variables | ({} if database is None else {"DATABASE_URL": database})
    with Platform(folder, archive, *arguments, **given) as process:
        ready = process.ready()
        installs = httpx2.get(f"{ready['console']}/api/v1/extensions", headers={"x-api-key": ready["api_key"]}, trust_env=False)
        assert installs.status_code == 200, installs.text
        (install,) = [one for one in installs.json()["extensions"] if one["name"] == "com.example.measured"]
        running = Running(ready["console"], ready["runner"], ready["api_key"], ready["tenant"], install["registryId"], process.process.pid)
        # Every gateway process has the component warm, before anything is measured.
        for _ in range(50):
            response = httpx2.get(running.call, headers={"x-api-key": running.api_key}, trust_env=False, timeout=120)
            assert response.status_code == 200, response.text
        yield running
