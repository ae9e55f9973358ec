"""The way from the gateway to the runners: which one runs a call, over which connection, in which form."""

from holdfast.gateway.runners.client import RunnerClient

__all__ = ["RunnerClient"]
