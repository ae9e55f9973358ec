"""`extract_failed` names the rule that was broken, one for each cause."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from holdfast.bundles.archive.errors import EXTRACT_RULES, ExtractFailed
from holdfast.bundles.archive.limits import LIMITS
from holdfast.bundles.archive.reader import unpack
from tests.bundles.archives import archive, compressed, regular, special

SMALL = msgspec.structs.replace(LIMITS, compressed=200, entries=2)

Make = Callable[[Path], Path]

BROKEN: dict[str, Make] = {
    "name_segment": lambda path: archive(path, regular(".env")),
    "name_characters": lambda path: archive(path, regular("ui\\x")),
    "name_length": lambda path: archive(path, regular("ui/" + "x" * 253)),
    "name_twice": lambda path: archive(path, regular("a.js"), regular("A.js")),
    "not_a_file": lambda path: archive(path, special("ui/link", tarfile.SYMTYPE, "../x")),
    "no_files": lambda path: archive(path, regular(".DS_Store")),
    "not_tar": lambda path: compressed(path, b"plain text " * 200),
    "entry_count": lambda path: archive(path, regular("a"), regular("b"), regular("c")),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_the_rule_is_named(tmp_path: Path, rule: str) -> None:
    with pytest.raises(ExtractFailed) as failed:
        unpack(BROKEN[rule](tmp_path / "b.tar.zst"), tmp_path / "out", SMALL if rule == "entry_count" else LIMITS)
    assert failed.value.details == {"rule": rule}
    assert rule in EXTRACT_RULES


def test_a_file_that_is_no_zstd_stream_and_one_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.zst"
    for content, rule in ((b"not zstd at all", "not_zstd"), (b"x" * 500, "compressed_size")):
        path.write_bytes(content)
        with pytest.raises(ExtractFailed) as failed:
            unpack(path, tmp_path / "out", SMALL)
        assert failed.value.details == {"rule": rule}


def test_a_rule_without_documentation_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        ExtractFailed("unheard_of", "It failed.")
