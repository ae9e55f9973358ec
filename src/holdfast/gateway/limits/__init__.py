"""How much callers and extensions may use: rate limits of calls, and quotas of installs for each day."""
