"""`holdfast dev`: watches the sources of extensions, builds what changes, and keeps a running platform and its open pages in step."""
