"""The lifecycle of installs: install, development install, upgrade, rollback, uninstall. What an install is: `installs`."""
