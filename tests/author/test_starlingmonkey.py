"""Handlers on the engine StarlingMonkey: they answer as on QuickJS, in development and packed. The usual run builds one component."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from holdfast.author.errors import BuildFailed
from holdfast.author.options import GuestEngine
from holdfast.author.project import read_project
from holdfast.author.tools.toolchain import STARLINGMONKEY, Toolchain
from holdfast.engine import Engine
from tests.author.test_development import NOT_EQUAL, developed, packed, routes, run
from tests.sdk.test_web_standards import GROUPS
from tests.session.effort import repetitions

pytestmark = pytest.mark.slow

OTHER_RANDOM = {"/random"}
"""Each engine makes other numbers of the same random bytes."""
OTHER_REPORT = {"/unawaited", "/never", "/wrong-argument"}
"""Same response or failure; QuickJS has reports and frames that StarlingMonkey does not have."""


@pytest.fixture
async def engine(toolchain: Toolchain) -> AsyncIterator[Engine]:
    # Where the build has compiled the development component already: that takes 12 s of two cores.
    engine = Engine(toolchain.root / "artifacts", pool=False)
    yield engine
    await engine.close()


async def test_it_answers_as_quickjs(engine: Engine, built: Callable[[str], Path], built_for_starlingmonkey: Callable[..., Path]) -> None:
    one = await packed(engine, built("sdk-probe"))
    other = await developed(engine, built_for_starlingmonkey("sdk-probe", development=True))
    for url in routes("sdk-probe"):
        (expected, host), (outcome, other_host) = await run(engine, one, url), await run(engine, other, url)
        if url == "/never":
            assert outcome.failure is not None and "never settles" in outcome.failure.message
            continue
        assert outcome.failure is None and outcome.response is not None, (url, outcome.failure)
        if url not in OTHER_RANDOM | NOT_EQUAL:
            assert outcome.response == expected.response, url
        if url not in OTHER_REPORT:
            assert other_host == host, url


UNFOUND_PROPERTIES = {"a property that is put together"}
"""A property whose name the program computes has no table there: a SyntaxError that says so."""
INTL = ["dates", "numbers", "zones", "words", "order", "absent"]


@pytest.mark.parametrize(("project", "groups"), [("web-standards", [*GROUPS, "exact"]), ("intl", INTL)])
async def test_web_standards_are_those_of_quickjs(
    engine: Engine, built: Callable[[str], Path], built_for_starlingmonkey: Callable[..., Path], project: str, groups: list[str]
) -> None:
    one = await packed(engine, built(project))
    other = await developed(engine, built_for_starlingmonkey(project, development=True))
    for group in groups:
        answers = []
        for component in (one, other):
            outcome, _ = await run(engine, component, f"/cases?group={group}")
            assert outcome.response is not None and outcome.response.status == 200, (group, outcome.failure)
            answers.append(json.loads(outcome.response.body or b""))
        expected, found = answers
        assert expected, group
        assert found.keys() == expected.keys(), group
        differing = {name: (answer, expected[name]) for name, answer in found.items() if answer != expected[name]}
        assert differing.keys() == (UNFOUND_PROPERTIES if group == "text" else set()), differing
        assert all(answer == "throws SyntaxError" for answer, _ in differing.values())


REQUESTS = [
    "/response",
    "/stream",
    "/nothing",
    "/fetch",
    "/fetch-manual",
    "/request?a=1&a=2&b=%C3%BC+x&c",
    "/bad-header-name",
    "/bad-header-value",
]


async def test_requests_and_responses_are_those_of_quickjs(
    engine: Engine, built: Callable[[str], Path], built_for_starlingmonkey: Callable[..., Path]
) -> None:
    one = await packed(engine, built("web-standards"))
    other = await developed(engine, built_for_starlingmonkey("web-standards", development=True))
    for url in REQUESTS:
        expected, host = await run(engine, one, url, "POST", b"text")
        outcome, other_host = await run(engine, other, url, "POST", b"text")
        assert expected.response is not None and outcome.response == expected.response, url
        assert other_host.fetched == host.fetched, url


async def test_a_stack_has_the_lines_of_the_source(engine: Engine, built_for_starlingmonkey: Callable[..., Path]) -> None:
    component = await developed(engine, built_for_starlingmonkey("sdk-probe", development=True))
    _, host = await run(engine, component, "/wrong-argument")
    first, *frames = host.logs[0][1].splitlines()
    assert first == "TypeError: key must be text, not number"
    assert frames[0].startswith("    at ") and "(src/handler.ts:" in frames[0]


@pytest.mark.parametrize(
    ("kind", "levels"), [("frames", 5_000), ("constructors", 5_000), ("nested", 1_500), ("parse", 5_000), ("regexp", 200_000)]
)
async def test_deep_recursion_has_a_result(engine: Engine, built_for_starlingmonkey: Callable[..., Path], kind: str, levels: int) -> None:
    component = await developed(engine, built_for_starlingmonkey("engine-probe", development=True))
    outcome, _ = await run(engine, component, f"/deep/{kind}/{levels}")
    assert outcome.response is not None and json.loads(outcome.response.body or b"") == levels


@pytest.mark.parametrize("kind", ["frames", "constructors", "nested", "sorting", "stringify"])
async def test_deeper_recursion_is_a_range_error_that_the_handler_can_catch(
    engine: Engine, built_for_starlingmonkey: Callable[..., Path], kind: str
) -> None:
    component = await developed(engine, built_for_starlingmonkey("engine-probe", development=True))
    outcome, _ = await run(engine, component, f"/twice/{kind}/100000")
    assert outcome.response is not None, outcome.failure
    assert json.loads(outcome.response.body or b"") == ["RangeError true", "RangeError true", 1_000]


@pytest.mark.skipif(not repetitions(0, long=1), reason="builds and compiles 12 MB more: HOLDFAST_TEST_LONG=1")
@pytest.mark.parametrize("project", ["sdk-probe", "web-standards", "intl"])
async def test_the_packed_component_answers_as_the_one_in_development(
    engine: Engine, built_for_starlingmonkey: Callable[..., Path], project: str
) -> None:
    groups = {"sdk-probe": [], "web-standards": [*GROUPS, "exact"], "intl": INTL}[project]
    urls = [f"/cases?group={group}" for group in groups] or routes(project)
    one = await packed(engine, built_for_starlingmonkey(project))
    other = await developed(engine, built_for_starlingmonkey(project, development=True))
    for url in urls:
        (expected, host), (outcome, other_host) = await run(engine, one, url), await run(engine, other, url)
        assert outcome.response == expected.response, url
        assert other_host == host, url


def test_every_package_is_pinned_by_version_and_hash_without_a_host() -> None:
    package = json.loads((STARLINGMONKEY / "package.json").read_text())
    text = (STARLINGMONKEY / "package-lock.json").read_text()
    locked = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert {f"node_modules/{name}" for name in package["dependencies"]} <= locked.keys()
    assert all(entry["integrity"].startswith("sha512-") for entry in locked.values())
    assert "http" not in text


def test_its_packages_are_apart_from_those_that_every_project_needs(tmp_path: Path) -> None:
    toolchain = Toolchain(tmp_path)
    assert toolchain.engine_folder(GuestEngine.QUICKJS) == toolchain.folder
    assert toolchain.engine_folder(GuestEngine.STARLINGMONKEY).parent == toolchain.folder.parent
    assert toolchain.engine_folder(GuestEngine.STARLINGMONKEY) != toolchain.folder


@pytest.mark.parametrize(
    ("package", "chosen"),
    [
        ({}, None),
        ({"holdfast": {"engine": "starlingmonkey"}}, GuestEngine.STARLINGMONKEY),
        ({"holdfast": {"engine": "quickjs"}}, GuestEngine.QUICKJS),
    ],
)
def test_a_project_can_choose_its_engine(tmp_path: Path, package: dict[str, object], chosen: GuestEngine | None) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "com.example.notes", "version": "1.0.0", "runtime": "wasm-js@1"}')
    (tmp_path / "package.json").write_text(json.dumps(package))
    assert read_project(tmp_path).engine is chosen


def test_an_unknown_engine_is_refused_with_the_choices(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "com.example.notes", "version": "1.0.0", "runtime": "wasm-js@1"}')
    (tmp_path / "package.json").write_text('{"holdfast": {"engine": "v8"}}')
    with pytest.raises(BuildFailed, match="'v8'") as failed:
        _ = read_project(tmp_path).engine
    assert failed.value.hint == "Set it to quickjs or starlingmonkey, or remove it."
