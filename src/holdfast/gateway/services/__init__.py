"""What route handlers work with: the services object and the parts that only the gateway has."""

from holdfast.gateway.services.services import Services

__all__ = ["Services"]
