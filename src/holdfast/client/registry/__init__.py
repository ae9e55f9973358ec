"""Publishing, installs, grants, configuration and secrets: one interface, on a data folder or over HTTP."""
