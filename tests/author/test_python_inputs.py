"""Every file that a Python handler is made of: after each change, the next build has the new one, and nothing of a deleted one is left."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.author.building.session import BuildSession
from holdfast.author.errors import BuildFailed
from holdfast.author.inputs.snapshot import check_inputs, inputs_of_paths, look_before
from holdfast.author.options import BuildOptions
from holdfast.author.project import read_project
from holdfast.author.python.compiled_folders import folder_hash
from holdfast.author.python.project_files import project_inputs
from holdfast.author.tools.toolchain import Toolchain
from holdfast.bundles.store.hashing import hash_file
from holdfast.engine import Engine, Limits
from holdfast.world import types as t
from tests.author.test_python_development import MANIFEST
from tests.sdk.guest_host import CONTEXT, MemoryHost
from tests.session.effort import repetitions

HANDLER = """from importlib import resources
from pathlib import Path

from holdfast_sdk import json_response
from part.inner import VALUE


def handler(request, host):
    import late

    beside = Path(__file__).with_name("beside.txt").read_text()
    return json_response([VALUE, resources.files("part").joinpath("data.txt").read_text(), beside, late.VALUE])
"""
FILES = {
    "src/handler.py": HANDLER,
    "src/part/__init__.py": "",
    "src/part/inner.py": "VALUE = 'inner 1'\n",
    "src/part/data.txt": "data 1",
    "src/beside.txt": "beside 1",
    "src/late.py": "VALUE = 'late 1'\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
async def session(tmp_path: Path, toolchain: Toolchain) -> AsyncIterator[BuildSession]:
    root = write(tmp_path / "project", {"manifest.json": json.dumps(MANIFEST), **FILES})
    async with BuildSession(root, toolchain=toolchain, options=BuildOptions(development=True)) as opened:
        yield opened


@pytest.fixture
async def engine(toolchain: Toolchain) -> AsyncIterator[Engine]:
    # The folder of the builds' own check: each component is compiled once.
    engine = Engine(toolchain.root / "artifacts", pool=False)
    yield engine
    await engine.close()


async def answer(session: BuildSession, engine: Engine) -> Any:
    """Builds, and calls the handler."""
    await session.build()
    folder = session.root / "dist" / "development"
    component = await engine.load(folder / "main.wasm", hash_file(folder / "main.wasm"))
    source = (folder / "handler.json").read_text()
    request = t.ExecuteRequest(CONTEXT, t.HttpRequest("GET", "/", [], None))
    outcome = await engine.execute(component.with_source(source), request, MemoryHost(), Limits(timeout_ms=60_000))
    assert outcome.response is not None
    assert outcome.response.body is not None
    return json.loads(outcome.response.body)


async def test_modules_and_data_below_src_are_those_of_the_last_save(session: BuildSession, engine: Engine) -> None:
    expected = ["inner 1", "data 1", "beside 1", "late 1"]
    assert await answer(session, engine) == expected
    assert (await session.build()).cached
    for position, (name, text) in enumerate(
        [
            ("src/part/inner.py", "VALUE = 'inner 2'\n"),
            ("src/part/data.txt", "data 2"),
            ("src/beside.txt", "beside 2"),
            ("src/late.py", "VALUE = 'late 2'\n"),
        ]
    ):
        write(session.root, {name: text})
        expected[position] = expected[position].replace("1", "2")
        assert await answer(session, engine) == expected


async def test_a_deleted_module_is_gone_and_what_it_hid_is_found(session: BuildSession, engine: Engine) -> None:
    # What an author's own Python leaves behind must not stand in for the source.
    write(session.root, {"src/__pycache__/late.cpython-311.pyc": "of the last run"})
    assert (await answer(session, engine))[3] == "late 1"
    (session.root / "src" / "late.py").unlink()
    assert (await answer(session, engine))["message"] == "No module named 'late'"
    # A package takes the place of the module.
    write(session.root, {"src/late/__init__.py": "from .more import VALUE\n", "src/late/more.py": "VALUE = 'package'\n"})
    assert (await answer(session, engine))[3] == "package"
    (session.root / "src" / "part" / "inner.py").unlink()
    with pytest.raises(BuildFailed) as caught:
        await session.build()
    assert "No module named 'part.inner'" in caught.value.problems[0].text
    write(session.root, {"src/part/inner.py": "VALUE = 'again'\n"})
    assert (await answer(session, engine))[0] == "again"


def linked_package(root: Path) -> Path:
    """As `ln -s ../../library/linked vendor/linked`: a package that is edited at its own place."""
    package = write(root.parent / "library", {"linked/__init__.py": "VALUE = 'linked 1'\n", "linked/data/x.txt": "1"}) / "linked"
    (root / "vendor").mkdir()
    (root / "vendor" / "linked").symlink_to(package)
    return package


CHANGES: dict[str, Callable[[Path], object]] = {
    "a module is changed": lambda package: (package / "__init__.py").write_text("VALUE = 'linked 2'\n"),
    "data is changed": lambda package: (package / "data" / "x.txt").write_text("2"),
    "a module appears": lambda package: (package / "more.py").write_text(""),
    "data is deleted": lambda package: (package / "data" / "x.txt").unlink(),
    "the link is gone": lambda package: (package.parents[1] / "project" / "vendor" / "linked").unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_each_change_of_a_linked_package_is_one_of_the_inputs(session: BuildSession, change: Callable[[Path], object]) -> None:
    root = session.root
    package = linked_package(root)
    paths = project_inputs(read_project(root))
    inputs = inputs_of_paths(root, paths, look_before(root, paths))
    content = folder_hash(root / "vendor", "")
    assert check_inputs(root, inputs) is not None
    assert folder_hash(root / "vendor", "") == content
    change(package)
    assert check_inputs(root, inputs) is None
    assert folder_hash(root / "vendor", "") != content


@pytest.mark.skipif(repetitions(0, long=1) == 0, reason="Each state of the packages is a component of its own, which takes half a minute.")
async def test_a_linked_package_is_the_one_at_its_place(session: BuildSession, engine: Engine) -> None:
    package = linked_package(session.root)
    write(session.root, {"src/late.py": "from linked import VALUE\n"})
    assert (await answer(session, engine))[3] == "linked 1"
    (package / "__init__.py").write_text("from .other import VALUE\n")
    (package / "other.py").write_text("VALUE = 'linked 2'\n")
    assert (await answer(session, engine))[3] == "linked 2"
