"""Service 2, the gateway: authenticates callers, checks what they may call and how often, and passes calls to the runner.

It also serves the REST API, the publishing API and the internal APIs of the runner. `app` puts their tables of operations together.
"""
