"""`GET /ext-ui/…` and app domains: an extension's web UI, its headers, encodings and ranges."""
