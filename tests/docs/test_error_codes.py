"""The page of error codes has every code, and no other."""

from __future__ import annotations

from scripts.reference.error_codes import codes_in_source, table

SENT_BY_OTHERS = {"handler_failed", "http_error", "method_not_allowed"}
"""Codes that the SDKs send, and codes of plain HTTP errors, which no error class defines."""


def test_every_code_of_the_source_has_a_cause_and_a_remedy() -> None:
    described = {code: entry for codes in table().values() for code, entry in codes.items()}
    assert codes_in_source() - set(described) == set(), "add these to scripts/reference/error_codes.toml"
    assert all(entry["cause"].endswith(".") and entry["remedy"].endswith(".") for entry in described.values())


def test_every_described_code_is_in_the_source() -> None:
    described = {code for codes in table().values() for code in codes}
    assert described - codes_in_source() - SENT_BY_OTHERS == set(), "remove these from scripts/reference/error_codes.toml"
