"""Runs one component call. Knows no HTTP, no database, no tenant."""

from holdfast.engine.compiling.errors import CompileFailed, ComponentError, HandlerMissing, IncompatibleComponent, NotAComponent
from holdfast.engine.execution import Component, Engine
from holdfast.engine.outcome import Failure, FailureCode, Host, Limits, Outcome

__all__ = [
    "CompileFailed",
    "Component",
    "ComponentError",
    "Engine",
    "Failure",
    "FailureCode",
    "HandlerMissing",
    "Host",
    "IncompatibleComponent",
    "Limits",
    "NotAComponent",
    "Outcome",
]
