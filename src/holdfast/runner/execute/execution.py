"""One call, from the request body to its envelope.

check headers and hash ──▶ known idempotency key? ──yes──▶ repeat the response
                                 │ no
                                 ▼
capabilities ──▶ secrets ──▶ body ──▶ concurrency limit ──▶ bundle and component ──▶ guest ──▶ envelope

Any step may raise CallFailed, which becomes an envelope with an error.
"""

from __future__ import annotations

import time
from functools import lru_cache

import structlog
from msgspec import UNSET, Struct, UnsetType, structs

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.errors import ArchiveHashMismatch, rule_of
from holdfast.bundles.cache.unpacked import UnpackedBundle
from holdfast.bundles.signing.errors import SignatureRejected
from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.hashing import InvalidContentHash, normalize_content_hash
from holdfast.bundles.store.keys import InvalidBundleKey, bundle_key
from holdfast.contract.execute import BEING_PREPARED, CallUsage, Envelope, ExecuteCall, FailureReport
from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.engine import Component, ComponentError, Engine, Limits, Outcome
from holdfast.hostcalls import CallContext, CallHost, HostServices, SecretDecryptFailed
from holdfast.runner.execute.batching import CallBatcher
from holdfast.runner.execute.concurrency_limit import Busy, ConcurrencyLimit
from holdfast.runner.execute.development_bundles import DevelopmentBundles
from holdfast.runner.execute.guest_request import GuestBody, call_user, guest_request
from holdfast.runner.execute.idempotency import IdempotentCalls, idempotency_scope, repeatable_as
from holdfast.runner.execute.idempotency_files import SharedResponses
from holdfast.runner.execute.shared_folder import RESPONSES
from holdfast.runner.http.errors import BodyTooLarge
from holdfast.settings import Settings
from holdfast.world.capabilities import parse_capabilities
from holdfast.world.types import ExecuteRequest, ExecuteResponse

MEMORY_MAX_MB = 1_024
COMPONENT_REUSE_SECONDS = 0.002
"""Calls of one bundle that arrive within this time check the disk once."""

BUNDLE_ERRORS = (ArchiveHashMismatch, ExtractFailed, BundleNotFound, BundleStoreUnavailable, SignatureRejected)

_log = structlog.get_logger(__name__)


class Routing(Struct, frozen=True):
    """The values of the routing headers. The ids must be the same as in the body.

    `reports_usage`: the caller asks for `usage`. `prepared_only`: execute nothing unless the bundle is fetched and compiled.
    """

    tenant_id: str
    extension_id: str
    request_id: str | None
    idempotency_key: str | None = None
    reports_usage: bool = False
    prepared_only: bool = False


