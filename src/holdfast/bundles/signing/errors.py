"""Why a bundle may not be used because of its signature."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class SignatureRefused(HoldfastError):
    """Raised when a bundle may not be used because of its signature; the subclasses say why."""

    code = "signature_refused"
    status = 403


class SignatureMissing(SignatureRefused):
    """Raised when a bundle has no signature, or no manifest that one could be over."""

    code = "signature_missing"


class SignatureInvalid(SignatureRefused):
    """Raised, also in development, when a bundle has a signature that was not made for it: somebody changed the one or the other."""

    code = "signature_invalid"


class SignatureUntrusted(SignatureRefused):
    """Raised when a signature is of a key that is not trusted, or not for this publisher."""

    code = "signature_untrusted"


class SignatureRevoked(SignatureRefused):
    """Raised when a signature is of a key that was revoked."""

    code = "signature_revoked"


class SignatureExpired(SignatureRefused):
    """Raised when a signature is of a key that has expired. When it was made does not matter: who has the key can write any date."""

    code = "signature_expired"


class SignatureUnverifiable(SignatureRefused):
    """Raised where a bundle is loaded when the trust store cannot be used: nothing is known of any signature."""

    code = "signature_unverifiable"
    status = 503
