"""How commands show what they are doing."""
