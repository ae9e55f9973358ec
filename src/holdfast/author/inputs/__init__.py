"""What a build depended on, and whether that has changed since."""
