"""Three tenants with ten installs of ten extensions, made with the commands that an operator uses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from holdfast.world.capabilities import Capability
from tests.bundles.archives import bundle
from tests.engine import toolchains
from tests.soak.traffic import Target

EXTENSIONS = 10
TENANTS = 3

Command = Callable[..., dict[str, Any]]
"""Runs a command on the platform's data and returns its JSON."""


def install_all(folder: Path, command: Command) -> list[Target]:
    """Creates the tenants, an administrator and a key for each, and installs the extensions, each for one tenant."""
    tenants = [_tenant(command, number) for number in range(TENANTS)]
    return [_install(folder, command, number, *tenants[number % TENANTS]) for number in range(EXTENSIONS)]


def _tenant(command: Command, number: int) -> tuple[str, str]:
    """The id and an API key of a new tenant."""
    tenant = command("tenants", "new", f"Tenant {number}")["tenant"]["tenant_id"]
    email = f"admin-{number}@example.com"
    command("users", "new", email, "--admin", "--tenant", tenant)
    return tenant, command("keys", "api", "new", "--user", email, "--tenant", tenant)["api_key"]


def _install(folder: Path, command: Command, number: int, tenant: str, api_key: str) -> Target:
    methods = (("GET", "/echo/:name"), ("POST", "/records/:name"), ("GET", "/records/:name"))
    manifest = {
        "name": f"com.example.soak-{number}",
        "publisher": "Example",
        "version": "1.0.0",
        "runtime": "wasm-js@1",
        "capabilities": [Capability.STORAGE_KV, Capability.CONTEXT_READ],
        "ui": {"type": "iframe", "entry": "ui/index.html"},
        "api": {"endpoints": [{"method": method, "path": path, "handler": "dist/main"} for method, path in methods]},
    }
    wasm = toolchains.build("soak (QuickJS)").read_bytes()
    archive = bundle(folder / f"soak-{number}.tar.zst", {"manifest.json": json.dumps(manifest).encode(), "dist/main.wasm": wasm})
    return Target(tenant, command("install", archive, "--tenant", tenant)["registry_id"], api_key)
