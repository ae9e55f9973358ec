"""UN-19 to UN-33: how the registry validates a page, how files are served, and which paths are valid. Numbers as in section 7.3."""

from __future__ import annotations

import asyncio

import pytest

from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.settings import Settings
from tests.cli.command_runner import run
from tests.contract.conftest import Start
from tests.contract.running import PAGES, Registry, Running
from tests.runner.conftest import EXTENSION, TENANT


@pytest.fixture
async def runner_without_expiry(start: Start, registry: Registry) -> Running:
    """A runner whose cached results never expire, however slow this machine is: its clock stands still."""
    return await start(validator=InstallValidator(registry.server.url, {"x-api-key": "key"}, now=lambda: 0.0))


async def test_un_19_a_result_is_cached_for_its_tenant_extension_and_hash(runner_without_expiry: Running) -> None:
    """The original joins the three with colons. Here they stay separate, and an id must not contain a colon."""
    runner = runner_without_expiry
    digest, other = runner.put(PAGES), runner.put(PAGES | {"ui/x.js": b"1"})
    for _ in range(2):
        assert (await runner.page(digest)).status_code == 200
    assert len(runner.registry.questions()) == 1
    assert (await runner.page(digest, tenant="tenant-b")).status_code == 404
    assert (await runner.page(other)).status_code == 200
    assert [(question["tenant"], question["hash"]) for question in runner.registry.questions()] == [
        (TENANT, f"sha256:{digest}"),
        ("tenant-b", f"sha256:{digest}"),
        (TENANT, f"sha256:{other}"),
    ]
    runner.registry.installed |= {"a:b", "a"}
    for tenant, extension in (("a:b", "c"), ("a", "b:c")):
        address = f"/ext-ui/{extension}/sha256:{digest}/index.html?tenant={tenant}"
        assert (await runner.client.get(address)).status_code == 404


async def test_un_20_one_client_sends_all_requests(runner_without_expiry: Running) -> None:
    """The original shares a trait object. Here a process has one client of the registry, which a test may replace; requests for the same
    key at the same time share one lookup."""
    digest = runner_without_expiry.put(PAGES)
    responses = await asyncio.gather(*(runner_without_expiry.page(digest) for _ in range(20)))
    assert {response.status_code for response in responses} == {200}
    assert runner_without_expiry.registry.questions() == [{"tenant": TENANT, "extension": EXTENSION, "hash": f"sha256:{digest}"}]


async def test_un_21_the_etag_identifies_the_content(start: Start) -> None:
    runner = await start()
    digest = runner.put(PAGES)
    first, second = [(await runner.page(digest, "assets/app.js")).headers["etag"] for _ in range(2)]
    elsewhere = (await (await start()).page(digest, "assets/app.js")).headers["etag"]
    assert first == second == elsewhere
    assert first.startswith('"sha256-') and first.endswith('"')


def test_un_22_the_largest_file_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In the original, a value that is not a number silently means no limit. Here the start fails with an error that names it."""
    variable = "EXT_STATIC_MAX_FILE_BYTES"
    monkeypatch.delenv(variable, raising=False)
    assert Settings(_env_file=None).static_max_file_bytes is None
    monkeypatch.setenv(variable, "1000")
    assert Settings(_env_file=None).static_max_file_bytes == 1000
    folder = tmp_path_factory.mktemp("start")
    ended = run("runner", "--port", "0", cwd=folder, RUNNER_SERVICE_TOKEN="t", **{variable: "not-a-number"})
    assert ended.returncode != 0
    assert variable in ended.stderr and "Traceback" not in ended.stderr


async def test_un_23_a_file_beyond_the_size_limit_is_rejected(start: Start) -> None:
    """The status is 413 in both. The original adds the text `payload too large`; here the code is `asset_too_large`."""
    pages = {"ui/index.html": b"0123456789"}
    large_enough = await start(static_max_file_bytes=20)
    digest = large_enough.put(pages)
    assert (await large_enough.page(digest)).content == b"0123456789"
    response = await (await start(static_max_file_bytes=5)).page(digest)
    assert (response.status_code, response.json()["code"]) == (413, "asset_too_large")


async def test_un_24_the_type_follows_the_name(lenient: Running) -> None:
    """A file without an extension is served as octet-stream. Paths with an unknown extension are rejected (UN-30)."""
    kinds = {
        "index.html": "text/html",
        "app.js": "text/javascript",
        "styles.css": "text/css",
        "data.json": "application/json",
        "image.svg": "image/svg+xml",
        "image.png": "image/png",
        "font.woff2": "font/woff2",
        "LICENSE": "application/octet-stream",
    }
    digest = lenient.put({f"ui/{name}": b"content" for name in kinds})
    served = {name: (await lenient.page(digest, name)).headers["content-type"].partition(";")[0] for name in kinds}
    assert served == kinds


@pytest.fixture
def pages(lenient: Running) -> str:
    """The hash of a bundle with files that no unusual path may reach."""
    names = ("index.html", "script.js", "data.json", "assets/img/logo.png", "etc/passwd", "bad.exe")
    return lenient.put({f"ui/{name}": name.encode() for name in names})


async def contents(runner: Running, digest: str, *tails: str) -> list[bytes]:
    responses = [await runner.page(digest, tail) for tail in tails]
    assert {response.status_code for response in responses} == {200}
    return [response.content for response in responses]


async def statuses(runner: Running, digest: str, *tails: str) -> set[int]:
    """The statuses for paths sent exactly as written here; no HTTP client would send them."""
    return {await runner.raw_page(digest, tail) for tail in tails}


async def test_un_25_an_empty_path_is_the_root(lenient: Running, pages: str) -> None:
    """In the original this address is 404, because its router requires at least one character."""
    assert await contents(lenient, pages, "") == [b"index.html"]


async def test_un_26_repeated_slashes_are_one(lenient: Running, pages: str) -> None:
    assert await contents(lenient, pages, "assets//img///logo.png") == [b"assets/img/logo.png"]


async def test_un_27_an_absolute_path_is_rejected(lenient: Running, pages: str) -> None:
    assert await statuses(lenient, pages, "/etc/passwd", "%2Fetc/passwd", "//etc/passwd") == {400}


async def test_un_28_segments_of_dots_are_rejected(lenient: Running, pages: str) -> None:
    assert await statuses(lenient, pages, "../x", "./x", "a/../b", "a/./b", "%2e%2e/x", "a/%2e/b") == {400}


async def test_un_29_hidden_segments_are_rejected(lenient: Running, pages: str) -> None:
    assert await statuses(lenient, pages, ".env", "assets/.secret/file.txt") == {400}


async def test_un_30_file_types_that_are_not_served_are_rejected(lenient: Running, pages: str) -> None:
    assert await contents(lenient, pages, "index.html", "script.js", "data.json") == [b"index.html", b"script.js", b"data.json"]
    assert await statuses(lenient, pages, "bad.exe", "file.") == {400}


async def test_un_31_names_without_extension_pass(lenient: Running, pages: str) -> None:
    """They are routes of the page, so the page itself is served."""
    assert await contents(lenient, pages, "assets", "assets/images") == [b"index.html", b"index.html"]


async def test_un_32_control_characters_are_rejected(lenient: Running, pages: str) -> None:
    assert await statuses(lenient, pages, "a%01b.js", "a%00b.js", "index.html%00", "a%7fb.js") == {400}


async def test_un_33_a_backslash_is_rejected(lenient: Running, pages: str) -> None:
    assert await statuses(lenient, pages, "a\\b.js", "a%5cb.js", "..\\secret.txt") == {400}
