"""Everything that one runner process works with, opened and closed together."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.trusted_cache import TrustedBundleCache
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.open_store import open_store
from holdfast.bundles.store.protocol import BundleStore
from holdfast.contract.debug_event import DebugEvent
from holdfast.engine import Engine
from holdfast.engine.allocator_choice import RESIDENT_BYTES, choose_allocator, pool_sizes
from holdfast.engine.capi import PoolSizes
from holdfast.engine.loaded_components import memory_budget
from holdfast.events import EventSink, HttpSink, configured_redis, open_redis_sink
from holdfast.events.delivery.batching_sink import BatchingSink
from holdfast.hostcalls import HostServices
from holdfast.http.disconnect import DisconnectWatcher
from holdfast.runner.execute.concurrency_limit import ConcurrencyLimit
from holdfast.runner.execute.development_bundles import DevelopmentBundles
from holdfast.runner.execute.execution import CallExecutor
from holdfast.runner.execute.shared_folder import METRICS
from holdfast.runner.execute.warmup_queue import Place, WarmupQueue
from holdfast.runner.http.service_token import caller_token, outgoing_token
from holdfast.runner.http.trusted_callers import TrustedCallers
from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.runner.telemetry.access_log import CallLog
from holdfast.runner.telemetry.metrics import Metrics
from holdfast.settings import Settings

if TYPE_CHECKING:
    from holdfast.runner.ui.files import PageSource
    from holdfast.runner.ui.tenant import PageAccess

MAX_COMPONENT_CHECKS = 2
KEPT_BUNDLES = 3
"""Bundles of an extension that stay in the cache in development: the newest, and some whose calls may still run."""

_log = structlog.get_logger(__name__)


class EventLogger:
    """The debug stream of a runner without a gateway: writes events to the log, at level debug."""

    def publish(self, event: DebugEvent) -> None:
        _log.debug("debug event", message=event.message, stream=event.stream, level_of_event=event.level, request_id=event.request_id)


@dataclass
class RunnerServices:
    """Created by `open`, inside the event loop; closed by `close`, in reverse order."""

    settings: Settings
    caller_token: str | None = field(repr=False)
    trusted_callers: TrustedCallers
    store: BundleStore
    cache: BundleCache
    engine: Engine
    host: HostServices
    validator: InstallValidator
    concurrency: ConcurrencyLimit
    calls: CallExecutor
    warmups: WarmupQueue
    metrics: Metrics
    call_log: CallLog
    ready: bool = True
    disconnects: DisconnectWatcher = field(default_factory=DisconnectWatcher)
    component_checks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_COMPONENT_CHECKS))
    _closing: AsyncExitStack = field(default_factory=AsyncExitStack, repr=False)

    # Created, and imported, for the first page.

    @cached_property
    def pages(self) -> PageSource:
        """The files of pages."""
        from holdfast.runner.ui.files import PageSource
        from holdfast.runner.ui.security_headers import content_security_policy

        return PageSource(self.cache, policy=content_security_policy(self.settings))

    @cached_property
    def page_access(self) -> PageAccess:
        """For which tenant a page is served."""
        from holdfast.runner.ui.tenant import PageAccess

        return PageAccess(self.validator, strict=self.settings.static_strict_validation)

    @classmethod
    async def open(
        cls,
        settings: Settings,
        *,
        events: EventSink | None = None,
        validator: InstallValidator | None = None,
        worker: int = 0,
    ) -> RunnerServices:
        """Opens a runner's services and tests the engine. `events` and `validator` replace those that the settings name; `worker` is the
        index of this process among the workers of the runner.

        Raises ServiceTokenUnusable, LookupKeyUnusable, BundleStoreUnavailable, InvalidEgressEntry, InvalidRedisUrl, and the
        engine's own error when Wasmtime does not work.
        """
        expected, own = caller_token(settings), outgoing_token(settings)
        store = open_store(settings)
        metrics = Metrics(None if settings.workers_dir is None else settings.workers_dir / METRICS, worker)
        async with AsyncExitStack() as closing:
            if events is None:
                events = await _open_sink(settings, own, closing)
            if isinstance(events, BatchingSink):
                events.on_loss = metrics.event_dropped
            host = HostServices.from_settings(settings, events)
            host.on_host_call = metrics.host_call
            closing.push_async_callback(host.close)
            if validator is None:
                validator = InstallValidator.from_settings(settings, own)
            closing.push_async_callback(validator.close)
            megabytes = settings.loaded_components_mb
            engine = Engine(
                settings.resolved_artifact_root,
                pool=await _pool(settings),
                pool_instances=settings.engine_pool_instances,
                fuel=settings.engine_fuel,
                stack_mb=settings.engine_stack_mb,
                generated_lowering=settings.engine_generated_lowering,
                max_components=settings.loaded_components,
                max_component_bytes=memory_budget(settings.runner_workers) if megabytes is None else megabytes << 20,
            )
            engine.on_load, engine.artifacts.on_compile = metrics.component_loaded, metrics.component_compiled
            closing.push_async_callback(engine.close)
            trusted_callers = TrustedCallers(settings.runner_trusted_callers)
            _warn_about_settings(settings, trusted_callers, authenticated=expected is not None)
            policy = _trust_policy(settings)
            # Production installs published versions, of which several tenants may run an old one.
            keep = KEPT_BUNDLES if settings.environment == "development" else None
            cache = TrustedBundleCache(settings.resolved_cache_root, store, policy, max_bytes=settings.cache_max_bytes, keep=keep)
            cache.on_replaced = engine.forget
            cache.on_fetch, cache.on_evict = metrics.bundle_fetched, metrics.bundle_evicted
            closing.push_async_callback(cache.close)
            development = DevelopmentBundles(allowed=settings.environment == "development")
            warmups = _warmup_queue(cache, engine, development)
            closing.push_async_callback(warmups.close)
            await engine.check_wasmtime()
            concurrency = ConcurrencyLimit(per_install=settings.calls_per_install, per_process=settings.calls_per_process)
            metrics.watch(concurrency)
            return cls(
                settings=settings,
                caller_token=expected,
                trusted_callers=trusted_callers,
                store=store,
                cache=cache,
                engine=engine,
                host=host,
                validator=validator,
                concurrency=concurrency,
                calls=CallExecutor(settings, cache, engine, host, concurrency, development),
                warmups=warmups,
                metrics=metrics,
                call_log=CallLog(metrics, fast=settings.fast_log_lines),
                _closing=closing.pop_all(),
            )

    async def close(self) -> None:
        """Closes all of them. No call may be running."""
        self.ready = False
        await self._closing.aclose()


async def _open_sink(settings: Settings, token: str, closing: AsyncExitStack) -> EventSink | None:
    if (server := configured_redis(settings)) is not None:
        _log.info("Debug events go to Redis", address=str(server))
        return await closing.enter_async_context(open_redis_sink(settings, server))
    base = settings.registry_base_url or settings.storage_api_base_url
    if not base:
        return EventLogger() if settings.log_level == "debug" else None
    parts = urlsplit(base)
    sink = HttpSink(f"{parts.scheme}://{parts.netloc}", token)
    await sink.start()
    closing.push_async_callback(sink.close)
    return sink


async def _pool(settings: Settings) -> bool | PoolSizes:
    instances, megabytes = settings.engine_pool_instances, settings.engine_warm_mb
    warm_bytes = memory_budget(settings.runner_workers) // 4 if megabytes is None else megabytes << 20
    if settings.engine_pool == "auto":
        choice = await choose_allocator(settings.resolved_artifact_root, instances)
        return choice.pool(instances, warm_bytes) or False
    return settings.engine_pool and pool_sizes(instances, RESIDENT_BYTES, warm_bytes)


def _warmup_queue(cache: BundleCache, engine: Engine, development: DevelopmentBundles) -> WarmupQueue:
    async def prepare(place: Place) -> bool:
        async with cache.use(*place) as bundle:
            if bundle.component is not None and bundle.component_sha256 is not None:
                await development.load(engine, bundle)
            return bundle.component is not None

    # Compiling uses every processor; a second preparation fetches and unpacks meanwhile.
    return WarmupQueue(prepare, at_once=max(2, (os.cpu_count() or 1) // 2))


def _warn_about_settings(settings: Settings, trusted: TrustedCallers, *, authenticated: bool) -> None:
    if not authenticated:
        _log.warning("RUNNER_REQUIRE_AUTH=false: everyone who reaches this runner can call every extension. For development only")
    elif trusted:
        _log.warning("RUNNER_TRUSTED_CALLERS: these callers need no token for POST /v1/execute", callers=", ".join(trusted.names))
    if settings.registry_base_url is None and settings.static_strict_validation:
        _log.warning("REGISTRY_BASE_URL is not set: installs cannot be checked, so no pages of extensions are served")


def _trust_policy(settings: Settings) -> TrustPolicy:
    """The policy for signatures. Raises TrustStoreUnusable here, at the start, before every call would fail with it."""
    policy = TrustPolicy.from_settings(settings)
    if policy.count_valid_keys() == 0 and policy.required:
        _log.warning(
            "SIGNING_TRUST_BUNDLE has no valid key, so every bundle is rejected. Add one with `holdfast keys trust FILE.pub`",
            path=str(policy.store.path),
        )
    return policy
