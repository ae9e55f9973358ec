"""Bundles of `holdfast dev` run on a runner in development, each with its own code, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.bundles.signing.signature_storage import store_signature
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import bundle
from tests.bundles.signers import Signers, signature_of
from tests.engine.guests import development
from tests.runner import guests
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, Runner, StartRunner, body_of

JS, JSON = "development/handler.js", "development/handler.json"


async def test_bundles_share_the_component_and_have_their_own_code(runner: Runner) -> None:
    digests = [await runner.put(development(), {name: text}) for name, text in [(JS, b"one"), (JS, b"two"), (JSON, b"{}")]]
    for _ in range(2):
        assert [body_of(await runner.call(digest)) for digest in digests] == [b"one", b"two", b"{}"]
    artifacts = runner.services.settings.resolved_artifact_root
    assert len(runner.services.engine._loaded) == 1 and artifacts.is_dir()


async def test_a_bundle_can_be_prepared_before_its_first_call(runner: Runner) -> None:
    digest = await runner.put(development(), {JS: b"prepared"})
    assert await runner.services.warmups.prepare((TENANT, EXTENSION, digest)) is True
    assert body_of(await runner.call(digest)) == b"prepared"


@pytest.mark.parametrize(
    ("files", "is_development", "message"),
    [
        ({}, True, "the bundle has no such file"),
        ({"development/other.txt": b"x"}, True, "the bundle has no such file"),
        ({JS: b"code"}, False, "a component that does not read them"),
        ({JS: b"\xff\xfe"}, True, "not UTF-8"),
    ],
)
async def test_a_component_without_its_code_is_refused(runner: Runner, files: dict[str, bytes], is_development: bool, message: str) -> None:
    envelope = await runner.call(await runner.put(development() if is_development else guests.fine(), files))
    assert envelope["status"] == 500
    assert envelope["error"].startswith("execute_failed: development_component_refused: ")
    assert message in envelope["error"]


@pytest.mark.parametrize("files", [{JS: b"code"}, {"Development/x": b"code"}])
async def test_a_runner_in_production_refuses_it_by_name_although_it_is_signed(
    start_runner: StartRunner, tmp_path: Path, files: dict[str, bytes]
) -> None:
    signers = Signers(tmp_path / "trusted-keys.json", required=True)
    runner = await start_runner(environment="production", signing_trust_bundle=signers.store.path)
    archive = bundle(tmp_path / "bundle.tar.zst", {"dist/main.wasm": development().read_bytes(), **files})
    signature = signature_of(archive, signers.trusted)
    digest = await runner.put_archive(archive)
    await store_signature(runner.services.store, bundle_key(TENANT, EXTENSION, digest), signature)
    envelope = await runner.call(digest)
    assert envelope["error"].startswith("execute_failed: development_component_refused: ")


async def test_a_runner_in_production_takes_no_such_component_for_publishing(start_runner: StartRunner) -> None:
    headers = {"x-runner-service-token": TOKEN, "content-type": "application/wasm"}
    for environment, status in (("production", 422), ("development", 200)):
        runner = await start_runner(environment=environment)
        response = await runner.client.post("/v1/components/check", content=development().read_bytes(), headers=headers)
        assert response.status_code == status, response.text
        assert status == 200 or response.json()["error"] == "development_component_refused"
