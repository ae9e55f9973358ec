"""Commands on a running platform: the same operations as on a data folder, run by the platform itself."""
