"""Service 1: POST /v1/execute, GET /ext-ui/…, health. Has no database."""
