"""Tries popular packages from PyPI in a component, and compares each answer with the one of CPython on this machine. Needs the network.

One component has the packages of `python/requirements.txt`; each function of `python/src/cases.py` is a case. Packages that need
compiled code are in REFUSED: a build with one of them has to fail and to name it. Run it with `python -m tests.packages.python_matrix`.
It prints one line for each package, writes the table to docs/reference/python-packages.md, and ends with 1 if an answer is wrong.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from msgspec import Struct

from holdfast.author.building.build import build
from holdfast.author.errors import BuildFailed
from holdfast.bundles.store.hashing import hash_file
from holdfast.engine import Engine
from tests.sdk.guest_host import MemoryHost, call_component

HERE = Path(__file__).parent
SOURCE = HERE / "python"
WORK = HERE.parents[1] / "build" / "packages-python"
PAGE = HERE.parents[1] / "docs" / "reference" / "python-packages.md"
REFUSED = {
    "cryptography==50.0.2": "from cryptography.fernet import Fernet",
    "jsonschema==4.26.0": "import jsonschema",
    "numpy==2.5.5": "import numpy",
    "orjson==3.13.0": "import orjson",
    "pycryptodome==4.4.0": "from Crypto.Cipher import AES",
    "pydantic==2.14.4": "import pydantic",
    "python-docx==1.2.0": "from docx import Document",
}
MIN_RIGHT = 0.85
HEAD = """# Python packages

Popular packages from PyPI, tried with Holdfast: a handler uses each of them, and its answer is compared with the one of CPython 3.11.
`make packages` repeats this. *Refused* means that the build fails and names what the package needs.

| package | version | result |
|---|---|---|
"""
_RUN = """
import json, sys, traceback
sys.path[:0] = sys.argv[1:]
sys.dont_write_bytecode = True
from cases import CASES
answers = {}
for name, case in CASES.items():
    try:
        answers[name] = {"value": case()}
    except Exception:
        answers[name] = {"error": traceback.format_exc()}
print(json.dumps(answers))
"""


class Row(Struct, frozen=True):
    """One package: `result` is right, refused, or wrong with the reason."""

    package: str
    version: str
    result: str


def _expected() -> dict[str, Any]:
    """The answers of CPython, with the same versions installed for it."""
    requirements = SOURCE / "requirements.txt"
    installed = WORK / f"cpython-{hash_file(requirements)[:12]}"
    if not installed.is_dir():
        with tempfile.TemporaryDirectory(dir=WORK) as folder:
            pip = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "-q",
                "--no-compile",
                "--target",
                f"{folder}/p",
                "-r",
                str(requirements),
            ]
            subprocess.run(pip, check=True, timeout=900, stderr=subprocess.DEVNULL)
            shutil.move(f"{folder}/p", installed)
    command = [sys.executable, "-c", _RUN, str(SOURCE / "src"), str(installed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def _project(name: str) -> Path:
    folder = WORK / name
    shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
    return folder


async def _answers(names: list[str]) -> dict[str, Any]:
    """The answers of the component."""
    report = await build(_project("component"), progress=print)
    assert report.component is not None
    engine = Engine(WORK / "artifacts", pool=False)
    try:
        component = await engine.load(report.component, hash_file(report.component))
        return {name: (await call_component(engine, component, MemoryHost(), f"/{name}")).json for name in names}
    finally:
        await engine.close()


async def _refusal(requirement: str, statement: str) -> Row:
    """Builds a handler that imports the package inside a function."""
    name, version = requirement.split("==")
    project = _project(f"refused-{name}")
    shutil.rmtree(project / "src")
    (project / "src").mkdir()
    (project / "src" / "handler.py").write_text(f"def handler(request, host):\n    {statement}\n")
    (project / "requirements.txt").write_text(f"{requirement}\n")
    try:
        await build(project, progress=print)
    except BuildFailed as failed:
        named = "has the compiled part" in failed.message
        reason = next((problem.text for problem in failed.problems), failed.message)
        return Row(name, version, f"refused: {reason}" if named else f"wrong: {failed.message}")
    return Row(name, version, "wrong: the build does not refuse it")


def _row(name: str, expected: Any, answer: Any) -> Row:
    versions = dict(re.findall(r"^([\w.-]+)==(\S+)$", (SOURCE / "requirements.txt").read_text(), re.MULTILINE))
    if expected == answer and "value" in answer:
        return Row(name, versions[name], "right")
    text = answer.get("error", "another answer than CPython").strip().splitlines()[-1]
    return Row(name, versions[name], f"wrong: {text}")


async def main() -> int:
    """Tries everything and writes the table. Returns the exit status."""
    WORK.mkdir(parents=True, exist_ok=True)
    expected = await asyncio.to_thread(_expected)
    answers = await _answers([*expected])
    rows = [_row(name, expected[name], answers[name]) for name in expected]
    rows += [await _refusal(requirement, statement) for requirement, statement in REFUSED.items()]
    for row in rows:
        print(f"{row.package:20} {row.version:12} {row.result}")
    lines = [f"| {row.package} | {row.version} | {row.result} |" for row in sorted(rows, key=lambda row: row.package)]
    await asyncio.to_thread(PAGE.write_text, HEAD + "\n".join(lines) + "\n")
    wrong = [row for row in rows if row.result.startswith("wrong")]
    right = sum(row.result == "right" for row in rows)
    print(f"{right} right, {len(rows) - right - len(wrong)} refused, {len(wrong)} wrong")
    return int(bool(wrong) or right < MIN_RIGHT * len(expected))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
