"""The bundle store: a folder, an S3-compatible bucket, or plain HTTP."""
