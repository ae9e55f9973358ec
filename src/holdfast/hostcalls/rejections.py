"""What the guest receives in place of a result, for every function of the world: not granted, over the quota, or failed in the host."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from holdfast.world import types as t
from holdfast.world.functions import Function, WitError

_DENIED: dict[type[StrEnum], StrEnum] = {
    t.SecretError: t.SecretError.DENIED,
    t.HttpError: t.HttpError.NOT_ALLOWED,
    t.StorageError: t.StorageError.DENIED,
    t.ProxyError: t.ProxyError.DENIED,
    t.UserError: t.UserError.NOT_ALLOWED,
    t.SchedulerError: t.SchedulerError.DENIED,
    t.ClientReadError: t.ClientReadError.NOT_ALLOWED,
    t.ServiceReadError: t.ServiceReadError.NOT_ALLOWED,
}

_INTERNAL: dict[type[StrEnum], StrEnum] = {
    t.SecretError: t.SecretError.INTERNAL,
    t.HttpError: t.HttpError.INTERNAL,
    t.StorageError: t.StorageError.INTERNAL,
    t.ProxyError: t.ProxyError.INTERNAL,
    t.UserError: t.UserError.NOT_AVAILABLE,  # the only case of that enum that does not mean denial
    t.SchedulerError: t.SchedulerError.INTERNAL,
    t.ClientReadError: t.ClientReadError.INTERNAL,
    t.ServiceReadError: t.ServiceReadError.INTERNAL,
}

_OVER_QUOTA: dict[type[StrEnum], StrEnum] = {
    **_INTERNAL,
    t.HttpError: t.HttpError.NOT_ALLOWED,
    t.SchedulerError: t.SchedulerError.QUOTA_EXCEEDED,
}

_FAILED_RESULT: dict[str, Callable[[str], object]] = {
    "scheduler.create-schedule": lambda error: t.CreateScheduleResult(False, None, error, None),
    "scheduler.update-schedule": lambda error: t.UpdateScheduleResult(False, error, None),
    "scheduler.delete-schedule": lambda error: t.DeleteScheduleResult(False, error),
    "invoicing.create-manual-invoice": lambda error: t.CreateManualInvoiceResult(False, None, None, None, None, None, None, error, None),
}

_EMPTY: dict[str, Callable[[], object]] = {
    "secrets.list-keys": list,
    "logging.log-info": lambda: None,
    "logging.log-warn": lambda: None,
    "logging.log-error": lambda: None,
    # Always granted; listed so that every function has a result.
    "context.get-context": lambda: t.ContextData(None, "", "", None, None),
}


def reject_not_granted(function: Function) -> object:
    """Rejects a function whose capability was not granted: raises the error case, or returns a failed record or an empty value."""
    return _reject(function, _DENIED, f"Permission denied: {function.capability.value} not granted")


def reject_over_quota(function: Function, error: str) -> object:
    """Rejects a function of a call that has used its quota: raises the error case, or returns a failed record or an empty value."""
    return _reject(function, _OVER_QUOTA, error)


def reject_host_error(function: Function, error: str) -> object:
    """The result of a function that failed in the host: raises the internal case, or returns a failed record or an empty value."""
    return _reject(function, _INTERNAL, error)


def _reject(function: Function, cases: dict[type[StrEnum], StrEnum], error: str) -> object:
    if function.err is not None:
        raise WitError(cases[function.err])
    if function.id in _FAILED_RESULT:
        return _FAILED_RESULT[function.id](error)
    return _EMPTY[function.id]()
