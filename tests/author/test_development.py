"""A handler built for `holdfast dev` answers as the packed one. What fails while its modules load fails the build, with its line."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from holdfast.author.building.build import build
from holdfast.author.building.session import BuildSession
from holdfast.author.errors import BuildFailed
from holdfast.author.options import BuildOptions
from holdfast.author.tools.toolchain import Toolchain
from holdfast.bundles.archive.packing import pack
from holdfast.bundles.store.hashing import hash_file
from holdfast.engine import Component, Engine, Limits, Outcome
from holdfast.world import types as t
from tests.sdk.guest_host import CONTEXT, MemoryHost
from tests.sdk.test_web_standards import GROUPS

ARTIFACTS = Path(__file__).parents[2] / "build" / "test-artifacts"
PROBES = Path(__file__).parents[1] / "extensions"
DEVELOPMENT = BuildOptions(development=True)
NOT_EQUAL = {"/loaded"}
"""Shows when the module was evaluated: once at build time, but in each call of a development component."""


class FixedSources:
    """Clocks and randomness that are equal in every call."""

    def __init__(self) -> None:
        self._now = 0

    def wall_clock_ns(self) -> int:
        return 1_800_000_000_000_000_000 + self._now

    def monotonic_ns(self) -> int:
        self._now += 1_000_000
        return self._now

    def random_bytes(self, count: int) -> bytes:
        return bytes(index * 37 % 251 for index in range(count))

    async def wait(self, nanoseconds: int) -> None:
        self._now += nanoseconds


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine(ARTIFACTS, pool=False)
    yield engine
    await engine.close()


async def packed(engine: Engine, project: Path) -> Component:
    wasm = project / "dist" / "main.wasm"
    return await engine.load(wasm, hash_file(wasm))


async def developed(engine: Engine, project: Path) -> Component:
    wasm = project / "dist" / "development" / "main.wasm"
    component = await engine.load(wasm, hash_file(wasm))
    return component.with_source((project / "dist" / "development" / "handler.js").read_text())


async def run(engine: Engine, component: Component, url: str, method: str = "GET", body: bytes | None = None) -> tuple[Outcome, MemoryHost]:
    host = MemoryHost()
    request = t.ExecuteRequest(CONTEXT, t.HttpRequest(method, url, [t.HttpHeader("content-type", "application/json")], body))
    return await engine.execute(component, request, host, Limits(timeout_ms=60_000), sources=FixedSources()), host


def routes(name: str) -> list[str]:
    """The cases of a probe, as its source names them."""
    return re.findall(r"^  (?:async )?'(/[a-z0-9-]+)'", (PROBES / name / "src" / "handler.ts").read_text(), re.MULTILINE)


async def test_it_answers_as_the_packed_component(
    engine: Engine, built: Callable[[str], Path], built_for_development: Callable[[str], Path]
) -> None:
    cases = {
        "sdk-probe": [*routes("sdk-probe"), "/unknown"],
        "engine-probe": ["/deep/frames/5000", "/twice/frames/1000000", "/deep/parse/9"],
        "web-standards": [f"/cases?group={group}" for group in (*GROUPS, "exact")],
    }
    assert len(cases["sdk-probe"]) > 15
    for name, urls in cases.items():
        one, other = await packed(engine, built(name)), await developed(engine, built_for_development(name))
        for url in urls:
            (expected, host), (outcome, development_host) = await run(engine, one, url), await run(engine, other, url)
            assert outcome.response == expected.response, url
            assert (outcome.failure is None) == (expected.failure is None), url
            if url not in NOT_EQUAL:
                assert development_host == host, url


def project(folder: Path, files: dict[str, str]) -> Path:
    shutil.copytree(PROBES / "echo", folder, ignore=shutil.ignore_patterns("dist", "src"))
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


GOOD = "export const handler = () => ({ status: 200, body: 'good' });\n"


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("const a = 1;\n\nconst b = null as any;\nb.c.d();\n" + GOOD, 4, "cannot read property 'c' of null"),
        ("function fail() {\n  throw new RangeError('no good');\n}\nfail();\n" + GOOD, 2, "RangeError: no good"),
        ("import { x } from './other';\nconsole.log(x);\n" + GOOD, None, "not yet"),
        ("while (true) {}\n" + GOOD, None, "did not finish"),
        ("export const other = 1;\n", None, "no function named handler"),
    ],
    ids=["null", "thrown", "imported", "endless", "no handler"],
)
async def test_what_fails_while_modules_load_fails_the_build(
    tmp_path: Path, toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch, source: str, line: int | None, message: str
) -> None:
    monkeypatch.setattr("holdfast.author.development.loading._TIMEOUT_MS", 300)
    other = "export const x = 1;\nfunction late(): never {\n  throw new Error('not yet');\n}\nlate();\n"
    folder = project(tmp_path / "extension", {"src/handler.ts": source, "src/other.ts": other})
    with pytest.raises(BuildFailed, match=re.escape(message)) as failed:
        await build(folder, toolchain=toolchain, options=DEVELOPMENT)
    problems = failed.value.problems
    if line is not None:
        assert [(one.file, one.line, one.source) for one in problems] == [("src/handler.ts", line, source.splitlines()[line - 1])]
    if message == "not yet":
        assert [(one.file, one.line) for one in problems] == [("src/other.ts", 3)]
    assert not (folder / "dist" / "development" / "handler.js").exists()


async def test_a_session_keeps_the_last_good_code_and_builds_the_next(tmp_path: Path, engine: Engine, toolchain: Toolchain) -> None:
    folder = project(tmp_path / "extension", {"src/handler.ts": GOOD})
    async with BuildSession(folder, toolchain=toolchain, options=DEVELOPMENT) as session:
        report = await session.build()
        assert report.component == folder / "dist" / "development" / "main.wasm"
        (folder / "src" / "handler.ts").write_text("throw new Error('broken');\n" + GOOD)
        with pytest.raises(BuildFailed, match="broken"):
            await session.build()
        outcome, _ = await run(engine, await developed(engine, folder), "/")
        assert outcome.response is not None and outcome.response.body == b"good"
        (folder / "src" / "handler.ts").write_text(GOOD.replace("good", "better"))
        assert not (await session.build()).cached
        outcome, _ = await run(engine, await developed(engine, folder), "/")
        assert outcome.response is not None and outcome.response.body == b"better"
    assert not (folder / "dist" / "main.wasm").exists()
    names = [name for name, _ in pack(folder, development=True).files]
    assert {"development/handler.js", "dist/main.wasm", "manifest.json"} <= set(names)


async def test_code_that_fails_to_load_in_a_call_is_reported_with_its_line(
    engine: Engine, built_for_development: Callable[[str], Path]
) -> None:
    component = await developed(engine, built_for_development("engine-probe"))
    broken = "globalThis.__holdfastLines = [['src/a.ts'], [[2, 0, 7, 1]]]; (function (require, module) {\nthrow new Error('here'); })"
    outcome, host = await run(engine, component.with_source(broken), "/")
    assert outcome.response is not None and outcome.response.status == 500
    assert host.logs[0][0] == "error" and "Error: here" in host.logs[0][1] and "src/a.ts:7" in host.logs[0][1]
