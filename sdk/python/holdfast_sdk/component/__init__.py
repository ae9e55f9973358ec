"""What runs inside a component besides the handler: its files, its start, its event loop. Works only there."""
