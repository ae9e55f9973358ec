"""S6 and S7: changed or unsigned bundles, and archive bombs. Numbers as in section 8.2 of the runner's contract."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

import pytest
import zstandard

from holdfast.bundles.signing.minisign_secret import SecretKey
from holdfast.bundles.signing.signature_storage import store_signature
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import MANIFEST, regular, tar_bytes
from tests.bundles.signers import Signers, signature_of
from tests.contract.conftest import Start
from tests.contract.running import PAGES, Running
from tests.runner import guests as runner_guests
from tests.runner.conftest import EXTENSION, TENANT

MIB = 1024 * 1024


@pytest.mark.parametrize("damaged", ["ui/index.html", "ui/assets/app.js", "bundle/dist/main.wasm"])
async def test_s6_files_changed_on_disk_are_never_used_by_a_new_process(start: Start, damaged: str) -> None:
    """A process compares every file with its hash when it first uses a bundle. A changed bundle is fetched again from the store."""
    first = await start()
    digest = first.put(PAGES, runner_guests.fine())
    assert (await first.page(digest)).status_code == 200
    assert (await first.call(digest))["status"] == 200
    file = first.cache / digest / damaged
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    another = await start()
    assert (await another.page(digest)).content == PAGES["ui/index.html"]
    assert (await another.page(digest, "assets/app.js")).content == PAGES["ui/assets/app.js"]
    assert (await another.call(digest))["status"] == 200
    assert not file.read_bytes().endswith(b"!")


async def test_s6_bundles_changed_in_the_store_are_never_used(runner: Running) -> None:
    digest = runner.put(PAGES, runner_guests.fine())
    other = runner.stored(runner.put(PAGES, runner_guests.trapping())).read_bytes()
    runner.stored(digest).write_bytes(other)
    assert (await runner.page(digest)).json()["code"] == "archive_hash_mismatch"
    envelope = await runner.call(digest)
    assert envelope["status"] == 502
    assert envelope["error"].startswith(f"bundle_fetch_failed: archive hash mismatch: expected {digest}, got ")
    assert not (runner.cache / digest).exists()


async def test_s6_production_runs_only_bundles_signed_by_a_trusted_key(start: Start, tmp_path: Path) -> None:
    """The signature covers the bundle's hash, name, version, capabilities and hosts; the store holds it next to the bundle. Once a key is
    revoked, the next call fails. Pages fail within five seconds: for so long, a page that was just served is not verified again."""
    signers = Signers(tmp_path / "trusted-keys.json", required=True)
    runner = await start(environment="production", signing_trust_bundle=signers.store.path)

    async def store(name: bytes, signer: SecretKey | None, *, signed_as: bytes | None = None) -> str:
        """Stores a bundle with this name, and a signature by `signer` of it or of the same bundle under the name `signed_as`."""
        signature = None
        if signer is not None:
            signature = signature_of(copied(runner.stored(put(signed_as or name)), tmp_path / "signed.tar.zst"), signer)
        digest = put(name)
        if signature is not None:
            await store_signature(runner.services.store, bundle_key(TENANT, EXTENSION, digest), signature)
        return digest

    def put(name: bytes) -> str:
        return runner.put(PAGES | {"manifest.json": MANIFEST.replace(b"com.example.notes", name)}, runner_guests.fine())

    async def outcome(digest: str, runner: Running = runner) -> tuple[int, int]:
        return (await runner.call(digest))["status"], (await runner.page(digest)).status_code

    signed = await store(b"com.example.signed", signers.trusted)
    assert await outcome(signed) == (200, 200)
    assert await outcome(await store(b"com.example.unsigned", None)) == (502, 403)
    assert await outcome(await store(b"com.example.stranger", signers.stranger)) == (502, 403)
    assert await outcome(await store(b"com.example.forged", signers.trusted, signed_as=b"com.example.original")) == (502, 403)
    signers.revoke()
    assert (await runner.call(signed))["status"] == 502
    assert await outcome(signed, await start(environment="production", signing_trust_bundle=signers.store.path)) == (502, 403)


def copied(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    return target


def page_of(size: int, content: Iterable[bytes]) -> bytes:
    """An archive whose only member declares `size` bytes."""
    member = tarfile.TarInfo("ui/index.html")
    member.size = size
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    pieces = [packer.compress(piece) for piece in (member.tobuf(), *content, bytes(1_024))]
    return b"".join([*pieces, packer.flush()])


def bomb(kind: str) -> bytes:
    match kind:
        case "ratio":
            return page_of(100 * MIB, repeat(bytes(MIB), 100))
        case "wrong size":
            return page_of(8**11 - 1, [b"x"])
        case _:
            return zstandard.compress(tar_bytes(regular(f"ui/{number}.txt", b"") for number in range(5_001)))


@pytest.mark.parametrize("kind", ["ratio", "wrong size", "entries"])
async def test_s7_an_archive_bomb_is_rejected_without_effect_on_others(runner: Running, kind: str) -> None:
    digest = runner.put_bytes(bomb(kind))
    fine = runner.put(PAGES, runner_guests.fine())
    envelope = await runner.call(digest)
    assert (envelope["status"], envelope["error"].partition(":")[0]) == (502, "bundle_fetch_failed")
    assert not (runner.cache / digest).exists()
    assert sum(path.stat().st_size for path in runner.cache.rglob("*") if path.is_file()) < MIB, "no part of the bomb stays in the cache"
    assert (await runner.page(fine)).status_code == 200
    assert (await runner.call(fine))["status"] == 200


async def test_s7_an_archive_beyond_the_size_limit_is_not_stored_completely(runner: Running) -> None:
    """Of its 65 MiB, the runner reads no more than the limit."""
    digest = "ab" * 32
    stored: Path = runner.stored(digest)
    stored.parent.mkdir(parents=True)
    with stored.open("wb") as file:
        file.truncate(65 * MIB)
    envelope = await runner.call(digest)
    assert envelope["status"] == 502
    assert str(64 * MIB) in envelope["error"]
    assert not (runner.cache / digest).exists()