class CallFailed(Exception):
    """Raised when a call ends without a guest's response. `error` is the contract's text, `code` and `message` are for the author."""

    usage: CallUsage | UnsetType = UNSET

    def __init__(self, status: int, error: str, code: str, message: str, report: FailureReport | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.code = code
        self.message = message
        self.report = report or FailureReport(code=code, message=message)


_NOT_PREPARED = CallFailed(503, BEING_PREPARED, BEING_PREPARED, "the bundle is not fetched and compiled yet")


def _execute_failed(code: str, message: str, report: FailureReport | None = None) -> CallFailed:
    return CallFailed(500, f"execute_failed: {code}: {message}", code, message, report)


def _bundle_failed(error: str, message: str, rule: str) -> CallFailed:
    code = "bundle_fetch_failed"
    return CallFailed(502, f"{code}: {error}", code, message, FailureReport(code=code, message=message, rule=rule))


class CallExecutor:
    """Runs calls. Belongs to one event loop."""

    def __init__(
        self,
        settings: Settings,
        cache: BundleCache,
        engine: Engine,
        host: HostServices,
        limit: ConcurrencyLimit,
        development: DevelopmentBundles,
    ) -> None:
        self._idempotency = _idempotent_calls(settings)
        self._settings = settings
        self._timeout_ms, self._timeout_max_ms = settings.call_timeout_ms, settings.call_timeout_max_ms
        self._memory_mb = settings.call_memory_mb
        self._cache = cache
        self._engine = engine
        self._development = development
        self._host = host
        self._limit = limit
        self._batcher = CallBatcher(enabled=settings.call_batching)
        # When the last call looked up its component, the key of its bundle, and the component: see COMPONENT_REUSE_SECONDS.
        self._latest: tuple[float, tuple[str, str, str], Component] | None = None

    async def run(self, call: ExecuteCall, body: GuestBody, routing: Routing) -> Envelope:
        """Runs one call; `body` is what the guest gets. Every failure is in the envelope. Cancelling it ends the guest.

        A call with an idempotency key of an earlier call gets the response of that call, or waits for it. Raises BodyTooLarge for a body
        beyond the limit: that is an error of the request, before there is a call.
        """
        try:
            digest = self._check_routing(call, routing)
        except CallFailed as failure:
            return _failed_envelope(failure)
        context = _context(call, routing, digest)
        key = routing.idempotency_key
        if not key or body.problem is not None:
            return await self._run(call, body, context, digest, routing)
        envelope, is_repeated = await self._idempotency.run_once(
            idempotency_scope(call, body.content, key), lambda: self._run(call, body, context, digest, routing)
        )
        if is_repeated:
            envelope = structs.replace(envelope, usage=UNSET)  # the call that ran has reported it
            self._host.call_host(context, frozenset()).call_repeated(envelope.status)
        return envelope

    async def _run(self, call: ExecuteCall, body: GuestBody, context: CallContext, digest: str, routing: Routing) -> Envelope:
        # Cheap checks come first: a call that cannot run costs no fetch, no compilation and no instance.
        capabilities, unknown = parse_capabilities(call.providers)
        host = self._host.call_host(context, capabilities)
        try:
            if unknown:
                names = ", ".join(unknown)
                raise CallFailed(400, f"unknown_capabilities: {names}", "unknown_capabilities", names)
            if isinstance(call.secret_envelope, SecretEnvelope):
                host = self._host.call_host(context, capabilities, await self._secrets(call.secret_envelope, context))
            request = self._request(call, body, context)
            if routing.prepared_only and not self._is_prepared(context, digest):
                # No event for the author: the caller sends the call again.
                return _failed_envelope(_NOT_PREPARED)
            with self._limit.admit(context.tenant_id, context.install_id or context.extension_id):
                host.call_started(call.http.method, call.http.path)
                return await self._execute(call, context, digest, request, host, routing)
        except Busy as busy:
            return _failed_envelope(CallFailed(429, f"busy: {busy}", "busy", str(busy)))
        except CallFailed as failure:
            report = failure.report
            host.call_failed(failure.code, failure.message, report.guest_stack)
            return _failed_envelope(failure)

    def _check_routing(self, call: ExecuteCall, routing: Routing) -> str:
        """The bundle's digest. Raises CallFailed unless headers and body name the same tenant and extension."""
        if not routing.tenant_id or not routing.extension_id:
            message = "x-alga-tenant and x-alga-extension are required"
            raise CallFailed(400, "missing_routing_headers", "missing_routing_headers", message)
        if (routing.tenant_id, routing.extension_id) != (call.context.tenant_id, call.context.extension_id):
            raise CallFailed(400, "routing_mismatch", "routing_mismatch", "the headers name another tenant or extension than the body")
        try:
            return _digest(call.context.tenant_id, call.context.extension_id, call.context.content_hash)
        except (InvalidContentHash, InvalidBundleKey) as error:
            raise CallFailed(400, f"{error.code}: {error.message}", error.code, error.message) from None

    async def _secrets(self, envelope: SecretEnvelope, context: CallContext) -> dict[str, str]:
        try:
            return await self._host.open_secrets(envelope, context)
        except SecretDecryptFailed as error:
            raise CallFailed(500, "secret_decrypt_failed", "secret_decrypt_failed", str(error)) from None

    def _request(self, call: ExecuteCall, body: GuestBody, context: CallContext) -> ExecuteRequest:
        if body.problem is not None:
            raise _execute_failed("invalid_body", body.problem)
        if body.content is not None and len(body.content) > self._settings.request_body_max_bytes:
            raise BodyTooLarge(f"The body for the extension is larger than {self._settings.request_body_max_bytes} bytes.")
        return guest_request(call, context, body.content)

    async def _execute(
        self, call: ExecuteCall, context: CallContext, digest: str, request: ExecuteRequest, host: CallHost, routing: Routing
    ) -> Envelope:
        component = await self._component(context, digest)
        await self._batcher.before_guest()
        host.handler_started()
        try:
            outcome = await self._engine.execute(component, request, host, self._limits(call))
        except Exception as error:
            _log.exception("The engine failed", request_id=context.request_id)
            raise _execute_failed("host_failure", f"the engine failed ({type(error).__name__})") from error
        await self._batcher.after_guest()
        return _envelope(outcome, host, _usage(outcome, host) if routing.reports_usage else UNSET)

    async def _component(self, context: CallContext, digest: str) -> Component:
        now, key = time.perf_counter(), (context.tenant_id, context.extension_id, digest)
        if self._latest is None or now - self._latest[0] > COMPONENT_REUSE_SECONDS or self._latest[1] != key:
            self._latest = (now, key, await self._prepare(context, digest))
        return self._latest[2]

    async def _prepare(self, context: CallContext, digest: str) -> Component:
        try:
            # A component in memory needs nothing from the disk. Each call still checks that its bundle is there and may run.
            bundle = self._cache.peek(context.tenant_id, context.extension_id, digest)
            if bundle is not None and bundle.component_sha256 is not None:
                component = self._loaded(bundle, bundle.component_sha256)
                if component is not None:
                    return component
            async with self._cache.use(context.tenant_id, context.extension_id, digest) as bundle:
                return await self._load(bundle, digest)
        except BUNDLE_ERRORS as error:
            raise _bundle_failed(error.message, str(error), rule_of(error)) from None

    def _is_prepared(self, context: CallContext, digest: str) -> bool:
        """Whether the call needs neither a fetch nor a compilation. What else is wrong with its bundle, the call reports."""
        now, key = time.perf_counter(), (context.tenant_id, context.extension_id, digest)
        if self._latest is not None and now - self._latest[0] <= COMPONENT_REUSE_SECONDS and self._latest[1] == key:
            return True
        try:
            bundle = self._cache.peek(context.tenant_id, context.extension_id, digest)
        except BUNDLE_ERRORS:
            return True
        if bundle is None or bundle.component_sha256 is None:
            return bundle is not None
        component = self._loaded(bundle, bundle.component_sha256)
        if component is None:
            return self._engine.is_compiled(bundle.component_sha256)
        self._latest = (now, key, component)  # the call looks it up in a moment
        return True

    def _loaded(self, bundle: UnpackedBundle, component_sha256: str) -> Component | None:
        component = self._engine.loaded(component_sha256)
        return None if component is None else self._development.kept(bundle, component)

    async def _load(self, bundle: UnpackedBundle, digest: str) -> Component:
        if bundle.component is None or bundle.component_sha256 is None:
            message = "the bundle has no dist/main.wasm"
            raise _bundle_failed(message, message, "component_missing")
        try:
            return await self._development.load(self._engine, bundle)
        except ComponentError as error:
            raise _execute_failed(error.code, str(error)) from None
        except Exception as error:
            _log.exception("The engine could not load a component", content_hash=digest)
            raise CallFailed(500, f"engine_init_failed: {type(error).__name__}", "engine_init_failed", "see the runner's log") from error

    def _limits(self, call: ExecuteCall) -> Limits:
        requested = call.limits
        timeout_ms = self._timeout_ms if requested.timeout_ms is None else requested.timeout_ms
        memory_mb = self._memory_mb if requested.memory_mb is None else requested.memory_mb
        return Limits(
            timeout_ms=max(1, min(timeout_ms, self._timeout_max_ms)),
            memory_mb=max(1, min(memory_mb, MEMORY_MAX_MB)),
            fuel=requested.fuel,  # has no effect unless the engine counts fuel
        )


def _idempotent_calls(settings: Settings) -> IdempotentCalls:
    seconds, max_bytes, folder = settings.idempotency_seconds, settings.idempotency_max_bytes, settings.workers_dir
    shared = None if folder is None else SharedResponses(folder / RESPONSES, seconds=seconds, max_bytes=max_bytes)
    return IdempotentCalls(seconds=seconds, max_bytes=max_bytes, shared=shared)


@lru_cache(maxsize=1_000)
def _digest(tenant_id: str, extension_id: str, content_hash: str) -> str:
    """The hash in hex. Raises InvalidContentHash and InvalidBundleKey unless all three can be parts of a bundle's key."""
    bundle_key(tenant_id, extension_id, content_hash)
    return normalize_content_hash(content_hash)


def _context(call: ExecuteCall, routing: Routing, digest: str) -> CallContext:
    context = call.context
    return CallContext(
        request_id=context.request_id or routing.request_id,
        tenant_id=context.tenant_id,
        extension_id=context.extension_id,
        extension_name=context.extension_name if isinstance(context.extension_name, str) else None,
        extension_version=context.extension_version if isinstance(context.extension_version, str) else None,
        install_id=context.install_id,
        version_id=context.version_id,
        content_hash=f"sha256:{digest}",
        config=context.config,
        user=None if call.user is None else call_user(call.user),
        schedule_id=context.schedule_id if isinstance(context.schedule_id, str) else None,
        repeatable_as=repeatable_as(call, routing.idempotency_key),
        egress=tuple(context.egress),
        egress_withheld=tuple(context.egress_withheld) if isinstance(context.egress_withheld, list) else None,
        ui_proxy_routes=tuple(context.ui_proxy_routes) if isinstance(context.ui_proxy_routes, list) else None,
        call_token=context.call_token if isinstance(context.call_token, str) else None,
        secrets=call.secret_envelope if isinstance(call.secret_envelope, SecretEnvelope) else None,
    )


def _failed_envelope(failure: CallFailed) -> Envelope:
    return Envelope(status=failure.status, error=failure.error, failure=failure.report, usage=failure.usage)


def _usage(outcome: Outcome, host: CallHost) -> CallUsage:
    return CallUsage(cpu_us=round(outcome.cpu_seconds * 1_000_000), fuel=outcome.fuel_used, egress_bytes=host.egress_bytes)


def _envelope(outcome: Outcome, host: CallHost, usage: CallUsage | UnsetType) -> Envelope:
    if outcome.failure is not None:
        failure = outcome.failure
        report = FailureReport(
            code=failure.code.value, message=failure.message, guest_stack=list(failure.guest_stack), stderr=list(failure.stderr)
        )
        failed = _execute_failed(failure.code.value, failure.message, report)
        failed.usage = usage
        raise failed
    assert outcome.response is not None
    response: ExecuteResponse = outcome.response
    host.call_finished(response.status, outcome.duration_ms)
    header_list = [(header.name, header.value) for header in response.headers]
    return Envelope(
        status=response.status, headers=_join_headers(header_list), body_b64=response.body, header_list=header_list, usage=usage
    )


def _join_headers(header_list: list[tuple[str, str]]) -> dict[str, str | list[str]]:
    """One value per name. Names that differ only in case are one name, spelled as the first."""
    names: dict[str, str] = {}
    joined: dict[str, str | list[str]] = {}  # lists come from other runners only
    for name, value in header_list:
        spelling = names.setdefault(name.lower(), name)
        joined[spelling] = f"{joined[spelling]}, {value}" if spelling in joined else value
    return joined
