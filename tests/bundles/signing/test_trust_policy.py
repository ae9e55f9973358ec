"""What production rejects and development reports: each reason for which a signature may not be valid."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfast.bundles.signing.minisign import Signature
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.settings import Settings
from tests.bundles.archives import bundle
from tests.bundles.signers import DAY, NOW, Signers, rejected, signature_of

MANIFEST: dict[str, Any] = {
    "name": "com.example.notes",
    "publisher": "acme",
    "version": "1.0.0",
    "runtime": "wasm-js@1",
    "capabilities": ["cap:storage.kv"],
    "egress": ["api.example.com"],
}


class Case:
    """A bundle, signed by the trusted key, in production and in development."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.signers = Signers(root / "trusted-keys.json", required=True)
        self.archive = self.bundle()
        self.statement: Statement | None = Statement.from_archive(self.archive)
        self.signature: bytes | None = signature_of(self.archive, self.signers.trusted)
        self.lenient = TrustPolicy(self.signers.store, required=False, now=self.signers.clock)

    def bundle(self, **changes: Any) -> Path:
        content = {name: value for name, value in (MANIFEST | changes).items() if value is not None}
        return bundle(self.root / "bundle.tar.zst", {"manifest.json": json.dumps(content).encode()})

    def resigned(self, **changes: Any) -> None:
        """Another bundle with its own good signature of the trusted key."""
        archive = self.bundle(**changes)
        self.statement, self.signature = Statement.from_archive(archive), signature_of(archive, self.signers.trusted)


def _unsigned(case: Case) -> None:
    case.signature = None


def _without_manifest(case: Case) -> None:
    case.statement = None


def _unknown_key(case: Case) -> None:
    case.signature = signature_of(case.archive, case.signers.stranger)


def _revoked(case: Case) -> None:
    case.signers.revoke()


def _expired(case: Case) -> None:
    case.signers.trust(expires_at=NOW + DAY)
    case.signers.clock.now = NOW + DAY


def _of_another_bundle(case: Case) -> None:
    case.signature = signature_of(case.bundle(description="another"), case.signers.trusted)


def _other_capabilities(case: Case) -> None:
    assert case.statement is not None
    case.statement = msgspec.structs.replace(case.statement, capabilities=("cap:secrets.get", *case.statement.capabilities))


def _other_hosts(case: Case) -> None:
    assert case.statement is not None
    case.statement = msgspec.structs.replace(case.statement, egress=())


def _changed_comment(case: Case) -> None:
    assert case.signature is not None
    signature = Signature.parse(case.signature)
    case.signature = msgspec.structs.replace(signature, trusted_comment="signed yesterday").to_text().encode()


def _claimed_key(case: Case) -> None:
    """A stranger's signature under the id of the trusted key."""
    stranger = Signature.parse(signature_of(case.archive, case.signers.stranger))
    case.signature = msgspec.structs.replace(stranger, raw_key_id=case.signers.trusted.public.raw_key_id).to_text().encode()


def _garbage(case: Case) -> None:
    case.signature = b"PGP SIGNATURE"


def _too_long(case: Case) -> None:
    case.signature = (case.signature or b"") + b"#" * 20_000


def _other_publisher(case: Case) -> None:
    case.signers.trust(publishers=("somebody", "else"))


def _no_publisher(case: Case) -> None:
    case.resigned(publisher=None)
    case.signers.trust(publishers=("acme",))


REJECTED_IN_PRODUCTION: list[tuple[Callable[[Case], None], str, str]] = [
    (_unsigned, "signature_missing", "not signed"),
    (_without_manifest, "signature_missing", "manifest.json"),
    (_unknown_key, "signature_untrusted", "not a trusted key"),
    (_revoked, "signature_revoked", "revoked: stolen"),
    (_expired, "signature_expired", "expired"),
    (_other_publisher, "signature_untrusted", "publisher acme"),
    (_no_publisher, "signature_untrusted", "without publisher"),
]
INVALID: list[tuple[Callable[[Case], None], str]] = [
    (_of_another_bundle, "does not match this bundle"),
    (_other_capabilities, "does not match this bundle"),
    (_other_hosts, "does not match this bundle"),
    (_changed_comment, "does not match this bundle"),
    (_claimed_key, "does not match this bundle"),
    (_garbage, "cannot be read"),
    (_too_long, "cannot be read"),
]


def _name(value: object) -> str:
    return getattr(value, "__name__", "").strip("_")


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_a_signature_by_a_trusted_key_is_valid_and_names_the_key(case: Case) -> None:
    for policy in (case.signers.policy, case.lenient):
        status = policy.evaluate(case.statement, case.signature)
        assert (status.state, status.key_name, status.reason) == ("signed", "the trusted", None)
        assert str(status) == f"signed by the trusted ({case.signers.trusted.public.key_id})"
        assert status.trusted_comment == f"timestamp:{int(NOW.timestamp())}\tfile:bundle.tar.zst.statement.json\thashed"


def test_a_key_that_may_sign_for_the_publisher_is_accepted(case: Case) -> None:
    case.signers.trust(publishers=("other", "acme"))
    assert case.signers.policy.evaluate(case.statement, case.signature).state == "signed"


@pytest.mark.parametrize(("make", "code", "words"), REJECTED_IN_PRODUCTION, ids=_name)
def test_production_rejects_with_a_reason_and_a_hint(case: Case, make: Callable[[Case], None], code: str, words: str) -> None:
    make(case)
    with rejected(code, match=words) as caught:
        case.signers.policy.evaluate(case.statement, case.signature)
    assert caught.value.status == 403 and "`holdfast " in str(caught.value.hint)


@pytest.mark.parametrize(("make", "code", "words"), REJECTED_IN_PRODUCTION, ids=_name)
def test_development_allows_it_and_reports_the_reason(case: Case, make: Callable[[Case], None], code: str, words: str) -> None:
    make(case)
    status = case.lenient.evaluate(case.statement, case.signature)
    assert status.state == ("unsigned" if code == "signature_missing" else "untrusted")
    assert status.reason == code and words in (status.message or "") and "development only" in str(status)


@pytest.mark.parametrize(("make", "words"), INVALID, ids=_name)
def test_a_signature_that_does_not_match_is_rejected_everywhere(case: Case, make: Callable[[Case], None], words: str) -> None:
    make(case)
    for policy in (case.signers.policy, case.lenient):
        with rejected("signature_invalid", match=words):
            policy.evaluate(case.statement, case.signature)


def test_a_signature_that_does_not_match_is_invalid_even_if_its_key_is_revoked(case: Case) -> None:
    _changed_comment(case)
    _revoked(case)
    with rejected("signature_invalid"):
        case.lenient.evaluate(case.statement, case.signature)


def test_the_state_of_an_installed_bundle_follows_the_trust_store(case: Case) -> None:
    policy, key_id = case.lenient, case.signers.trusted.public.key_id
    assert (policy.signature_state(None), policy.signature_state(case.signers.stranger.public.key_id)) == ("unsigned", "untrusted")
    assert (policy.signature_state(key_id), policy.count_valid_keys()) == ("signed", 1)
    case.signers.revoke()
    assert (policy.signature_state(key_id), policy.count_valid_keys()) == ("untrusted", 0)


def test_only_production_requires_a_signature(tmp_path: Path) -> None:
    for environment in ("production", "development"):
        settings = Settings(_env_file=None, environment=environment, signing_trust_bundle=tmp_path / "keys.json")
        policy = TrustPolicy.from_settings(settings)
        assert (policy.required, policy.store.path) == (environment == "production", tmp_path / "keys.json")
