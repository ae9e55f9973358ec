"""Addresses of Redis and connections to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis.exceptions import RedisError

from holdfast.events.redis.server import InvalidRedisUrl, RedisServer, reason
from tests.events.recording_server import free_port
from tests.events.redis_process import RedisProcess, redis_process

PASSWORD = "p@ss:w/rd%41 ü"
ENCODED = "p%40ss%3Aw%2Frd%2541%20%C3%BC"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:6379", "does not start with redis:// or rediss://"),
        ("unix:///run/redis.sock", "does not start with redis:// or rediss://"),
        ("127.0.0.1:6379", "does not start with redis:// or rediss://"),
        ("redis://:hidden@/0", "has no host"),
        ("redis://host:99999", "port between 1 and 65535"),
        ("redis://host:0", "port 0"),
        ("redis://host/name", "database that is not a number"),
        ("redis://host?surprise=1", "unknown option"),
        ("redis://host?db=x", "option with an invalid value"),
    ],
)
def test_an_invalid_url_is_rejected_with_the_name_of_its_variable(url: str, problem: str) -> None:
    with pytest.raises(InvalidRedisUrl) as error:
        RedisServer(url)
    assert "RUNNER_DEBUG_REDIS_URL" in str(error.value)
    assert problem in str(error.value)
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:hidden@Redis.example:7000/2?client_name=hidden", "redis://redis.example:7000/2"),
        ("rediss://:hidden@redis.example", "rediss://redis.example:6379"),
        ("redis://:hidden@[::1]", "redis://[::1]:6379"),
    ],
)
def test_str_returns_the_address_without_credentials(url: str, shown: str) -> None:
    assert str(RedisServer(url, "hidden")) == shown


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with redis_process(tmp_path_factory.mktemp("locked"), "--requirepass", PASSWORD) as process:
        yield process


async def can_ping(url: str, password: str | None = None) -> bool:
    client = RedisServer(url, password).client(connections=1)
    try:
        return bool(await client.ping())
    finally:
        await client.aclose()


async def test_a_password_with_special_characters_works_from_its_setting_and_from_the_url(locked: RedisProcess) -> None:
    assert await can_ping(locked.url, PASSWORD)
    assert await can_ping(f"redis://:{ENCODED}@127.0.0.1:{locked.port}")
    assert await can_ping(f"redis://default@127.0.0.1:{locked.port}", PASSWORD)


async def test_the_password_of_the_url_takes_precedence(locked: RedisProcess) -> None:
    assert await can_ping(f"redis://:{ENCODED}@127.0.0.1:{locked.port}", "not this one")


@pytest.mark.parametrize("password", [None, "wrong"])
async def test_a_wrong_password_is_rejected_and_the_reason_does_not_show_it(locked: RedisProcess, password: str | None) -> None:
    with pytest.raises(RedisError) as error:
        await can_ping(locked.url, password)
    assert reason(error.value) == "AuthenticationError"


async def test_a_reason_has_the_code_from_redis_and_no_address(redis: RedisProcess) -> None:
    client = RedisServer(redis.url).client(connections=1)
    await client.set("text", "1")
    with pytest.raises(RedisError) as error:
        await client.xlen("text")
    assert reason(error.value) == "ResponseError WRONGTYPE"
    await client.aclose()
    away = RedisServer(f"redis://127.0.0.1:{free_port()}").client(connections=1)
    with pytest.raises(RedisError) as failed:
        await away.ping()
    assert reason(failed.value) == "ConnectionError"
    await away.aclose()


async def test_rediss_is_tls_and_checks_the_certificate(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    options = ("--tls-cert-file", str(certificate), "--tls-key-file", str(tmp_path / "key.pem"), "--tls-auth-clients", "no")
    with redis_process(tmp_path, "--tls-port", str(port := free_port()), *options):
        assert await can_ping(f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}")
        with pytest.raises(RedisError):
            await can_ping(f"rediss://127.0.0.1:{port}")


def self_signed(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "cert.pem"
