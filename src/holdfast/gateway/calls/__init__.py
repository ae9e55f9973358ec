"""Calls to extensions: `/api/ext`, `/api/ext-proxy`, dispatch to the runner, the audit row."""
