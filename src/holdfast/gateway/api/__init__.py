"""The REST API for publications, installs, grants, configuration, secrets, users and API keys. `operations` lists all of it."""
