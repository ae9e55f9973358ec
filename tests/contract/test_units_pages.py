"""UN-19 to UN-33: who is asked about a page, how its files are served, and which paths they may have. Numbers as in section 7.3."""

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
async def remembering(start: Start, registry: Registry) -> Running:
    """A runner that never forgets what the registry said, however slow this machine is."""
    return await start(validator=InstallValidator(registry.server.url, {"x-api-key": "key"}, now=lambda: 0.0))


async def test_un_19_a_result_is_cached_for_its_tenant_extension_and_hash(remembering: Running) -> None:
    """The original joins the three with colons. Here they stay apart, and an id with a colon is none."""
    runner = remembering
    digest, other = runner.put(PAGES), runner.put(PAGES | {"ui/x.js": b"1"})
    for _ in range(2):
        assert (await runner.page(digest)).status_code == 200
    assert len(runner.registry.questions()) == 1
    assert (await runner.page(digest, tenant="tenant-b")).status_code == 404
    assert (await runner.page(other)).status_code == 200
    assert [(asked["tenant"], asked["hash"]) for asked in runner.registry.questions()] == [
        (TENANT, f"sha256:{digest}"),
        ("tenant-b", f"sha256:{digest}"),
        (TENANT, f"sha256:{other}"),
    ]
    runner.registry.installed |= {"a:b", "a"}
    for tenant, extension in (("a:b", "c"), ("a", "b:c")):
        address = f"/ext-ui/{extension}/sha256:{digest}/index.html?tenant={tenant}"
        assert (await runner.client.get(address)).status_code == 404


async def test_un_20_one_client_sends_all_requests(remembering: Running) -> None:
    """A shared trait object there; here one client of the registry in a process, which a test may replace, and who asks what is being
    asked waits with the rest."""
    digest = remembering.put(PAGES)
    responses = await asyncio.gather(*(remembering.page(digest) for _ in range(20)))
    assert {response.status_code for response in responses} == {200}
    assert remembering.registry.questions() == [{"tenant": TENANT, "extension": EXTENSION, "hash": f"sha256:{digest}"}]


async def test_un_21_the_etag_identifies_the_content(start: Start) -> None:
    runner = await start()
    digest = runner.put(PAGES)
    first, second = [(await runner.page(digest, "assets/app.js")).headers["etag"] for _ in range(2)]
    elsewhere = (await (await start()).page(digest, "assets/app.js")).headers["etag"]
    assert first == second == elsewhere
    assert first.startswith('"sha256-') and first.endswith('"')


def test_un_22_the_largest_file_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A value that is no number means no limit there, which nobody notices. Here it is a sentence at start that names the variable."""
    variable = "EXT_STATIC_MAX_FILE_BYTES"
    monkeypatch.delenv(variable, raising=False)
    assert Settings(_env_file=None).static_max_file_bytes is None
    monkeypatch.setenv(variable, "1000")
    assert Settings(_env_file=None).static_max_file_bytes == 1000
    folder = tmp_path_factory.mktemp("start")
    refused = run("runner", "--port", "0", cwd=folder, RUNNER_SERVICE_TOKEN="t", **{variable: "not-a-number"})
    assert refused.returncode != 0
    assert variable in refused.stderr and "Traceback" not in refused.stderr


async def test_un_23_a_file_beyond_the_size_limit_is_rejected(start: Start) -> None:
    """The original says `payload too large`; the status is 413 in both, and here the code `asset_too_large`."""
    pages = {"ui/index.html": b"0123456789"}
    enough = await start(static_max_file_bytes=20)
    digest = enough.put(pages)
    assert (await enough.page(digest)).content == b"0123456789"
    response = await (await start(static_max_file_bytes=5)).page(digest)
    assert (response.status_code, response.json()["code"]) == (413, "asset_too_large")


async def test_un_24_the_type_follows_the_name(lenient: Running) -> None:
    """Of unknown extensions, only files without one reach a browser: the others are refused by the sanitiser (UN-30)."""
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
    """The hash of a bundle with files that nobody may reach by an odd path."""
    names = ("index.html", "script.js", "data.json", "assets/img/logo.png", "etc/passwd", "bad.exe")
    return lenient.put({f"ui/{name}": name.encode() for name in names})


async def found(runner: Running, digest: str, *tails: str) -> list[bytes]:
    responses = [await runner.page(digest, tail) for tail in tails]
    assert {response.status_code for response in responses} == {200}
    return [response.content for response in responses]


async def statuses(runner: Running, digest: str, *tails: str) -> set[int]:
    """The statuses of paths as they are written here, which no client would send."""
    return {await runner.raw_page(digest, tail) for tail in tails}


async def test_un_25_an_empty_path_is_the_root(lenient: Running, pages: str) -> None:
    """The address is 404 there, since the router wants one character at least."""
    assert await found(lenient, pages, "") == [b"index.html"]


async def test_un_26_repeated_slashes_are_one(lenient: Running, pages: str) -> None:
    assert await found(lenient, pages, "assets//img///logo.png") == [b"assets/img/logo.png"]


async def test_un_27_an_absolute_path_is_rejected(lenient: Running, pages: str) -> None:
    assert await statuses(lenient, pages, "/etc/passwd", "%2Fetc/passwd", "//etc/passwd") == {400}


async def test_un_28_segments_of_dots_are_rejected(lenient: Running, pages: str) -> None:
    assert await statuses(lenient, pages, "../x", "./x", "a/../b", "a/./b", "%2e%2e/x", "a/%2e/b") == {400}


async def test_un_29_hidden_segments_are_rejected(lenient: Running, pages: str) -> None:
    assert await statuses(lenient, pages, ".env", "assets/.secret/file.txt") == {400}


async def test_un_30_file_types_that_are_not_served_are_rejected(lenient: Running, pages: str) -> None:
    assert await found(lenient, pages, "index.html", "script.js", "data.json") == [b"index.html", b"script.js", b"data.json"]
    assert await statuses(lenient, pages, "bad.exe", "file.") == {400}


async def test_un_31_names_without_extension_pass(lenient: Running, pages: str) -> None:
    """They are routes of the page, which decides what it shows."""
    assert await found(lenient, pages, "assets", "assets/images") == [b"index.html", b"index.html"]


async def test_un_32_control_characters_are_rejected(lenient: Running, pages: str) -> None:
    assert await statuses(lenient, pages, "a%01b.js", "a%00b.js", "index.html%00", "a%7fb.js") == {400}


async def test_un_33_a_backslash_is_rejected(lenient: Running, pages: str) -> None:
    assert await statuses(lenient, pages, "a\\b.js", "a%5cb.js", "..\\secret.txt") == {400}
