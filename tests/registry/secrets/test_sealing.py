"""Which key seals secrets under which settings, and the errors when they cannot be opened."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfast.registry.secrets.sealing import Sealed, Sealer, SecretsUnreadable
from holdfast.sealing.errors import SecretsKeyUnusable, VaultFailed
from holdfast.sealing.keyring import new_key_text
from holdfast.settings import Settings
from tests.hostcalls.vault_server import VaultServer

OWNER = {"tenant_id": "t1", "install_id": "i1"}
SECRETS = {"API_KEY": "k-123-the-value", "OTHER": "ü"}


def settings(folder: Path, **fields: Any) -> Settings:
    return Settings(**({"_env_file": None, "data_dir": folder} | fields))


def test_development_makes_its_key(tmp_path: Path) -> None:
    first = Sealer.from_settings(settings(tmp_path / "data")).keys.read().ids
    assert (tmp_path / "data" / "secrets.key").is_file()
    assert Sealer.from_settings(settings(tmp_path / "data")).keys.read().ids == first


def test_production_does_not_start_without_a_key_and_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SecretsKeyUnusable, match="HOLDFAST_SECRETS_KEY"):
        Sealer.from_settings(settings(tmp_path, environment="production"))
    assert list(tmp_path.iterdir()) == []
    Sealer.from_settings(settings(tmp_path, environment="production", secrets_key=new_key_text()))


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_key_that_is_none_ends_the_start(tmp_path: Path, environment: str) -> None:
    with pytest.raises(SecretsKeyUnusable, match="HOLDFAST_SECRETS_KEY"):
        Sealer.from_settings(settings(tmp_path, environment=environment, secrets_key="changeme"))
    (tmp_path / "secrets.key").write_text("changeme\n")
    with pytest.raises(SecretsKeyUnusable, match=r"secrets\.key"):
        Sealer.from_settings(settings(tmp_path, environment=environment))


async def test_what_was_sealed_is_opened_and_shows_neither_name_nor_value(tmp_path: Path) -> None:
    sealer = Sealer.from_settings(settings(tmp_path))
    sealed = await sealer.seal(SECRETS, **OWNER)
    assert await sealer.open(sealed, **OWNER) == SECRETS
    assert (sealed.algorithm, sealed.transit_key, sealed.transit_mount) == ("aes-gcm:v1", sealer.keys.read().newest.id, None)
    content = base64.b64decode(sealed.ciphertext)
    assert b"API_KEY" not in content and b"the-value" not in content


async def test_sealed_secrets_that_were_moved_to_another_install_or_tenant_do_not_open(tmp_path: Path) -> None:
    sealer = Sealer.from_settings(settings(tmp_path))
    sealed = await sealer.seal(SECRETS, **OWNER)
    for owner in (OWNER | {"install_id": "i2"}, OWNER | {"tenant_id": "t2"}):
        with pytest.raises(SecretsUnreadable, match="another tenant or install"):
            await sealer.open(sealed, **owner)


async def test_a_lost_key_is_named_with_what_to_do(tmp_path: Path) -> None:
    sealed = await Sealer.from_settings(settings(tmp_path)).seal(SECRETS, **OWNER)
    (tmp_path / "secrets.key").unlink()
    with pytest.raises(SecretsUnreadable, match=f"the key {sealed.transit_key}, which .* does not have") as failure:
        await Sealer.from_settings(settings(tmp_path)).open(sealed, **OWNER)
    assert failure.value.hint is not None and "backup" in failure.value.hint


@pytest.mark.parametrize("algorithm", ["inline/base64", "", "aes-gcm:v2", "AES-GCM:v1", "vault-transit:v1"])
async def test_plain_text_and_what_is_not_known_are_not_opened(tmp_path: Path, algorithm: str) -> None:
    sealer = Sealer.from_settings(settings(tmp_path))
    plain = base64.b64encode(json.dumps(SECRETS).encode()).decode()
    with pytest.raises(SecretsUnreadable) as failure:
        await sealer.open(Sealed(ciphertext=plain, algorithm=algorithm, transit_key="k"), **OWNER)
    assert "the-value" not in str(failure.value) and plain not in str(failure.value)


async def test_a_key_that_another_process_added_seals_at_once(tmp_path: Path) -> None:
    serving = Sealer.from_settings(settings(tmp_path))
    before = await serving.seal(SECRETS, **OWNER)
    added = Sealer.from_settings(settings(tmp_path)).keys.add()
    after = await serving.seal(SECRETS, **OWNER)
    assert after.transit_key == added.id != before.transit_key
    assert (await serving.is_newest(after), await serving.is_newest(before)) == (True, False)
    assert await serving.open(before, **OWNER) == await serving.open(after, **OWNER) == SECRETS


# Vault itself is in none of the package sources that the tests may use: a server that speaks its transit API stands in, over HTTP.


@pytest.fixture
def server() -> Iterator[VaultServer]:
    with VaultServer() as running:
        yield running


@pytest.fixture
def with_vault(server: VaultServer, tmp_path: Path) -> dict[str, Any]:
    return {"vault_addr": server.address, "vault_token": "hvs.token", "vault_transit_key": "extensions", "environment": "production"}


@pytest.fixture
async def in_vault(with_vault: dict[str, Any], tmp_path: Path) -> AsyncIterator[Sealer]:
    sealer = Sealer.from_settings(settings(tmp_path, vault_namespace="team", **with_vault))
    yield sealer
    await sealer.close()


async def test_vault_seals_and_opens_as_the_existing_platform_asks_it_to(in_vault: Sealer, server: VaultServer) -> None:
    sealed = await in_vault.seal(SECRETS, **OWNER)
    assert (sealed.algorithm, sealed.transit_key, sealed.transit_mount) == ("vault-transit:v1", "extensions", "transit")
    path, headers, body = server.requests[0]
    assert path == "/v1/transit/encrypt/extensions"
    assert (headers["x-vault-token"], headers["x-vault-namespace"]) == ("hvs.token", "team")
    assert list(body) == ["plaintext"] and msgspec.json.decode(base64.b64decode(body["plaintext"])) == SECRETS
    assert await in_vault.open(sealed, **OWNER) == SECRETS
    assert server.requests[1][0] == "/v1/transit/decrypt/extensions" and server.requests[1][2] == {"ciphertext": sealed.ciphertext}


def test_with_vault_no_key_of_ours_is_needed_or_made(in_vault: Sealer, with_vault: dict[str, Any], tmp_path: Path) -> None:
    Sealer.from_settings(settings(tmp_path, **(with_vault | {"environment": "development"})))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((403, b'{"errors":["no hvs.token"]}'), "status 403"),
        ((503, b"sealed"), "status 503"),
        ((302, b""), "status 302"),
        ((200, b"no json"), "transit engine"),
        ((200, b'{"data":{"plaintext":"cGxhaW4="}}'), "transit engine"),
        ((200, b" " * 2_000_000), "too large"),
    ],
    ids=str,
)
async def test_when_vault_does_not_seal_nothing_is_sealed_another_way(
    in_vault: Sealer, server: VaultServer, tmp_path: Path, answer: tuple[int, bytes], said: str
) -> None:
    Sealer.from_settings(settings(tmp_path))  # there would be a key of ours
    server.answer = answer
    with pytest.raises(VaultFailed, match=said) as failure:
        await in_vault.seal(SECRETS, **OWNER)
    assert "hvs.token" not in str(failure.value) and "the-value" not in str(failure.value)


async def test_a_vault_that_is_away_is_named_by_its_variable(with_vault: dict[str, Any], tmp_path: Path) -> None:
    sealer = Sealer.from_settings(settings(tmp_path, **(with_vault | {"vault_addr": "http://127.0.0.1:1"})))
    with pytest.raises(VaultFailed, match="VAULT_ADDR"):
        await sealer.seal(SECRETS, **OWNER)
    await sealer.close()


async def test_without_a_token_vault_is_not_asked(with_vault: dict[str, Any], server: VaultServer, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    sealer = Sealer.from_settings(settings(tmp_path, **(with_vault | {"vault_token": None, "vault_token_file": token_file})))
    with pytest.raises(VaultFailed, match="VAULT_TOKEN"):
        await sealer.seal(SECRETS, **OWNER)
    token_file.write_text("")
    with pytest.raises(VaultFailed, match="VAULT_TOKEN"):
        await sealer.seal(SECRETS, **OWNER)
    assert server.requests == []
    token_file.write_text("hvs.token\n")
    assert (await sealer.seal(SECRETS, **OWNER)).ciphertext.startswith("vault:v1:")
    await sealer.close()


async def test_what_vault_cannot_open_is_unreadable_and_what_it_does_not_answer_is_a_failure(in_vault: Sealer, server: VaultServer) -> None:
    sealed = await in_vault.seal(SECRETS, **OWNER)
    with pytest.raises(SecretsUnreadable, match="Vault cannot open"):
        await in_vault.open(msgspec.structs.replace(sealed, ciphertext="changed"), **OWNER)
    for content in (b'{"data":{"plaintext":"%"}}', b'{"data":{"plaintext":"WzFd"}}'):
        server.answer = (200, content)
        with pytest.raises(SecretsUnreadable, match="JSON object"):
            await in_vault.open(sealed, **OWNER)
    server.answer = (503, b"sealed")
    with pytest.raises(VaultFailed, match="status 503"):
        await in_vault.open(sealed, **OWNER)


async def test_what_a_key_of_ours_sealed_opens_beside_vault_and_the_other_way_round(
    in_vault: Sealer, with_vault: dict[str, Any], tmp_path: Path
) -> None:
    ours = Sealer.from_settings(settings(tmp_path, vault_addr=with_vault["vault_addr"], vault_token="hvs.token"))
    assert await in_vault.open(await ours.seal(SECRETS, **OWNER), **OWNER) == SECRETS
    assert await ours.open(await in_vault.seal(SECRETS, **OWNER), **OWNER) == SECRETS
    await ours.close()


@pytest.mark.parametrize(
    "fields", [{"vault_transit_key": "a/../b"}, {"vault_transit_key": "a?b"}, {"vault_transit_mount": ".."}, {"vault_addr": None}], ids=str
)
def test_settings_of_vault_that_do_not_fit_together_end_the_start(
    tmp_path: Path, with_vault: dict[str, Any], fields: dict[str, Any]
) -> None:
    with pytest.raises(SecretsKeyUnusable, match="VAULT_TRANSIT_KEY"):
        Sealer.from_settings(settings(tmp_path, **(with_vault | fields)))


def test_a_token_does_not_show(in_vault: Sealer, with_vault: dict[str, Any], tmp_path: Path) -> None:
    assert "hvs.token" not in repr(settings(tmp_path, **with_vault)) + repr(in_vault)
