"""The control socket of a data folder: how commands of the same user work on the platform that runs on it."""
