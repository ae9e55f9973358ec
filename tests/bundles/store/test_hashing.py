"""The form of content hashes."""

from __future__ import annotations

import pytest

from holdfast.bundles.store.hashing import InvalidContentHash, normalize_content_hash

DIGITS = "ab" * 32


@pytest.mark.parametrize("written", [DIGITS, f"sha256:{DIGITS}", f"SHA256:{DIGITS.upper()}", f" sha256:{DIGITS}\n"])
def test_the_digits_are_the_same_with_and_without_prefix_in_any_case(written: str) -> None:
    assert normalize_content_hash(written) == DIGITS


@pytest.mark.parametrize("written", ["", "sha256:", DIGITS[:-1], f"{DIGITS}a", f"md5:{DIGITS}", f"sha256:sha256:{DIGITS}", "é" * 64])
def test_anything_else_is_rejected(written: str) -> None:
    with pytest.raises(InvalidContentHash):
        normalize_content_hash(written)


def test_endless_white_space_is_rejected() -> None:
    with pytest.raises(InvalidContentHash):
        normalize_content_hash(" " * 1_000 + DIGITS)
