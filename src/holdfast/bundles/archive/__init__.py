"""Bundle archives, `bundle.tar.zst`: packs projects, and reads untrusted archives."""
