"""Where a command works: on a running platform, or on a data folder on which none runs."""
