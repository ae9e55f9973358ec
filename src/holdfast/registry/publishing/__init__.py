"""Publishing: uploads, inspection of the archive, publisher names, versions."""
