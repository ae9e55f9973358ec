"""The registry: extensions, versions, publishing, installs and their grants, settings, secrets."""
