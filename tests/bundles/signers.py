"""Keys, signatures and trust stores for tests of bundles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.bundles.archive.sidecars import signature_path
from holdfast.bundles.signing.errors import SignatureRejected
from holdfast.bundles.signing.minisign_secret import SecretKey
from holdfast.bundles.signing.sign_archive import sign_archive
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.signing.trust_store import TrustStore

NOW = datetime(2030, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Signers:
    """A trust store with the key of `trusted` in it, and a stranger who is not. `policy` goes by a clock that a test moves."""

    def __init__(self, path: Path, *, required: bool) -> None:
        self.trusted, self.stranger = SecretKey.generate(), SecretKey.generate()
        self.clock = Clock()
        self.store = TrustStore(path)
        self.trust()
        self.policy = TrustPolicy(TrustStore(path), required=required, now=self.clock)

    def trust(self, *, expires_at: datetime | None = None, publishers: tuple[str, ...] | None = None) -> None:
        self.store.trust(self.trusted.public, name="the trusted", now=NOW, expires_at=expires_at, publishers=publishers)

    def revoke(self) -> None:
        self.store.revoke(self.trusted.public.key_id, now=NOW, reason="stolen")


def signature_of(archive: Path, key: SecretKey) -> bytes:
    """Signs the archive; the bytes of its `.minisig`."""
    sign_archive(archive, key, NOW)
    return signature_path(archive).read_bytes()


@contextmanager
def rejected(code: str, match: str | None = None) -> Iterator[pytest.ExceptionInfo[SignatureRejected]]:
    """Expects that the block raises SignatureRejected with this code, and with a message that `match` (a pattern) is found in."""
    with pytest.raises(SignatureRejected, match=match) as caught:
        yield caught
    assert caught.value.code == code
