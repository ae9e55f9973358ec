"""How long an author waits after a save."""
