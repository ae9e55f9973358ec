"""A store that is slow, down or broken: requests are retried while that can help, then a clear error without secrets is raised."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.open_store import open_store
from holdfast.bundles.store.protocol import BundleStore
from holdfast.bundles.store.retry import RetryPolicy
from holdfast.settings import Settings
from tests.bundles.loopback import Request, head, in_sequence, respond_with, serving, silence
from tests.waiting import MAX_WAIT_SECONDS

KEY = "tenants/t/extensions/e/sha256/x/bundle.tar.zst"
ACCESS, SECRET = "AccessKeyOfTheTest", "SecretKeyOfTheTest"
PRIVATE_WORDS = "internal details of the server"
# Short pauses, but generous time limits: a busy machine must not turn a slow response into a failure.
_GENEROUS = dict.fromkeys(("connect", "idle", "reading", "writing"), MAX_WAIT_SECONDS)
QUICK = RetryPolicy(**_GENEROUS, attempts=3, first_pause=0.001, longest_pause=0.002)
IMPATIENT = RetryPolicy(**{**_GENEROUS, "idle": 0.05}, attempts=2, first_pause=0.001, longest_pause=0.001)

Opened = Callable[..., BundleStore]


@pytest.fixture(params=["http", "s3"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """`opened(origin)` opens the store in `extensions` of that server: with credentials an S3 store, else a plain one."""
    keys = {"s3_access_key": ACCESS, "s3_secret_key": SECRET} if request.param == "s3" else {}

    def make(origin: str, retry_policy: RetryPolicy = QUICK) -> BundleStore:
        return open_store(Settings(bundle_store_base=f"{origin}/extensions", **keys), retry_policy)

    return make


async def read(store: BundleStore) -> bytes:
    return b"".join([piece async for piece in store.get(KEY)])


async def unavailable(store: BundleStore, origin: str) -> BundleStoreUnavailable:
    """The error of a read. Checks that it names the server, has a hint, and contains no secret."""
    with pytest.raises(BundleStoreUnavailable) as caught:
        await read(store)
    assert origin in caught.value.message
    assert caught.value.hint is not None
    for secret in (ACCESS, SECRET, PRIVATE_WORDS, "X-Amz", "Signature="):
        assert secret not in str(caught.value)
    return caught.value


async def test_a_busy_store_is_tried_again(opened: Opened) -> None:
    script = in_sequence(respond_with(503, b"busy"), respond_with(429), respond_with(200, b"content"))
    async with serving(script) as server:
        assert await read(opened(server.origin)) == b"content"
        assert len(server.requests) == 3


async def test_a_store_that_stays_broken_fails_after_the_last_attempt(opened: Opened) -> None:
    async with serving(respond_with(503, PRIVATE_WORDS.encode())) as server:
        assert "status 503" in (await unavailable(opened(server.origin), server.origin)).message
        assert len(server.requests) == QUICK.attempts


async def test_exists_is_tried_again_too(opened: Opened) -> None:
    async with serving(in_sequence(respond_with(500), respond_with(200))) as server:
        assert await opened(server.origin).exists(KEY)
    async with serving(respond_with(500)) as server:
        with pytest.raises(BundleStoreUnavailable, match="status 500"):
            await opened(server.origin).exists(KEY)
        assert len(server.requests) == QUICK.attempts


async def test_a_check_does_not_try_again(opened: Opened) -> None:
    async with serving(respond_with(503)) as server:
        with pytest.raises(BundleStoreUnavailable, match="status 503"):
            await opened(server.origin).check()
        assert len(server.requests) == 1


async def test_a_server_that_does_not_run_is_reported(opened: Opened) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        assert "no connection" in (await unavailable(opened(origin), origin)).message
        with pytest.raises(BundleStoreUnavailable, match="no connection"):
            await opened(origin).check()


async def test_a_server_that_never_responds_fails_at_the_idle_limit(opened: Opened) -> None:
    async with serving(silence) as server:
        assert "no data for 0.05 s" in (await unavailable(opened(server.origin, IMPATIENT), server.origin)).message
        with pytest.raises(BundleStoreUnavailable, match=r"no data for 0\.05 s"):
            await opened(server.origin, IMPATIENT).check()


async def test_a_server_that_sends_slowly_fails_at_the_limit_of_the_whole_read(opened: Opened) -> None:
    async def drip(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200))
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.005)

    async with serving(drip) as server:
        store = opened(server.origin, RetryPolicy(idle=MAX_WAIT_SECONDS, reading=0.1))
        assert "longer than 0.1 s" in (await unavailable(store, server.origin)).message


async def test_a_read_that_fails_before_the_first_piece_is_retried(opened: Opened) -> None:
    async def half(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, length=10) + b"12345")

    async with serving(in_sequence(half, respond_with(200, b"1234567890"))) as server:
        assert await read(opened(server.origin)) == b"1234567890"
    async with serving(half) as server:
        assert "was interrupted" in (await unavailable(opened(server.origin), server.origin)).message
        assert len(server.requests) == QUICK.attempts


async def test_a_read_that_fails_after_the_first_piece_is_reported(opened: Opened) -> None:
    async def half(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, length=4 * 1024 * 1024) + bytes(2 * 1024 * 1024))

    async with serving(half) as server:
        assert "was interrupted" in (await unavailable(opened(server.origin), server.origin)).message
        assert len(server.requests) == 1


async def test_a_server_that_does_not_speak_http_is_reported(opened: Opened) -> None:
    async def noise(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 this is something else\r\n")

    async with serving(noise) as server:
        await unavailable(opened(server.origin), server.origin)


@pytest.mark.parametrize("status", [401, 403])
async def test_rejected_credentials_are_reported_and_not_tried_again(opened: Opened, status: int) -> None:
    async with serving(respond_with(status, PRIVATE_WORDS.encode())) as server:
        refused = await unavailable(opened(server.origin), server.origin)
        assert f"status {status}" in refused.message
        assert refused.hint is not None and "S3_ACCESS_KEY" in refused.hint and "MINIO_SECRET_KEY" in refused.hint
        with pytest.raises(BundleStoreUnavailable):
            await opened(server.origin).exists(KEY)
        assert len(server.requests) == 2


async def test_a_missing_object_is_not_requested_again(opened: Opened) -> None:
    async with serving(respond_with(404, PRIVATE_WORDS.encode())) as server:
        with pytest.raises(BundleNotFound):
            await read(opened(server.origin))
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(opened: Opened, status: int) -> None:
    async with (
        serving(respond_with(200, b"elsewhere")) as elsewhere,
        serving(respond_with(status, b"", f"Location: {elsewhere.origin}/extensions/{KEY}")) as server,
    ):
        assert "redirect" in (await unavailable(opened(server.origin), server.origin)).message
        assert elsewhere.requests == []


@pytest.mark.parametrize("status", [204, 206, 400, 418])
async def test_an_unexpected_status_is_an_error_and_not_the_bundle(opened: Opened, status: int) -> None:
    async with serving(respond_with(status, b"" if status == 204 else PRIVATE_WORDS.encode())) as server:
        assert f"status {status}" in (await unavailable(opened(server.origin), server.origin)).message


async def test_an_endless_explanation_of_an_error_is_not_read(opened: Opened) -> None:
    async def endless(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(400))
        while True:
            writer.write(bytes(64 * 1024))
            await writer.drain()

    async with serving(endless) as server:
        assert "status 400" in (await unavailable(opened(server.origin), server.origin)).message


async def test_what_is_stored_packed_comes_as_it_is(opened: Opened) -> None:
    async with serving(respond_with(200, b"these are not gzip's bytes", "Content-Encoding: gzip")) as server:
        assert await read(opened(server.origin)) == b"these are not gzip's bytes"
        assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_proxies_of_the_environment_are_not_used(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(respond_with(200, b"from the proxy")) as proxy, serving(respond_with(200, b"content")) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
            monkeypatch.setenv(name.lower(), proxy.origin)
        assert await read(opened(server.origin)) == b"content"
        assert proxy.requests == []


async def test_an_untrusted_certificate_is_rejected_and_a_trusted_one_accepted(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, context = _certificate(tmp_path)
    async with serving(respond_with(200, b"content"), tls=context) as server:
        assert "certificate is not trusted" in (await unavailable(opened(server.origin), server.origin)).message
        assert server.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await read(opened(server.origin)) == b"content"


async def test_an_upload_is_tried_again_from_its_beginning(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 8192)
    async with serving(in_sequence(respond_with(500), respond_with(503), respond_with(200))) as server:
        store = open_store(_signed(server.origin), QUICK)
        await store.put(KEY, source)
        assert [request.body for request in server.requests] == [source.read_bytes()] * 3
        assert "transfer-encoding" not in server.requests[0].headers


async def test_a_rejected_upload_and_a_rejected_removal_are_reported(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    async with serving(respond_with(403, PRIVATE_WORDS.encode())) as server:
        store = open_store(_signed(server.origin), QUICK)
        with pytest.raises(BundleStoreUnavailable, match="rejects its credentials"):
            await store.put(KEY, source)
        with pytest.raises(BundleStoreUnavailable, match="rejects its credentials"):
            await store.delete(KEY)
        assert [request.method for request in server.requests] == ["PUT", "DELETE"]


@pytest.mark.parametrize("status", [200, 301, 401, 403, 404, 405])
async def test_a_web_server_that_denies_its_root_passes_the_check(status: int) -> None:
    async with serving(respond_with(status)) as server:
        await open_store(Settings(bundle_store_base=f"{server.origin}/extensions/"), QUICK).check()
        assert [(request.method, request.target) for request in server.requests] == [("HEAD", "/extensions")]


def _signed(origin: str) -> Settings:
    return Settings(bundle_store_base=f"{origin}/extensions", s3_access_key=ACCESS, s3_secret_key=SECRET)


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that signs itself, and the context of a server that shows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    return certificate, context
