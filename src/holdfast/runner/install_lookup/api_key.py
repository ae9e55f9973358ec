"""The API key of the runner's install lookups."""

from __future__ import annotations

from holdfast.errors import HoldfastError
from holdfast.settings import Settings

MAX_BYTES = 4_096


class LookupKeyUnusable(HoldfastError):
    """Raised at start when ALGA_AUTH_KEY, or the file that ALGA_AUTH_KEY_FILE names, does not contain a key."""

    code = "lookup_key_unusable"


def lookup_key(settings: Settings) -> str | None:
    """The key as set, else the content of its file, without white space around it; None without either.

    Raises LookupKeyUnusable when the file exists but is unreadable, and when its content is not a key.
    """
    if settings.alga_auth_key is not None:
        return _validate(settings.alga_auth_key.get_secret_value(), "ALGA_AUTH_KEY", "Set it to the key that the application knows.")
    path = settings.alga_auth_key_file
    name, hint = f"ALGA_AUTH_KEY_FILE ({path})", "Write the key into that file, or set ALGA_AUTH_KEY."
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LookupKeyUnusable(f"{name} is unreadable: {error.strerror or type(error).__name__}.", hint=hint) from None
    return _validate(content.decode("latin-1"), name, hint)


def _validate(text: str, name: str, hint: str) -> str:
    key = text.strip()
    if not key:
        raise LookupKeyUnusable(f"{name} is empty.", hint=hint)
    # It becomes a header. The message does not quote it: most of it may be a valid key.
    if len(key) > MAX_BYTES or not all(32 < ord(character) < 127 for character in key):
        raise LookupKeyUnusable(f"{name} does not contain a key: one line of at most {MAX_BYTES} visible ASCII characters.", hint=hint)
    return key
