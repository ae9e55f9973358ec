"""Users and API keys: one interface, on a data folder or over HTTP."""
