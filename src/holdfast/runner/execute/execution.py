"""One call from its wire form to its envelope: checked, admitted, its bundle made ready, its guest run, its end reported."""

from __future__ import annotations

import time
from functools import lru_cache

import structlog
from msgspec import Struct

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.errors import ArchiveHashMismatch
from holdfast.bundles.cache.unpacked import UnpackedBundle
from holdfast.bundles.signing.errors import SignatureRejected
from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.hashing import InvalidContentHash, normalize_content_hash
from holdfast.bundles.store.keys import InvalidBundleKey, bundle_key
from holdfast.contract.execute import Envelope, ExecuteCall, FailureReport
from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.engine import Component, ComponentError, Engine, Limits, Outcome
from holdfast.hostcalls import CallContext, CallHost, HostServices, SecretDecryptFailed
from holdfast.runner.errors import BodyTooLarge
from holdfast.runner.execute.batching import Turns
from holdfast.runner.execute.concurrency_limit import Admission, Busy
from holdfast.runner.execute.guest_request import body_of, call_user, guest_request
from holdfast.runner.execute.idempotency import IdempotentAnswers, scope_of
from holdfast.runner.execute.idempotency_files import ANSWERS, SharedAnswers
from holdfast.settings import Settings
from holdfast.world.capabilities import parse_capabilities
from holdfast.world.types import ExecuteRequest, ExecuteResponse

MEMORY_MAX_MB = 1_024
TOGETHER_SECONDS = 0.002
BUNDLE_FAULTS = (ArchiveHashMismatch, ExtractFailed, BundleNotFound, BundleStoreUnavailable, SignatureRejected)

_log = structlog.get_logger(__name__)


class Routing(Struct, frozen=True):
    """What the headers say. The ids must be those of the body."""

    tenant_id: str
    extension_id: str
    request_id: str | None
    idempotency_key: str | None = None


