"""The tokens with which the gateway and the runner authenticate to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from holdfast.gateway.http.errors import GatewayError
from holdfast.http.service_tokens import KNOWN_DEFAULTS, is_same_token
from holdfast.settings import SecretStr, Settings


@dataclass(frozen=True)
class Tokens:
    """`service` is sent to the runner with each call. Requests to the internal APIs must carry `internal`. If `auth_key` is set, it also
    opens the install lookups."""

    service: str = field(repr=False)
    internal: str = field(repr=False)
    auth_key: str | None = field(default=None, repr=False)

    @classmethod
    def from_settings(cls, settings: Settings, *, generated: str | None = None) -> Tokens:
        """The configured tokens; `generated` is the service token if the settings have none.

        Raises GatewayError (`insecure_token`) without any service token, and in production for a token that is a published default.
        """
        service = _text(settings.runner_service_token) or generated
        if not service:
            raise GatewayError("insecure_token", "No service token is configured.", hint="Set RUNNER_SERVICE_TOKEN to a long random value.")
        internal = _text(settings.runner_storage_api_token) or service
        auth_key = _text(settings.alga_auth_key)
        if settings.environment == "production" and KNOWN_DEFAULTS & {service, internal, auth_key}:
            raise GatewayError(
                "insecure_token",
                "A configured token is a published default.",
                hint="Set RUNNER_SERVICE_TOKEN, RUNNER_STORAGE_API_TOKEN and ALGA_AUTH_KEY to long random values.",
            )
        return cls(service, internal, auth_key)

    def opens_internal(self, offered: str | None) -> bool:
        """Whether `offered` (the header x-runner-auth) is the internal token. Compares in constant time."""
        return is_same_token(offered, self.internal)

    def opens_lookups(self, api_key: str | None, runner_auth: str | None) -> bool:
        """Whether these values of the headers x-api-key and x-runner-auth open the install lookups."""
        # Always compare both, so that the response time does not reveal which of the two was right.
        by_key, by_token = is_same_token(api_key, self.auth_key), is_same_token(runner_auth, self.internal)
        return by_key or by_token


def _text(secret: SecretStr | None) -> str | None:
    return (secret.get_secret_value().strip() or None) if secret else None
