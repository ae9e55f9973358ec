"""SE-01 and SE-02: secret envelopes. Numbers as in section 7.1.

The original's function returns the envelope's version with the secrets. Here the version is only part of the key under which a decrypted
envelope is cached for a moment; the tests show that.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.hostcalls import CallContext
from tests.contract.guest import host_services
from tests.contract.running import Running
from tests.hostcalls.vault_server import VaultServer, sealed
from tests.runner.conftest import EXTENSION, INSTALL, TENANT

CALL = CallContext(request_id="r", tenant_id=TENANT, extension_id=EXTENSION, install_id=INSTALL)
FIRST = {"ALGA_API_KEY": "first-value", "OTHER": "another"}
SECOND = {"ALGA_API_KEY": "second-value", "OTHER": "another", "ADDED": "later"}


def inline(secrets: dict[str, str], **fields: str) -> SecretEnvelope:
    return SecretEnvelope(ciphertext_b64=base64.b64encode(json.dumps(secrets).encode()).decode(), **fields)


def in_transit(secrets: dict[str, str], version: str) -> SecretEnvelope:
    return SecretEnvelope(ciphertext_b64=sealed(secrets), algorithm="vault-transit", key_path="k", version=version)


async def test_se_01_an_envelope_yields_the_plaintext_map(tmp_path: Path) -> None:
    async with host_services() as host:
        # SE-01.1: no algorithm
        assert await host.open_secrets(inline(FIRST, version="v1"), CALL) == FIRST
    token = tmp_path / "token"
    with VaultServer() as vault:
        token.write_text(vault.token)
        async with host_services(vault_addr=vault.address, vault_token_file=token) as host:
            # SE-01.2: cached for its version, and for no other
            for version in ("v1", "v1", "v2"):
                assert await host.open_secrets(in_transit(FIRST, version), CALL) == FIRST
            assert len(vault.requests) == 2


async def test_se_02_secrets_change_with_the_ciphertext(runner: Running, probe: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    with VaultServer() as vault:
        token.write_text(vault.token)
        async with host_services(vault_addr=vault.address, vault_token_file=token) as host:
            # SE-02.1
            assert (await host.open_secrets(in_transit(FIRST, "v1"), CALL))["ALGA_API_KEY"] == "first-value"
            second = await host.open_secrets(in_transit(SECOND, "v2"), CALL)
            # SE-02.2: at once, although the first is still cached
            assert second["ALGA_API_KEY"] == "second-value"
            # SE-02.3
            assert second["ADDED"] == "later"
            # SE-02.4: a new ciphertext with the old version is not taken from the cache
            assert (await host.open_secrets(in_transit(SECOND, "v1"), CALL)) == SECOND
    # The same through a call of the runner, as the guest sees it.
    digest = runner.put(component=probe)
    for version, secrets in (("v1", FIRST), ("v2", SECOND)):
        envelope = {"ciphertext_b64": inline(secrets).ciphertext_b64, "version": version}
        received = await runner.call(digest, http={"path": "/dynamic/secrets"}, providers=["cap:secrets.get"], secret_envelope=envelope)
        seen = json.loads(base64.b64decode(received["body_b64"]))["secrets"]
        assert (seen["value"], sorted(seen["keys"])) == (secrets["ALGA_API_KEY"], sorted(secrets))
