"""The gateway: who is calling, may they, how often; then the call goes to the runner, and its answer back. And the runner's own API."""
