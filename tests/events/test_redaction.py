"""Secrets are masked in text."""

from __future__ import annotations

import json

from holdfast.events import Redactor, redact


def test_a_secret_is_masked_in_any_position() -> None:
    assert redact("key=s3cret; again s3cret", ["s3cret"]) == "key=[secret]; again [secret]"


def test_a_secret_is_masked_when_percent_encoded() -> None:
    assert redact("https://x.test/a%2Fb%20c", ["a/b c"]) == "https://x.test/[secret]"


def test_a_secret_is_masked_when_escaped_in_json() -> None:
    value = 'quo"te\nüñ'
    assert redact(json.dumps({"k": value}), [value]) == '{"k": "[secret]"}'
    assert redact(json.dumps({"k": value}, ensure_ascii=False), [value]) == '{"k": "[secret]"}'


def test_values_shorter_than_four_characters_are_not_masked() -> None:
    assert redact("yes, 1 abc", ["yes", "1", "", "abc"]) == "yes, 1 abc"
    assert redact("abcd", ["abcd"]) == "[secret]"


def test_a_secret_that_starts_with_another_is_masked_completely() -> None:
    assert redact("token-long", ["token", "token-long"]) == "[secret]"


def test_a_secret_is_not_a_pattern() -> None:
    assert redact("aaaa a.*a", ["a.*a"]) == "aaaa [secret]"


def test_masking_comes_before_truncating_so_that_no_half_of_a_secret_remains() -> None:
    assert Redactor(["0123456789"]).redact_and_truncate("ab0123456789cd", 6) == ("ab[sec", True)


def test_a_secret_across_the_end_of_the_searched_window_is_masked() -> None:
    secret = "x" * 50 + "END"
    text = secret * 4
    kept, cut = Redactor([secret]).redact_and_truncate(text, 60)
    assert "x" not in kept
    assert cut


def test_a_text_that_fits_is_not_marked_as_truncated() -> None:
    assert Redactor(["secret"]).redact_and_truncate("a secret b", 40) == ("a [secret] b", False)


def test_a_truncated_text_without_a_secret_is_marked() -> None:
    assert Redactor(["secret"]).redact_and_truncate("abcdef", 3) == ("abc", True)


def test_a_text_truncated_after_a_masked_secret_is_marked() -> None:
    kept, cut = Redactor(["secretsecret"]).redact_and_truncate("secretsecret" + "z" * 30, 12)
    assert kept == "[secret]"
    assert cut
