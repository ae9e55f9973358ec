"""TLS: the server must have a certificate for its name from an authority that the system trusts."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from holdfast.http.client import HttpClient, NotSent, TcpAddress
from holdfast.http.tls import system_tls_context, tls_context_for
from tests.waiting import MAX_WAIT_SECONDS


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """A server that responds once to each connection."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))

    async def until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await respond(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    async with await asyncio.start_server(until_closed, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))


async def request(port: int, host: str = "127.0.0.1") -> list[bytes]:
    client = HttpClient(TcpAddress(host, port, tls=True))
    try:
        return [(await client.request("GET", "/", {}, b"", timeout=MAX_WAIT_SECONDS, max_bytes=10)).body for _ in range(2)]
    finally:
        await client.close()


@pytest.mark.usefixtures("trusted")
async def test_a_trusted_server_responds_and_its_connection_is_kept(port: int) -> None:
    assert await request(port) == [b"ok", b"ok"]


async def test_an_authority_that_the_system_does_not_trust_is_no_connection(port: int) -> None:
    with pytest.raises(NotSent):
        await request(port)


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_for_another_name_is_no_connection(port: int) -> None:
    with pytest.raises(NotSent):
        await request(port, "localhost")


def test_clients_share_one_context_for_each_set_of_trusted_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = system_tls_context()
    assert system_tls_context() is first
    certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    other = system_tls_context()
    assert other is not first
    assert len(other.get_ca_certs()) == 1
    assert first.verify_mode == ssl.CERT_REQUIRED and first.check_hostname


def test_a_client_of_this_machine_reads_no_certificates_and_accepts_none() -> None:
    context = tls_context_for(["http://127.0.0.1:3000", "http://[::1]:8085/prefix"])
    assert context.cert_store_stats()["x509"] == 0
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert tls_context_for(["http://127.0.0.1:3000", "https://runner.example.com"]) is system_tls_context()
    assert tls_context_for(["HTTPS://runner.example.com"]) is system_tls_context()
