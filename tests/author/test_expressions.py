"""Regular expressions that StarlingMonkey cannot have are refused, or warned about, when the handler is built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.author.building.session import BuildSession
from holdfast.author.errors import BuildFailed
from holdfast.author.options import BuildOptions, GuestEngine
from holdfast.author.tools.toolchain import Toolchain
from tests.author.test_build import project_of

OPTIONS = BuildOptions(engine=GuestEngine.STARLINGMONKEY, development=True)


@pytest.fixture
async def session(tmp_path: Path, toolchain: Toolchain) -> AsyncIterator[BuildSession]:
    async with BuildSession(project_of(tmp_path, {}), toolchain=toolchain, options=OPTIONS) as opened:
        yield opened


def write(session: BuildSession, expression: str) -> None:
    source = f"export const handler = async () => ({{ status: 200, body: String({expression}.test('a')) }});\n"
    folder = session.root / "src"
    folder.mkdir(exist_ok=True)
    (folder / "handler.ts").write_text(source)


async def test_set_operations_are_refused_with_the_way_out(session: BuildSession) -> None:
    write(session, r"/[\p{L}--[a-z]]/v")
    with pytest.raises(BuildFailed) as failed:
        await session.build()
    (problem,) = failed.value.problems
    assert "StarlingMonkey has no RegExp with set operations (flag v)" in problem.text
    assert "build with the engine quickjs" in problem.text


@pytest.mark.parametrize(
    ("expression", "warning"),
    [
        (r"/ß/iu", "compares some letters of a RegExp by case"),
        (r"new RegExp(`\\p{${process.env.NAME}}`, 'u')", "whose name is computed"),
        (r"/[a-z]/iu", None),
        (r"/[\p{L}a-z]/v", None),
        (r"/ß/u", None),
    ],
)
async def test_what_only_may_go_wrong_is_warned_about(session: BuildSession, expression: str, warning: str | None) -> None:
    write(session, expression)
    report = await session.build()
    texts = [problem.text for problem in report.warnings if "StarlingMonkey" in problem.text]
    assert (warning is None and texts == []) or (len(texts) == 1 and str(warning) in texts[0]), texts
