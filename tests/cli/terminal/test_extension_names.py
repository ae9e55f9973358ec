"""How a command line names extensions, versions and sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.cli.terminal.extension_names import NameIncomplete, source_path, split_name, split_name_with_version


def test_an_extension_and_its_version_are_split_at_the_at() -> None:
    assert split_name("acme.notes@1.2.*") == ("acme.notes", "1.2.*")
    assert split_name("acme.notes") == ("acme.notes", None)
    for written in ("@1.0.0", "acme.notes@", " "):
        with pytest.raises(NameIncomplete):
            split_name(written)
    with pytest.raises(NameIncomplete):
        split_name_with_version("acme.notes")


def test_a_path_or_an_existing_file_is_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").mkdir()
    for written in (".", "./x", "a/b", "x.tar.zst", "notes"):
        assert source_path(written) == Path(written)
    assert source_path("acme.notes") is None and source_path("acme.notes@1.0.0") is None
