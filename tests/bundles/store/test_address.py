"""The parts of BUNDLE_STORE_BASE."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.bundles.store.address import FolderAddress, HttpAddress, S3Address, object_url, parse_store_address
from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.keys import bundle_key

KEY = bundle_key("t", "e", "ab" * 32)


@pytest.mark.parametrize("base", ["http://store:4569/extensions", "http://store:4569/extensions/"])
@pytest.mark.parametrize("key", [KEY, f"/{KEY}"])
def test_base_and_key_meet_in_one_slash_and_the_bucket_stays(base: str, key: str) -> None:
    assert object_url(base, key) == f"http://store:4569/extensions/{KEY}"


@pytest.mark.parametrize(
    ("location", "endpoint", "bucket", "prefix"),
    [
        ("http://localhost:4569/extensions", "http://localhost:4569", "extensions", ""),
        ("http://localhost:4569/extensions/", "http://localhost:4569", "extensions", ""),
        ("https://s3.example.com/extensions/of/2026/", "https://s3.example.com", "extensions", "of/2026"),
        ("HTTP://[::1]:9000/b.u-c_k", "http://[::1]:9000", "b.u-c_k", ""),
        (" http://localhost:4569/extensions\n", "http://localhost:4569", "extensions", ""),
    ],
)
def test_with_credentials_the_first_segment_is_the_bucket_and_the_rest_the_prefix(
    location: str, endpoint: str, bucket: str, prefix: str
) -> None:
    address = parse_store_address(location, signed=True)
    assert address == S3Address(endpoint, bucket, prefix)


def test_the_key_in_the_bucket_is_the_prefix_and_the_key() -> None:
    bare, prefixed = (parse_store_address(f"http://store/extensions{prefix}", signed=True) for prefix in ("", "/a/b/"))
    assert isinstance(bare, S3Address) and isinstance(prefixed, S3Address)
    assert (bare.object_key(KEY), bare.url(KEY)) == (KEY, f"http://store/extensions/{KEY}")
    assert (prefixed.object_key(KEY), prefixed.url(KEY)) == (f"a/b/{KEY}", f"http://store/extensions/a/b/{KEY}")


@pytest.mark.parametrize(
    ("location", "base"),
    [
        ("http://localhost:4569", "http://localhost:4569"),
        ("http://localhost:4569/", "http://localhost:4569"),
        ("http://localhost:4569/extensions/", "http://localhost:4569/extensions"),
        ("https://example.com/a%20b/c~d", "https://example.com/a%20b/c~d"),
    ],
)
def test_without_credentials_the_whole_path_stays_before_the_key(location: str, base: str) -> None:
    address = parse_store_address(location, signed=False)
    assert address == HttpAddress(base)
    assert address.url(KEY) == f"{base}/{KEY}"
    assert address.origin == base.removesuffix("/extensions").removesuffix("/a%20b/c~d")


def test_an_s3_url_is_at_amazon_or_at_the_endpoint_that_is_set() -> None:
    assert parse_store_address("s3://bucket/a/b", signed=True, region="eu-central-1") == S3Address(
        "https://s3.eu-central-1.amazonaws.com", "bucket", "a/b"
    )
    assert parse_store_address("s3://bucket", signed=True, endpoint="http://localhost:4569/") == S3Address(
        "http://localhost:4569", "bucket"
    )


def test_an_http_url_is_not_moved_by_an_endpoint() -> None:
    assert parse_store_address("http://here/bucket", signed=True, endpoint="http://there") == S3Address("http://here", "bucket")


@pytest.mark.parametrize(
    ("location", "path"),
    [("bundles", "bundles"), ("/srv/a b", "/srv/a b"), ("file:///srv/a%20b", "/srv/a b"), ("file://localhost/srv", "/srv")],
)
@pytest.mark.parametrize("signed", [True, False])
def test_everything_without_a_scheme_and_every_file_url_is_a_folder(location: str, path: str, signed: bool) -> None:
    assert parse_store_address(location, signed=signed) == FolderAddress(Path(path))


@pytest.mark.parametrize("location", ["http://localhost:4569", "http://localhost:4569/", "s3://", "s3:///x"])
def test_a_server_without_a_bucket_is_rejected_with_a_hint(location: str) -> None:
    with pytest.raises(BundleStoreUnavailable, match="no bucket") as caught:
        parse_store_address(location, signed=True)
    assert "http://localhost:4569/extensions" in str(caught.value)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    ("location", "what"),
    [
        ("http://name:hush@host/bucket", "a user name or a password"),
        ("https://hush@host/bucket", "a user name or a password"),
        ("s3://name:hush@bucket", "a user name or a password"),
        ("http://host/bucket?token=hush", "a query or a fragment"),
        ("http://host/bucket#hush", "a query or a fragment"),
        ("http://host/bucket?", "a query or a fragment"),
        ("http://host/bucket/../hush", "'.' or '..'"),
        ("http://host/bucket/%2e%2E/hush", "'.' or '..'"),
        ("http://host/bucket//hush", "an empty segment"),
        ("http://host:hush/bucket", "not a valid address"),
        ("http://host:0/hush", "not a valid address"),
        ("http:///hush", "not a valid address"),
        ("http://[hush/bucket", "not a valid address"),
        ("http://host/hush bucket", "not a valid address"),
        ("http://host\\hush/bucket", "not a valid address"),
        ("http://host/hush\tbucket", "not a valid address"),
        ("ftp://host/hush", "scheme ftp://"),
        ("file://hush/x", "on this machine"),
        ("file://", "on this machine"),
    ],
)
def test_an_invalid_address_is_rejected_and_not_quoted(location: str, what: str, signed: bool) -> None:
    with pytest.raises(BundleStoreUnavailable) as caught:
        parse_store_address(location, signed=signed)
    assert what in caught.value.message
    assert caught.value.hint
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "location", ["http://host/buck%65t", "http://host/-bucket", "http://host/bucket/a b%20", "s3://bucket:1", "s3://b/.a"]
)
def test_an_ambiguous_bucket_or_prefix_is_rejected(location: str) -> None:
    with pytest.raises(BundleStoreUnavailable):
        parse_store_address(location, signed=True)


@pytest.mark.parametrize(
    ("region", "endpoint", "variable"),
    [
        ("eu central/1", None, "S3_REGION"),
        ("us-east-1", "http://a:hush@host", "S3_ENDPOINT"),
        ("us-east-1", "http://host/hush", "S3_ENDPOINT"),
    ],
)
def test_what_is_wrong_beside_the_base_is_named(region: str, endpoint: str | None, variable: str) -> None:
    with pytest.raises(BundleStoreUnavailable, match=variable) as caught:
        parse_store_address("s3://bucket", signed=True, region=region, endpoint=endpoint)
    assert "hush" not in str(caught.value)
