"""Development builds of Python handlers: what fails at the top level of a module is found at its line, and nothing else is built."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.author.building.session import BuildSession
from holdfast.author.errors import BuildFailed
from holdfast.author.options import BuildOptions
from holdfast.author.tools.toolchain import Toolchain

MANIFEST = {
    "name": "com.example.thing",
    "publisher": "Example",
    "version": "1.0.0",
    "runtime": "wasm-js@1",
    "api": {"endpoints": [{"method": "GET", "path": "/", "handler": "dist/main"}]},
}
HANDLER = "from holdfast_sdk import json_response\nimport part\n\n\ndef handler(request, host):\n    return json_response(part.VALUE)\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "src" / "handler.py").write_text(HANDLER)
    (tmp_path / "src" / "part.py").write_text("VALUE = 1\n")
    return tmp_path


@pytest.fixture
async def session(project: Path, toolchain: Toolchain) -> AsyncIterator[BuildSession]:
    async with BuildSession(project, toolchain=toolchain, options=BuildOptions(development=True)) as opened:
        yield opened


BROKEN = [
    ("VALUE = 1 / 0\n", 1, "ZeroDivisionError: division by zero", "VALUE = 1 / 0"),
    ("\nVALUE = = 1\n", 2, "SyntaxError: invalid syntax", "VALUE = = 1"),
    ("import no_such_package\n", 1, "ModuleNotFoundError: No module named 'no_such_package'", "import no_such_package"),
    ("import json\n\njson.loads('[')\n", 3, "JSONDecodeError", "json.loads('[')"),
    ("raise SystemExit('stop')\n", 1, "SystemExit: stop", "raise SystemExit('stop')"),
    ("class Part:\n    value: Missing = 1\n    other = value.missing\n", 3, "AttributeError", "    other = value.missing"),
]


async def test_a_failure_at_the_top_level_is_found_with_file_line_and_source(project: Path, session: BuildSession) -> None:
    for text, line, words, source in BROKEN:
        (project / "src" / "part.py").write_text(text)
        with pytest.raises(BuildFailed) as caught:
            await session.build()
        [problem] = caught.value.problems
        assert (problem.file, problem.line, problem.source) == ("src/part.py", line, source)
        assert words in problem.text
        assert not (project / "dist" / "development" / "handler.json").exists()


async def test_a_call_of_the_host_at_the_top_level_is_refused_with_the_reason(project: Path, session: BuildSession) -> None:
    (project / "src" / "part.py").write_text("from holdfast_sdk.bindings import make_host\n\nmake_host().secrets.list()\n")
    with pytest.raises(BuildFailed) as caught:
        await session.build()
    assert caught.value.hint is not None and "move it into the handler" in caught.value.hint


async def test_a_save_writes_the_sources_and_leaves_the_component(project: Path, session: BuildSession) -> None:
    await session.build()
    component = project / "dist" / "development" / "main.wasm"
    before = component.stat()
    (project / "src" / "part.py").write_text("VALUE = 2\n")
    (project / "src" / "page.html").write_text("<p>é")
    (project / "src" / "bytes.bin").write_bytes(b"\xff\x00")
    report = await session.build()
    assert not report.cached
    assert (component.stat().st_ino, component.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    files = json.loads((project / "dist" / "development" / "handler.json").read_text())
    assert (files["part.py"], files["page.html"], files["bytes.bin"]) == ("VALUE = 2\n", "<p>é", {"base64": "/wA="})
    # Compiled by the component's own interpreter, so that a call does not compile.
    assert any(name.startswith("__pycache__/part.") for name in files)
    assert not (project / "dist" / "main.wasm").exists()


PACKAGES = Path(__file__).parents[1] / "extensions" / "python-cases" / "vendor"


@pytest.mark.parametrize(
    "source",
    [
        "import fastlib\n\nVALUE = fastlib.speed\n",
        "def late():\n    import fastlib\n\n    return fastlib.speed\n\n\nVALUE = 1\n",
        "def late():\n    from fastlib.core import speed\n\n    return speed\n\n\nVALUE = 1\n",
    ],
)
async def test_a_package_that_needs_compiled_code_is_refused_also_if_a_function_imports_it(
    project: Path, session: BuildSession, source: str
) -> None:
    shutil.copytree(PACKAGES, project / "vendor")
    (project / "src" / "part.py").write_text(source)
    with pytest.raises(BuildFailed) as caught:
        await session.build()
    assert caught.value.message.startswith("The package fastlib cannot be used.")
    [problem] = caught.value.problems
    assert "fastlib (needed by softlib) has the compiled part fastlib.core" in problem.text
    assert (problem.file, problem.line) == ("src/part.py", source[: source.index("fastlib")].count("\n") + 1)


async def test_a_package_that_can_do_without_its_compiled_part_is_used(project: Path, session: BuildSession) -> None:
    shutil.copytree(PACKAGES, project / "vendor")
    (project / "src" / "part.py").write_text("import softlib\n\nVALUE = 1 if softlib._speedups is None else 1 / 0\n")
    assert not (await session.build()).cached
