"""`holdfast up` with its bundles on an S3-compatible server, as `.env.runner` names it."""

from __future__ import annotations

from pathlib import Path

import httpx2

from tests.bundles.s3_server import make_bucket, s3_server
from tests.cli.command_runner import Platform
from tests.waiting import MAX_WAIT_SECONDS


def test_bundles_are_stored_in_and_read_from_the_bucket_and_no_signature_is_logged(tmp_path: Path, extension: Path) -> None:
    with s3_server(tmp_path) as origin:
        base = make_bucket(origin, "extensions")
        (tmp_path / ".env.runner").write_text(
            f"RUNNER_BUNDLE_STORE_BASE={base}\nS3_ACCESS_KEY=minioadmin\nMINIO_SECRET_KEY=the-secret-key-of-the-bucket\nS3_REGION=us-east-1\n"
        )
        with Platform(tmp_path, extension, HOLDFAST_LOG_LEVEL="debug") as platform:
            ready = platform.ready()
            with httpx2.Client(trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
                response = client.get(f"{ready['console']}/api/ext/com.example.sample/ping", headers={"x-api-key": ready["api_key"]})
                assert (response.status_code, response.text) == (200, "ok")
                assert client.get(f"{ready['runner']}/healthz").json()["bundle_store"] == "ok"
                assert "/bundle.tar.zst" in client.get(base).text
            assert not (platform.data_dir / "bundles").exists()
            for secret in ("the-secret-key-of-the-bucket", "X-Amz-", "Signature"):
                assert secret not in platform.stderr_text()
