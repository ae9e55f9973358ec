"""Requests to an S3-compatible server have a valid signature and follow the settings, whatever the environment contains."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]

from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.open_store import open_store
from holdfast.bundles.store.protocol import BundleStore
from holdfast.settings import Settings
from tests.bundles.loopback import Loopback, Request, Script, respond_with, serving
from tests.bundles.s3_server import make_bucket

ACCESS, SECRET, REGION = "AccessKeyOfTheTest", "SecretKeyOfTheTest", "eu-test-1"


def signature(request: Request, origin: str) -> str:
    """The signature that the request ought to carry, by another implementation than the one it was made with."""
    parts = urlsplit(request.target)
    fields = dict(parse_qsl(parts.query, keep_blank_values=True))
    del fields["X-Amz-Signature"]
    expected = AWSRequest(method=request.method, url=f"{origin}{parts.path}?{urlencode(fields)}", headers={"host": request.headers["host"]})
    expected.context["timestamp"] = fields["X-Amz-Date"]
    auth = S3SigV4QueryAuth(Credentials(ACCESS, SECRET), "s3", REGION)
    found = auth.signature(auth.string_to_sign(expected, auth.canonical_request(expected)), expected)
    assert isinstance(found, str)
    return found


def respond_to_errors(server: list[Loopback], content: bytes = b"content") -> Script:
    """Responds as S3 servers do: only to a known access key and a valid signature."""

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        fields = dict(parse_qsl(urlsplit(request.target).query))
        if not fields.get("X-Amz-Credential", "").startswith(f"{ACCESS}/"):
            response = respond_with(403, error("InvalidAccessKeyId"))
        elif fields["X-Amz-Signature"] != signature(request, server[0].origin):
            response = respond_with(403, error("SignatureDoesNotMatch"))
        else:
            response = respond_with(204 if request.method == "DELETE" else 200, b"" if request.method == "DELETE" else content)
        await response(request, writer)

    return script


def error(code: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>words of the server</Message></Error>'.encode()


def opened(base: str, access: str = ACCESS, secret: str = SECRET) -> BundleStore:
    return open_store(Settings(bundle_store_base=base, s3_access_key=access, s3_secret_key=secret, s3_region=REGION))


async def read(store: BundleStore, key: str = "a/b.tar.zst") -> bytes:
    return b"".join([piece async for piece in store.get(key)])


async def use_all(store: BundleStore, folder: Path) -> None:
    (folder / "source").write_bytes(b"x")
    await store.check()
    await store.put("a/b.tar.zst", folder / "source")
    assert await store.exists("a/b.tar.zst")
    assert await read(store) == b"content"
    await store.delete("a/b.tar.zst")


@pytest.mark.parametrize("path", ["/extensions", "/extensions/a/prefix"])
async def test_every_request_is_signed_rightly_and_addressed_by_path(tmp_path: Path, path: str) -> None:
    running: list[Loopback] = []
    async with serving(respond_to_errors(running)) as server:
        running.append(server)
        await use_all(opened(f"{server.origin}{path}"), tmp_path)
        expected = [(request.method, request.target.partition("?")[0]) for request in server.requests]
        place = f"{path}/a/b.tar.zst"
        assert expected == [("GET", f"{path}/healthz"), ("PUT", place), ("HEAD", place), ("GET", place), ("DELETE", place)]
        assert all("authorization" not in request.headers for request in server.requests)
        assert SECRET not in str(server.requests)


async def test_variables_of_other_programs_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "other",
        "AWS_SECRET_ACCESS_KEY": "other",
        "AWS_SESSION_TOKEN": "other",
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_BUCKET": "other",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_REQUEST_PAYER": "true",
        "AWS_S3_EXPRESS": "true",
        "AWS_UNSIGNED_PAYLOAD": "false",
        "AWS_CHECKSUM_ALGORITHM": "sha256",
        "AWS_SERVER_SIDE_ENCRYPTION": "AES256",
        "AWS_ROLE_ARN": "arn:aws:iam::1:role/other",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    running: list[Loopback] = []
    async with serving(respond_to_errors(running)) as server:
        running.append(server)
        await use_all(opened(f"{server.origin}/extensions"), tmp_path)


@pytest.mark.parametrize(("access", "secret"), [("another", SECRET), (ACCESS, "another")])
async def test_wrong_credentials_are_reported_and_never_shown(tmp_path: Path, access: str, secret: str) -> None:
    (tmp_path / "source").write_bytes(b"x")
    running: list[Loopback] = []
    async with serving(respond_to_errors(running)) as server:
        running.append(server)
        store = opened(f"{server.origin}/extensions", access, secret)
        for work in (
            lambda: read(store),
            lambda: store.exists("a"),
            lambda: store.put("a", tmp_path / "source"),
            lambda: store.delete("a"),
            store.check,
        ):
            with pytest.raises(BundleStoreUnavailable, match=f"{server.origin}/extensions rejects its credentials") as caught:
                await work()
            assert "S3_SECRET_KEY" in str(caught.value)
            for hidden in ("another", ACCESS, SECRET, "words of the server", "X-Amz"):
                assert hidden not in str(caught.value)
        assert len(server.requests) == 5
        assert "another" not in repr(vars(store))


async def test_a_missing_bucket_is_reported(s3_origin: str, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x")
    store = opened(f"{s3_origin}/no-such-bucket")
    for work in (lambda: read(store), lambda: store.put("a", tmp_path / "source"), lambda: store.delete("a"), store.check):
        with pytest.raises(BundleStoreUnavailable, match=f"{s3_origin}/no-such-bucket has no such bucket"):
            await work()


async def test_stores_with_different_prefixes_share_a_bucket_without_conflict(s3_origin: str, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"content")
    base = make_bucket(s3_origin, "shared")
    await opened(f"{base}/one").put("a", tmp_path / "source")
    assert await read(opened(base), "one/a") == b"content"
    with pytest.raises(BundleNotFound):
        await read(opened(f"{base}/two"), "a")


@pytest.mark.parametrize(
    "response", [respond_with(404, error("NoSuchKey")), respond_with(404), respond_with(403, error("AccessDenied")), respond_with(200)]
)
async def test_a_store_whose_credentials_cannot_list_it_passes_the_check(response: Script) -> None:
    async with serving(response) as server:
        await opened(f"{server.origin}/extensions").check()


@pytest.mark.parametrize("response", [respond_with(403), respond_with(400, error("AuthorizationHeaderMalformed")), respond_with(301)])
async def test_a_store_with_any_other_error_fails_the_check(response: Script) -> None:
    async with serving(response) as server:
        with pytest.raises(BundleStoreUnavailable, match="S3_REGION"):
            await opened(f"{server.origin}/extensions").check()
