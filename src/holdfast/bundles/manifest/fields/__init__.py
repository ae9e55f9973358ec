"""The fields of a manifest: the types of single values, and the sections below the top level."""
