"""Why a bundle must not be used because of its signature."""

from __future__ import annotations

from typing import ClassVar

from holdfast.errors import CodedError


class SignatureRejected(CodedError):
    """Raised when the signature of a bundle does not allow its use.

    - `signature_missing`: no signature, or no valid manifest that a signature could cover
    - `signature_invalid`: the signature was made for other content; rejected in development too, because someone changed one of the two
    - `signature_untrusted`: the key is not trusted, or not for this publisher
    - `signature_revoked`: the key was revoked
    - `signature_expired`: the key has expired; the date of the signature does not count, since the key's holder can write any date
    - `signature_unverifiable`: the trust store is unusable, so no signature can be verified
    """

    STATUSES: ClassVar = {
        "signature_missing": 403,
        "signature_invalid": 403,
        "signature_untrusted": 403,
        "signature_revoked": 403,
        "signature_expired": 403,
        "signature_unverifiable": 503,
    }
