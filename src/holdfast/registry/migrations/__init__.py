"""The migrations of the database, run by `holdfast.registry.migrate`."""
