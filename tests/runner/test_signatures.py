"""A runner in production runs and serves signed bundles only; in development it also runs unsigned bundles, but never forged ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from holdfast.bundles.signing.signature_storage import store_signature
from holdfast.bundles.signing.trust_store import TrustStoreUnusable
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import bundle
from tests.bundles.signers import Signers, signature_of
from tests.runner import guests
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, Runner, StartRunner
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS


class Signed:
    """A runner and the key that it trusts."""

    def __init__(self, runner: Runner, signers: Signers) -> None:
        self.runner = runner
        self.signers = signers

    async def put(self, *, signed: bool = True, forged: bool = False) -> str:
        """Stores a bundle with a page and a handler. Returns its hash. A forged bundle has the signature of another one."""
        files = {"dist/main.wasm": guests.fine().read_bytes()}
        archive = bundle(self.runner.root / "bundle.tar.zst", files)
        signature = signature_of(archive, self.signers.trusted)
        if forged:
            archive = bundle(self.runner.root / "bundle.tar.zst", files | {"ui/more.js": b"1"})
        digest = await self.runner.put_archive(archive)
        if signed or forged:
            await store_signature(self.runner.services.store, bundle_key(TENANT, EXTENSION, digest), signature)
        return digest

    async def page(self, digest: str) -> httpx2.Response:
        return await self.runner.client.get(f"/ext-ui/{EXTENSION}/sha256:{digest}/index.html?tenant={TENANT}")

    async def warmup(self, digest: str) -> httpx2.Response:
        body = {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": digest}
        return await self.runner.client.post("/warmup", json=body, headers={"x-runner-service-token": TOKEN})


async def signed_runner(start_runner: StartRunner, folder: Path, environment: str) -> Signed:
    signers = Signers(folder / "trusted-keys.json", required=True)
    return Signed(await start_runner(environment=environment, signing_trust_bundle=signers.store.path), signers)


@pytest.fixture
async def production(start_runner: StartRunner, tmp_path: Path) -> Signed:
    return await signed_runner(start_runner, tmp_path, "production")


@pytest.fixture
async def development(start_runner: StartRunner, tmp_path: Path) -> Signed:
    return await signed_runner(start_runner, tmp_path, "development")


async def use_bundle(signed: Signed, digest: str) -> tuple[dict[str, Any], httpx2.Response, httpx2.Response]:
    return await signed.runner.call(digest), await signed.page(digest), await signed.warmup(digest)


async def test_production_runs_and_serves_bundles_signed_by_a_trusted_key(production: Signed) -> None:
    digest = await production.put()
    called, page, warmup = await use_bundle(production, digest)
    assert (called["status"], page.status_code, warmup.status_code) == (200, 200, 200)


async def test_production_rejects_unsigned_bundles_in_every_operation(production: Signed) -> None:
    digest = await production.put(signed=False)
    called, page, warmup = await use_bundle(production, digest)
    assert (called["status"], called["error"]) == (502, "bundle_fetch_failed: The bundle is not signed.")
    assert "holdfast sign" in called["failure"]["message"]
    for response in (page, warmup):
        assert (response.status_code, response.json()["code"]) == (403, "signature_missing")


async def test_a_revocation_counts_without_a_restart(production: Signed) -> None:
    digest = await production.put()
    assert (await production.runner.call(digest))["status"] == 200
    production.signers.revoke()
    called = await production.runner.call(digest)
    assert called["status"] == 502 and "revoked: stolen" in called["error"]


async def test_development_runs_and_serves_unsigned_bundles(development: Signed) -> None:
    called, page, warmup = await use_bundle(development, await development.put(signed=False))
    assert (called["status"], page.status_code, warmup.status_code) == (200, 200, 200)


async def test_development_rejects_forged_signatures(development: Signed) -> None:
    called, page, warmup = await use_bundle(development, await development.put(forged=True))
    assert called["status"] == 502 and "does not match this bundle" in called["error"]
    assert (page.json()["code"], warmup.json()["code"]) == ("signature_invalid", "signature_invalid")


@pytest.mark.parametrize("environment", ["production", "development"])
async def test_an_unusable_trust_store_stops_the_start(start_runner: StartRunner, tmp_path: Path, environment: str) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(TrustStoreUnusable, match=r"ca\.pem"):
        await start_runner(environment=environment, signing_trust_bundle=tmp_path / "ca.pem")


def test_production_without_keys_warns_at_the_start_that_it_rejects_every_bundle(tmp_path: Path) -> None:
    for environment, has_warning in (("production", True), ("development", False)):
        with runner_process(tmp_path, HOLDFAST_ENVIRONMENT=environment) as (origin, _):
            assert httpx2.get(f"{origin}/healthz", timeout=MAX_WAIT_SECONDS).status_code == 200
        log = (tmp_path / "runner.log").read_text()
        assert ("SIGNING_TRUST_BUNDLE" in log and "holdfast keys trust" in log) is has_warning
