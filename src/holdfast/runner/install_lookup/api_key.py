"""The key with which the runner asks the registry about installs."""

from __future__ import annotations

from holdfast.errors import HoldfastError
from holdfast.settings import Settings

MAX_BYTES = 4_096


class LookupKeyUnusable(HoldfastError):
    """Raised at start when ALGA_AUTH_KEY, or the file that ALGA_AUTH_KEY_FILE names, does not hold a key."""

    code = "lookup_key_unusable"


def lookup_key(settings: Settings) -> str | None:
    """The key as set, else the content of its file, without white space around it; None when neither is there.

    Raises LookupKeyUnusable when the file is there and cannot be read, and when what was found is no key.
    """
    if settings.alga_auth_key is not None:
        return _checked(settings.alga_auth_key.get_secret_value(), "ALGA_AUTH_KEY", "Set it to the key that the application knows.")
    path = settings.alga_auth_key_file
    name, hint = f"ALGA_AUTH_KEY_FILE ({path})", "Write the key into that file, or set ALGA_AUTH_KEY."
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LookupKeyUnusable(f"{name} cannot be read: {error.strerror or type(error).__name__}.", hint=hint) from None
    return _checked(content.decode("latin-1"), name, hint)


def _checked(text: str, name: str, hint: str) -> str:
    key = text.strip()
    if not key:
        raise LookupKeyUnusable(f"{name} is empty.", hint=hint)
    # It becomes a header. What is wrong with it is not quoted: it may be most of a key.
    if len(key) > MAX_BYTES or not all(32 < ord(character) < 127 for character in key):
        raise LookupKeyUnusable(f"{name} does not hold a key: one line of at most {MAX_BYTES} visible ASCII characters.", hint=hint)
    return key
