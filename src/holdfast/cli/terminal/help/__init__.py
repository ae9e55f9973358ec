"""How the help of the commands looks."""
