"""The fields of a manifest: how single values are read, and the sections below the top level."""
