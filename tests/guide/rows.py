"""The promises of the guide for extension developers that Holdfast keeps. The tests of each are named `test_row_<number>_…`."""

from __future__ import annotations

ROWS = {
    1: "bundles are stored in a bucket of an S3 server, named by BUNDLE_STORE_BASE and S3_*",
    4: "PORT=3004 sets the port of the platform",
    5: "RUNNER_BACKEND, RUNNER_BASE_URL, RUNNER_DOCKER_HOST, RUNNER_PUBLIC_BASE and RUNNER_SERVICE_TOKEN are read",
    6: "npm run build and npm run build:component, with alga build behind them, produce dist/main.wasm and the pages",
    7: "an extension with pages only needs ui/ and the manifest",
    8: "a bundle made with tar and uploaded by hand is served at once, from S3 and from a folder",
    10: "SELECT tenant FROM tenants and both UPDATE statements work with psql",
    11: "nothing has to be restarted: failures are not cached",
    12: "/msp/extensions/{id}/, the sidebar EXTENSIONS, the frame, and the tenant in the header",
    13: "POST /api/ext/{id}/path with a bearer token",
    14: "a page calls its handler through the postMessage proxy",
    20: "an install reads the manifest, hashes the bundle, checks for signatures, writes four tables, and has the same ids each time",
    21: "after an uninstall, the next call fails with the words `extension not found`",
    22: "the runner's log has its port, a line for each call, and failures at level error or warning",
    23: "the gateway's log has a line for each call, the runner that it calls, and failures at level error or warning",
    24: "the handler as printed builds and runs, with Holdfast's SDK and with the published runtime installed",
    25: "log lines of handlers are in the runner's log, at their level, and `holdfast logs` shows them",
    26: "XREAD COUNT 10 STREAMS ext:debug 0 shows context, handler start, host calls and response",
    27: "a runner that cannot start reports the busy port and who has it",
    29: "a 404 says whether the extension is not installed or the path not declared; a missing gateway is reported as such",
    30: "a trap has a stack mapped to the source, and a missing capability is named",
    32: "store unreachable, bucket missing, bundle missing and wrong hash are reported apart",
    33: "archive_hash_mismatch shows both hashes",
    36: "another runner in front of the platform is used as soon as it listens",
    37: "bundles are at tenants/{tenant}/extensions/{extension}/sha256/{hash}/bundle.tar.zst",
    38: "unit tests import the testing utilities from an installed package that has types and JavaScript",
    39: "publish and install on a staging server",
}
