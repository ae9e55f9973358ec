"""`/healthz` reports the state of a remote bundle store, and stays 200 when the store is unreachable."""

from __future__ import annotations

import socket

import pytest

from tests.bundles.loopback import respond_with, serving
from tests.runner.conftest import StartRunner


@pytest.mark.parametrize("status", [200, 403, 404])
async def test_a_private_store_that_responds_is_healthy(start_runner: StartRunner, status: int) -> None:
    async with serving(respond_with(status)) as store:
        runner = await start_runner(bundle_store_base=f"{store.origin}/extensions")
        response = await runner.client.get("/healthz")
        assert (response.status_code, response.json()["bundle_store"]) == (200, "ok")


async def test_a_broken_or_missing_store_is_reported(start_runner: StartRunner) -> None:
    async with serving(respond_with(500)) as store:
        runner = await start_runner(bundle_store_base=f"{store.origin}/extensions")
        response = await runner.client.get("/healthz")
        assert (response.status_code, response.json()["bundle_store"]) == (200, "bundle_store_unreachable")
    with socket.socket() as not_listening:
        not_listening.bind(("127.0.0.1", 0))
        runner = await start_runner(bundle_store_base=f"http://127.0.0.1:{not_listening.getsockname()[1]}")
        response = await runner.client.get("/healthz")
        assert (response.status_code, response.json()["bundle_store"]) == (200, "bundle_store_unreachable")
