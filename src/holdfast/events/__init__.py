"""The debug stream: what a call did, for the person who is looking."""
