"""The platform as the guide sets it up: S3 server, Redis, PostgreSQL, a runner on its own, and the application server in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.bundles.s3_server import make_bucket, s3_server
from tests.cli.command_runner import Platform
from tests.e2e.running_platform import RunningPlatform
from tests.events.recording_server import free_port
from tests.events.redis_process import redis_process
from tests.guide.setup import GuideSetup, RunnerProcess
from tests.records.postgres import PostgresServer

ENV_RUNNER = """\
RUNNER_REGISTRY_BASE_URL=http://127.0.0.1:{port}/api/internal/ext-runner
RUNNER_BUNDLE_STORE_BASE={bucket}
BUNDLE_STORE_BASE={bucket}
S3_ACCESS_KEY=minioadmin
S3_SECRET_KEY=minioadmin
S3_REGION=us-east-1
RUNNER_ALGA_AUTH_KEY=dev-runner-key
RUNNER_STATIC_STRICT_VALIDATION=false
RUNNER_DEBUG_REDIS_URL={redis}
RUNNER_DEBUG_REDIS_STREAM_PREFIX=ext:debug
RUNNER_PUBLIC_BASE=/runner
RUNNER_BACKEND=docker
"""


@pytest.fixture(scope="session")
def guide(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuideSetup]:
    """All processes of the guide, started once for a worker. Tests install extensions with names of their own."""
    folder = tmp_path_factory.mktemp("guide")
    with ExitStack() as open_blocks:
        database = open_blocks.enter_context(postgres.empty())
        bucket = make_bucket(open_blocks.enter_context(s3_server(folder)), "extensions")
        redis = open_blocks.enter_context(redis_process(folder))
        port = free_port()
        (folder / ".env.runner").write_text(ENV_RUNNER.format(port=port, bucket=bucket, redis=redis.url))
        runner = open_blocks.enter_context(RunnerProcess(folder))
        variables = {
            "DATABASE_URL": database,
            "PORT": str(port),
            "RUNNER_BASE_URL": runner.origin,
            "RUNNER_DOCKER_HOST": runner.origin,
            "RUNNER_SERVICE_TOKEN": runner.token,
        }
        process = open_blocks.enter_context(Platform(folder, as_json=True, port=None, **variables))
        platform = RunningPlatform(folder=folder, log=process.stderr_text, variables=variables, **process.ready())
        yield GuideSetup(platform, process, runner, redis, postgres, bucket, port)
