"""Runs one component call. Knows no HTTP, no database, no tenant."""

from holdfast.engine.call.host import Host
from holdfast.engine.call.limits import Limits
from holdfast.engine.call.outcome import Failure, FailureCode, Outcome
from holdfast.engine.compiling.errors import ComponentError
from holdfast.engine.engine import Component, Engine

__all__ = ["Component", "ComponentError", "Engine", "Failure", "FailureCode", "Host", "Limits", "Outcome"]
