"""Calls of extensions that no person makes: by schedules and events."""

from holdfast.gateway.background.attempts import BackgroundCalls

__all__ = ["BackgroundCalls"]