class Refusal(Exception):
    """A call that ends without a guest's answer. `error` is the contract's text, `code` and `message` are for the author."""

    def __init__(self, status: int, error: str, code: str, message: str, report: FailureReport | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.code = code
        self.message = message
        self.report = report or FailureReport(code=code, message=message)


def _execute_failed(code: str, message: str, report: FailureReport | None = None) -> Refusal:
    return Refusal(500, f"execute_failed: {code}: {message}", code, message, report)


class Calls:
    """Runs calls. Belongs to one event loop."""

    def __init__(self, settings: Settings, cache: BundleCache, engine: Engine, host: HostServices, admission: Admission) -> None:
        self._answers = _answers(settings)
        self._settings = settings
        self._timeout_ms, self._timeout_max_ms = settings.call_timeout_ms, settings.call_timeout_max_ms
        self._memory_mb = settings.call_memory_mb
        self._cache = cache
        self._engine = engine
        self._host = host
        self._admission = admission
        self._turns = Turns()
        self._latest: tuple[float, tuple[str, str, str], Component] | None = None

    async def run(self, call: ExecuteCall, routing: Routing) -> Envelope:
        """Answers one call; whatever goes wrong is in the envelope. Cancelling ends the guest.

        A call with an idempotency key that was answered before gets that answer again; one that is under way is joined.
        Raises BodyTooLarge for a body beyond the limit: that is the caller's mistake and no call.
        """
        try:
            digest = self._checked(call, routing)
        except Refusal as refusal:
            return _refused(refusal)
        context = _context(call, routing, digest)
        key = routing.idempotency_key
        if not key:
            return await self._run(call, context, digest)
        envelope, known = await self._answers.once(scope_of(call, key), lambda: self._run(call, context, digest))
        if known:
            self._host.call_host(context, frozenset()).call_repeated(envelope.status)
        return envelope

    async def _run(self, call: ExecuteCall, context: CallContext, digest: str) -> Envelope:
        # Cheap checks come first: a call that cannot run costs no fetch, no compilation and no instance.
        capabilities, unknown = parse_capabilities(call.providers)
        door = self._host.call_host(context, capabilities)
        try:
            if unknown:
                names = ", ".join(unknown)
                raise Refusal(400, f"unknown_capabilities: {names}", "unknown_capabilities", names)
            if call.secret_envelope is not None:
                door = self._host.call_host(context, capabilities, await self._secrets(call.secret_envelope, context))
            request = self._request(call, context)
            with self._admission.admit(context.tenant_id, context.install_id or context.extension_id):
                door.call_started(call.http.method, call.http.path)
                return await self._execute(call, context, digest, request, door)
        except Busy as busy:
            return _refused(Refusal(429, f"busy: {busy}", "busy", str(busy)))
        except Refusal as refusal:
            report = refusal.report
            door.call_failed(refusal.code, refusal.message, report.guest_stack)
            return _refused(refusal)

    def _checked(self, call: ExecuteCall, routing: Routing) -> str:
        """The bundle's digest, when the call is about one tenant and one extension only."""
        if not routing.tenant_id or not routing.extension_id:
            message = "x-alga-tenant and x-alga-extension are required"
            raise Refusal(400, "missing_routing_headers", "missing_routing_headers", message)
        if (routing.tenant_id, routing.extension_id) != (call.context.tenant_id, call.context.extension_id):
            raise Refusal(400, "routing_mismatch", "routing_mismatch", "the headers name another tenant or extension than the body")
        try:
            return _digest(call.context.tenant_id, call.context.extension_id, call.context.content_hash)
        except (InvalidContentHash, InvalidBundleKey) as error:
            raise Refusal(400, f"{error.code}: {error.message}", error.code, error.message) from None

    async def _secrets(self, envelope: SecretEnvelope, context: CallContext) -> dict[str, str]:
        try:
            return await self._host.open_secrets(envelope, context)
        except SecretDecryptFailed as error:
            raise Refusal(500, "secret_decrypt_failed", "secret_decrypt_failed", str(error)) from None

    def _request(self, call: ExecuteCall, context: CallContext) -> ExecuteRequest:
        try:
            body = body_of(call)
        except ValueError as error:
            raise _execute_failed("invalid_body", f"invalid body base64: {error}") from None
        if body is not None and len(body) > self._settings.request_body_max_bytes:
            raise BodyTooLarge(f"The body for the extension is larger than {self._settings.request_body_max_bytes} bytes.")
        return guest_request(call, context, body)

    async def _execute(self, call: ExecuteCall, context: CallContext, digest: str, request: ExecuteRequest, door: CallHost) -> Envelope:
        component = await self._component(context, digest)
        await self._turns.gather()
        door.handler_started()
        try:
            outcome = await self._engine.execute(component, request, door, self._limits(call))
        except Exception as error:
            _log.exception("The engine failed", request_id=context.request_id)
            raise _execute_failed("host_failure", f"the engine failed ({type(error).__name__})") from error
        await self._turns.settle()
        return _answered(outcome, door)

    async def _component(self, context: CallContext, digest: str) -> Component:
        # Calls of one bundle that come together look at the disk once.
        now, about = time.perf_counter(), (context.tenant_id, context.extension_id, digest)
        if self._latest is None or now - self._latest[0] > TOGETHER_SECONDS or self._latest[1] != about:
            self._latest = (now, about, await self._made_ready(context, digest))
        return self._latest[2]

    async def _made_ready(self, context: CallContext, digest: str) -> Component:
        try:
            # Of a component that is in memory nothing is needed from the disk; but that it is still there, and allowed, is seen each time.
            bundle = self._cache.peek(context.tenant_id, context.extension_id, digest)
            if bundle is not None and bundle.component_sha256 is not None:
                component = self._engine.loaded(bundle.component_sha256)
                if component is not None:
                    return component
            async with self._cache.use(context.tenant_id, context.extension_id, digest) as bundle:
                return await self._load(bundle, digest)
        except BUNDLE_FAULTS as error:
            raise Refusal(502, f"bundle_fetch_failed: {error.message}", "bundle_fetch_failed", str(error)) from None

    async def _load(self, bundle: UnpackedBundle, digest: str) -> Component:
        if bundle.component is None or bundle.component_sha256 is None:
            message = "the bundle has no dist/main.wasm"
            raise Refusal(502, f"bundle_fetch_failed: {message}", "bundle_fetch_failed", message)
        try:
            return await self._engine.load(bundle.component, bundle.component_sha256)
        except ComponentError as error:
            raise _execute_failed(error.code, str(error)) from None
        except Exception as error:
            _log.exception("The engine could not load a component", content_hash=digest)
            raise Refusal(500, f"engine_init_failed: {type(error).__name__}", "engine_init_failed", "see the runner's log") from error

    def _limits(self, call: ExecuteCall) -> Limits:
        asked = call.limits
        timeout_ms = self._timeout_ms if asked.timeout_ms is None else asked.timeout_ms
        memory_mb = self._memory_mb if asked.memory_mb is None else asked.memory_mb
        return Limits(
            timeout_ms=max(1, min(timeout_ms, self._timeout_max_ms)),
            memory_mb=max(1, min(memory_mb, MEMORY_MAX_MB)),
            fuel=asked.fuel,  # without an effect unless the engine counts it
        )


def _answers(settings: Settings) -> IdempotentAnswers:
    seconds, max_bytes, folder = settings.idempotency_seconds, settings.idempotency_max_bytes, settings.workers_dir
    shared = None if folder is None else SharedAnswers(folder / ANSWERS, seconds=seconds, max_bytes=max_bytes)
    return IdempotentAnswers(seconds=seconds, max_bytes=max_bytes, shared=shared)


@lru_cache(maxsize=1_000)
def _digest(tenant_id: str, extension_id: str, content_hash: str) -> str:
    """The hash in hex, when all three can be parts of a bundle's key. Raises InvalidContentHash, InvalidBundleKey."""
    bundle_key(tenant_id, extension_id, content_hash)
    return normalize_content_hash(content_hash)


def _context(call: ExecuteCall, routing: Routing, digest: str) -> CallContext:
    about = call.context
    return CallContext(
        request_id=about.request_id or routing.request_id,
        tenant_id=about.tenant_id,
        extension_id=about.extension_id,
        install_id=about.install_id,
        version_id=about.version_id,
        content_hash=f"sha256:{digest}",
        config=about.config,
        user=None if call.user is None else call_user(call.user),
        egress=tuple(about.egress),
        secrets=call.secret_envelope,
    )


def _refused(refusal: Refusal) -> Envelope:
    return Envelope(status=refusal.status, error=refusal.error, failure=refusal.report)


def _answered(outcome: Outcome, door: CallHost) -> Envelope:
    if outcome.failure is not None:
        failure = outcome.failure
        report = FailureReport(
            code=failure.code.value, message=failure.message, guest_stack=list(failure.guest_stack), stderr=list(failure.stderr)
        )
        raise _execute_failed(failure.code.value, failure.message, report)
    assert outcome.response is not None
    response: ExecuteResponse = outcome.response
    door.call_finished(response.status, outcome.duration_ms)
    header_list = [(header.name, header.value) for header in response.headers]
    return Envelope(status=response.status, headers=_joined(header_list), body_b64=response.body, header_list=header_list)


def _joined(header_list: list[tuple[str, str]]) -> dict[str, str | list[str]]:
    """One value for each name; names that differ in case only are one, written as the first."""
    names: dict[str, str] = {}
    joined: dict[str, str | list[str]] = {}  # lists come from other runners only
    for name, value in header_list:
        known = names.setdefault(name.lower(), name)
        joined[known] = f"{joined[known]}, {value}" if known in joined else value
    return joined
