"""Connections go to checked addresses only."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from holdfast.hostcalls import Fetcher
from holdfast.hostcalls.network.pinning import PinnedNetwork
from holdfast.world.types import HttpError
from tests.events.recording_server import RecordingServer
from tests.hostcalls.calling import FixedResolver, NoResolver
from tests.hostcalls.fake_network import OTHER_PUBLIC, PUBLIC, MappedNetwork, fetch, fetch_error, request


async def test_a_name_that_changes_its_address_after_the_check_still_connects_to_the_checked_one(application: RecordingServer) -> None:
    network = MappedNetwork().at(PUBLIC, application.port).at("127.0.0.1", application.port)
    resolver = FixedResolver().add("rebind.example.com", [PUBLIC], ["127.0.0.1"])
    fetcher = Fetcher(resolver=resolver, network=network)
    assert (await fetch(fetcher, request("http://rebind.example.com/"), "http://rebind.example.com")).status == 200
    assert resolver.lookups == ["rebind.example.com"]
    assert network.connected == [(PUBLIC, 80)]
    # The next fetch resolves again, gets the private address, and is denied: there is no connection of the first one to reuse.
    assert await fetch_error(fetcher, request("http://rebind.example.com/"), "http://rebind.example.com") is HttpError.NOT_ALLOWED
    assert network.connected == [(PUBLIC, 80)]
    assert len(application.requests) == 1


async def test_the_next_address_is_tried_when_one_does_not_respond(application: RecordingServer) -> None:
    network = MappedNetwork().at(OTHER_PUBLIC, application.port)
    fetcher = Fetcher(resolver=FixedResolver().add("two.example.com", [PUBLIC, OTHER_PUBLIC]), network=network)
    assert (await fetch(fetcher, request("http://two.example.com/"), "http://two.example.com")).status == 200
    assert network.connected == [(PUBLIC, 80), (OTHER_PUBLIC, 80)]


async def test_a_public_address_needs_no_resolver(application: RecordingServer) -> None:
    network = MappedNetwork().at(PUBLIC, application.port)
    fetcher = Fetcher(resolver=NoResolver(), network=network)
    assert (await fetch(fetcher, request(f"http://{PUBLIC}/"), f"http://{PUBLIC}")).status == 200


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.5"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%eth0"],
        [PUBLIC, "127.0.0.1"],
        ["10.0.0.5", PUBLIC],
        ["garbage"],
    ],
)
async def test_a_name_with_any_private_address_is_denied(addresses: list[str]) -> None:
    network = MappedNetwork()
    fetcher = Fetcher(resolver=FixedResolver().add("rebind.example.com", addresses), network=network)
    assert await fetch_error(fetcher, request("https://rebind.example.com/"), "rebind.example.com") is HttpError.NOT_ALLOWED
    assert network.connected == []


async def test_without_an_address_or_by_a_local_socket_there_is_no_connection() -> None:
    network = PinnedNetwork([], MappedNetwork())
    with pytest.raises(httpcore2.ConnectError):
        await network.connect_tcp("example.com", 80)
    with pytest.raises(httpcore2.ConnectError):
        await network.connect_unix_socket("/run/some.sock")


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for a name, as (certificate, key) files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@contextlib.asynccontextmanager
async def tls_server(cert: Path, key: Path) -> AsyncIterator[tuple[int, list[str | None]]]:
    """Responds with 200 to every request. Yields its port and the TLS names that clients requested."""
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], names
    finally:
        server.close()


async def test_tls_verifies_the_name_and_not_the_address(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "api.example.com")
    trust = ssl.create_default_context(cafile=str(cert))
    async with tls_server(cert, key) as (port, names):
        resolver = FixedResolver().add("api.example.com", [PUBLIC]).add("other.example.com", [PUBLIC])
        fetcher = Fetcher(resolver=resolver, network=MappedNetwork().at(PUBLIC, port), ssl_context=trust)
        assert (await fetch(fetcher, request("https://api.example.com/"), "api.example.com")).body == b"ok"
        assert names == ["api.example.com"]
        assert await fetch_error(fetcher, request("https://other.example.com/"), "other.example.com") is HttpError.TRANSPORT


async def test_an_untrusted_certificate_is_rejected(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "api.example.com")
    async with tls_server(cert, key) as (port, _):
        fetcher = Fetcher(resolver=FixedResolver().add("api.example.com", [PUBLIC]), network=MappedNetwork().at(PUBLIC, port))
        assert await fetch_error(fetcher, request("https://api.example.com/"), "api.example.com") is HttpError.TRANSPORT
