"""The REST API for publications, installs, grants, configuration, secrets, users and API keys."""
