"""Addresses of frames, paths inside extensions, and targets after login."""

from __future__ import annotations

import pytest

from holdfast.console.urls import ConsoleUrlError, FrameBase, extension_path, local_target

HASH = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("/runner", "", "/runner"),
        ("/runner/", "", "/runner"),
        ("", "", ""),
        ("https://apps.example.com", "https://apps.example.com", ""),
        ("http://localhost:8085/x/y/", "http://localhost:8085", "/x/y"),
    ],
)
def test_a_base_is_parsed_with_or_without_origin(text: str, origin: str, path: str) -> None:
    assert FrameBase.parse(text) == FrameBase(origin, path)


@pytest.mark.parametrize("text", ["runner", "//host/x", "javascript:alert(1)", "/a b", "/a; script-src *", "https://u:p@host", "/x?y"])
def test_a_base_that_is_not_an_address_is_rejected(text: str) -> None:
    with pytest.raises(ConsoleUrlError, match="RUNNER_PUBLIC_BASE"):
        FrameBase.parse(text)


def test_the_document_address_encodes_its_parts() -> None:
    address = FrameBase.parse("/runner").document("a/b", HASH, path="/x?y=1&z", tenant_id="t 1")
    assert address == f"/runner/ext-ui/a%2Fb/{HASH.replace(':', '%3A')}/index.html?path=%2Fx%3Fy%3D1%26z&tenant=t+1&extensionId=a%2Fb"


@pytest.mark.parametrize("content_hash", ["", "sha256:", "0f" * 32, "sha256:" + "0g" * 32, HASH + "0", "md5:" + "0f" * 32])
def test_a_malformed_hash_is_rejected(content_hash: str) -> None:
    with pytest.raises(ConsoleUrlError, match="hash is malformed"):
        FrameBase.parse("/runner").folder("id", content_hash)


def test_a_frame_source_names_one_bundle_whatever_the_host_header_says() -> None:
    here = FrameBase.parse("/runner")
    assert here.frame_source("id", HASH, host="localhost:3000") == f"localhost:3000/runner/ext-ui/id/{HASH.replace(':', '%3A')}/"
    assert here.frame_source("id", HASH, host="a; script-src *") == "'self'"
    assert here.frame_source("id", HASH, host="[::1]:3000") == "'self'"
    there = FrameBase.parse("https://apps.example.com")
    assert there.frame_source("id", HASH, host="x") == f"https://apps.example.com/ext-ui/id/{HASH.replace(':', '%3A')}/"


@pytest.mark.parametrize("text", [None, "", "x", "//evil", "/\\evil", "\\\\evil", "https://evil", "/a\tb", "/a\nb", "/" + "a" * 2048])
def test_a_text_that_is_not_a_local_path_becomes_the_root(text: str | None) -> None:
    assert extension_path(text) == "/"
    assert local_target(text) == "/"


def test_local_paths_stay_as_they_are() -> None:
    assert extension_path("/orders/7?tab=a") == "/orders/7?tab=a"
    assert local_target("/msp/extensions/x/?path=/a") == "/msp/extensions/x/?path=/a"


@pytest.mark.parametrize("text", ["/login", "/login?next=/login", "/logout", "/login/"])
def test_login_never_redirects_to_login_or_logout(text: str) -> None:
    assert local_target(text) == "/"


@pytest.mark.parametrize(
    ("entry", "page"),
    [
        ("ui/index.html", "index.html"),
        ("ui/panel.html", "panel.html"),
        ("ui/a b/panel.html", "a%20b/panel.html"),
        ("ui/dist/panel.html", "panel.html"),
        ("dist/ui/panel.html", "panel.html"),
        ("panel.html", "index.html"),
    ],
)
def test_the_document_is_the_entry_of_the_manifest(entry: str, page: str) -> None:
    address = FrameBase.parse("/runner").document("a", HASH, path="/", tenant_id="t", entry=entry)
    assert address.partition("?")[0] == f"/runner/ext-ui/a/{HASH.replace(':', '%3A')}/{page}"
