"""The archive of a bundle, `bundle.tar.zst`: how it is packed, and how an untrusted one is read."""
