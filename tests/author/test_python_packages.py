"""`requirements.txt` and compiled parts of packages: what is installed for a component, and what an author reads when it cannot be."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.python.cache import PythonCache
from holdfast.author.python.packages import Packages, compiled_modules, refuse_compiled, users_of_compiled
from holdfast.author.python.requirements import install_requirements, read_requirements, unpinned
from holdfast.author.tools.toolchain import no_progress


def write_wheel(folder: Path, name: str, version: str, tag: str = "py3-none-any") -> None:
    """A wheel with one module, whose text names its tag."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"TAG = {tag!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place in which pip looks for packages."""
    folder = tmp_path / "index"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    folder.mkdir()
    return folder


async def test_requirements_are_installed_once_for_the_interpreter_of_components(tmp_path: Path, index: Path) -> None:
    write_wheel(index, "plain", "1.0")
    write_wheel(index, "plain", "1.1", "cp311-cp311-manylinux2014_x86_64")
    (tmp_path / "requirements.txt").write_text("# what we need\nplain>=1.0  # any\n")
    steps: list[str] = []
    cache = PythonCache(tmp_path / "cache")
    folder = await install_requirements(tmp_path, cache, steps.append)
    assert folder is not None and (folder / "plain.py").read_text() == "TAG = 'py3-none-any'\n"
    (index / "plain-1.0-py3-none-any.whl").unlink()
    assert await install_requirements(tmp_path, cache, steps.append) == folder
    assert steps == ["Installing the packages of requirements.txt (once)"]


async def test_without_requirements_nothing_is_installed(tmp_path: Path) -> None:
    assert await install_requirements(tmp_path, PythonCache(tmp_path / "cache"), no_progress) is None
    (tmp_path / "requirements.txt").write_text("# none yet\n\n")
    assert await install_requirements(tmp_path, PythonCache(tmp_path / "cache"), no_progress) is None


async def test_a_package_without_a_wheel_is_named_and_leaves_nothing(tmp_path: Path, index: Path) -> None:
    (tmp_path / "requirements.txt").write_text("absent==2.0\n")
    with pytest.raises(BuildFailed) as caught:
        await install_requirements(tmp_path, PythonCache(tmp_path / "cache"), no_progress)
    assert "no wheel of absent==2.0" in caught.value.message
    assert caught.value.hint is not None and "--target vendor absent" in caught.value.hint
    assert not [path for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]


async def test_an_index_that_does_not_respond_is_reported_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / "requirements.txt").write_text("plain==1.0\n")
    with pytest.raises(BuildFailed, match="cannot be downloaded: the package index does not respond"):
        await install_requirements(tmp_path, PythonCache(tmp_path / "cache"), no_progress)


@pytest.mark.parametrize("line", ["-e .", "./libs/thing", "thing @ file:///tmp/thing", "git+https://example.com/thing", "--editable ../x"])
def test_what_is_not_from_an_index_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"plain==1.0\n{line}\n")
    with pytest.raises(BuildFailed) as caught:
        read_requirements(tmp_path)
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [("requirements.txt", 2)]


def test_included_files_count_and_missing_versions_are_warned_about(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r more.txt\nplain==1.0\n")
    (tmp_path / "more.txt").write_text("\nother>=2\n")
    texts = read_requirements(tmp_path)
    assert {path.name for path in texts} == {"requirements.txt", "more.txt"}
    [warning] = unpinned(texts)
    assert (warning.file, warning.line) == ("more.txt", 2) and "other has no exact version" in warning.text
    (tmp_path / "more.txt").unlink()
    with pytest.raises(BuildFailed, match=r"includes more\.txt"):
        read_requirements(tmp_path)


def test_only_modules_without_a_python_form_count_as_compiled(tmp_path: Path) -> None:
    for name in (
        "a/core.cpython-314-x86_64-linux-gnu.so",
        "a/both.cpython-314-x86_64-linux-gnu.so",
        "a/both.py",
        "top.abi3.so",
        "x__mypyc.so",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    info = tmp_path / "a_dist-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("a/core.cpython-314-x86_64-linux-gnu.so,,\n")
    assert compiled_modules(tmp_path) == {"a.core": "a_dist", "top": "top"}


def test_packages_that_require_compiled_ones_may_need_them_too(tmp_path: Path) -> None:
    required = {
        "app": ["Middle (>=1)"],
        "middle": ["base-pkg; python_version > '3'"],
        "base_pkg": [],
        "free": ["base_pkg; extra == 'fast'"],
    }
    for name, requirements in required.items():
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "RECORD").write_text(f"{name}/__init__.py,,\n../../bin/{name}.py,,\n")
        lines = [f"Requires-Dist: {each}" for each in requirements]
        (info / "METADATA").write_text(
            "\n".join(["Metadata-Version: 2.1", f"Name: {name}", *lines, "", "Requires-Dist: base_pkg in a text"])
        )
    assert users_of_compiled(tmp_path, {"base_pkg.core": "base_pkg"}) == {"base_pkg", "middle", "app"}
    assert users_of_compiled(tmp_path, {}) == set()


def test_a_refused_package_is_named_with_what_to_use_instead(tmp_path: Path) -> None:
    packages = Packages((), {"lxml.etree": "lxml"}, ("lxml",), (), frozenset())
    refused = refuse_compiled(tmp_path, packages, Problem("ModuleNotFoundError: No module named 'lxml.etree': …", "src/handler.py", 3))
    assert refused is not None and refused.message.startswith(
        "The package lxml cannot be used.\nsrc/handler.py:3: lxml has the compiled part"
    )
    assert refused.hint is not None and "html.parser" in refused.hint
    assert refuse_compiled(tmp_path, packages, Problem("ModuleNotFoundError: No module named 'mylxml.etree2'")) is None


def test_a_refused_package_is_named_also_if_it_reports_an_error_of_its_own(tmp_path: Path) -> None:
    packages = Packages((), {"numpy._core._umath": "numpy"}, ("numpy",), (), frozenset())
    report = (
        "ModuleNotFoundError: No module named 'numpy._core._umath': numpy._core._umath is compiled code of the package numpy, which …\n\n"
        "The above exception was the direct cause of the following exception:\n\nImportError: Importing the extensions failed.\n"
    )
    refused = refuse_compiled(tmp_path, packages, Problem("ImportError: Importing the extensions failed.", "src/handler.py", 2), report)
    assert refused is not None and refused.message.startswith("The package numpy cannot be used.")
    assert refuse_compiled(tmp_path, packages, Problem("ValueError: another reason", "src/handler.py", 2), report) is None


def test_the_cache_drops_what_was_not_used_for_the_longest_time(tmp_path: Path) -> None:
    now = 1_000_000.0
    for age, name in enumerate(["new.image", "packages-old", "older.wasm", "oldest.image"]):
        path = tmp_path / name
        if name.startswith("packages-"):
            path.mkdir()
            (path / "module.py").write_bytes(b"x" * 100)
        else:
            path.write_bytes(b"x" * 100)
        path.with_suffix(".lock").touch()
        os.utime(path.with_suffix(".lock"), (now - age * 10_000, now - age * 10_000))
    PythonCache(tmp_path, max_bytes=250).collect(now)
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == ["new.image", "packages-old"]
    # What was used within the hour stays: another process may be reading it.
    PythonCache(tmp_path, max_bytes=0).collect(now)
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == ["new.image"]
