"""The tokens by which gateway and runner trust each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import SecretStr

from holdfast.gateway.http.errors import GatewayError
from holdfast.http.service_tokens import KNOWN_DEFAULTS, is_same_token
from holdfast.settings import Settings


@dataclass(frozen=True)
class Tokens:
    """`service` goes to the runner with each call; `internal` must come with calls to the internal APIs; `auth_key` opens the install
    lookups, beside `internal`, when it is set."""

    service: str = field(repr=False)
    internal: str = field(repr=False)
    auth_key: str | None = field(default=None, repr=False)

    @classmethod
    def from_settings(cls, settings: Settings, *, generated: str | None = None) -> Tokens:
        """The tokens as set; `generated` takes the place of a service token that is not.

        Raises InsecureToken when there is none, or, in production, when one is a default that everybody knows.
        """
        service = _text(settings.runner_service_token) or generated
        if not service:
            raise GatewayError("insecure_token", "There is no service token.", hint="Set RUNNER_SERVICE_TOKEN to a long random value.")
        internal = _text(settings.runner_storage_api_token) or service
        auth_key = _text(settings.alga_auth_key)
        if settings.environment == "production" and KNOWN_DEFAULTS & {service, internal, auth_key}:
            raise GatewayError(
                "insecure_token",
                "A token is one of the defaults that everybody knows.",
                hint="Set RUNNER_SERVICE_TOKEN, RUNNER_STORAGE_API_TOKEN and ALGA_AUTH_KEY to long random values.",
            )
        return cls(service, internal, auth_key)

    def opens_internal(self, offered: str | None) -> bool:
        """Whether `offered` (the header x-runner-auth) is the internal token. Takes the same time for every wrong one of its length."""
        return is_same_token(offered, self.internal)

    def opens_lookups(self, api_key: str | None, runner_auth: str | None) -> bool:
        """Whether the install lookups may be used with these values of the headers x-api-key and x-runner-auth."""
        # Both are compared, always: which of the two was right is nobody's to measure.
        by_key, by_token = is_same_token(api_key, self.auth_key), is_same_token(runner_auth, self.internal)
        return by_key or by_token


def _text(secret: SecretStr | None) -> str | None:
    return (secret.get_secret_value().strip() or None) if secret else None
