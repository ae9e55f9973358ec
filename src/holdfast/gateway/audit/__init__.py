"""The audit log of calls, and what is derived from it: who called what, when, and how it ended. Never the content of a call."""

from holdfast.gateway.audit.log import AuditLog
from holdfast.gateway.audit.rows import AuditRow, Status

__all__ = ["AuditLog", "AuditRow", "Status"]
