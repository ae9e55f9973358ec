"""The metrics of a runner. No label names a tenant or an extension: their number is unbounded, and the number of series would be too."""

from __future__ import annotations

import os
from pathlib import Path

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue, MutexValue

import holdfast
from holdfast.contract.execute import Envelope
from holdfast.engine.capi import VERSION
from holdfast.runner.execute.concurrency_limit import ConcurrencyLimit

ANSWERED = "answered"
"""The outcome of a call whose guest responded, with any status; every other outcome is the code of an error."""

_CALL_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_FETCH_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_COMPILE_SECONDS = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one process or, for a worker, its part of the metrics of all workers of a runner. Belongs to one event loop."""

    def __init__(self, folder: Path | None = None, worker: int = 0) -> None:
        """`folder` holds the metrics of all workers of one runner; `worker` is the index of this one."""
        self._folder = folder
        self._registry = CollectorRegistry()
        if folder is None:
            prometheus_client.values.ValueClass = MutexValue
        else:
            # By index and not by process id: a worker that replaces a dead one continues its metrics, and files do not accumulate.
            folder.mkdir(mode=0o700, exist_ok=True)
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
            prometheus_client.values.ValueClass = MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]
        self._calls = self._counter("calls", "Calls by outcome: answered, or the code of the error.", "outcome")
        self._seconds = self._histogram("call_duration_seconds", "Time of a call, from its request to its response.", _CALL_SECONDS)
        self._running = self._gauge("calls_running", "Calls that run now.", "livesum")
        self._host_calls = self._counter("host_calls", "Functions that guests called, by outcome.", "function", "outcome")
        self._ui_answers = self._counter("ui_answers", "Responses to requests for files of pages, by status.", "status")
        self._fetches = self._counter("bundle_fetches", "Bundles fetched from the store, by outcome.", "outcome")
        self._fetch_seconds = self._histogram("bundle_fetch_duration_seconds", "Time to fetch and unpack a bundle.", _FETCH_SECONDS)
        self._evictions = self._counter("bundles_evicted", "Bundles removed from the cache to free space.")
        self._loads = self._counter("components_loaded", "Compiled components loaded into memory.")
        self._compile_seconds = self._histogram("component_compile_duration_seconds", "Time to compile a component.", _COMPILE_SECONDS)
        self._events_dropped = self._counter("debug_events_dropped", "Debug events dropped because they arrived too fast.")
        starts = self._counter("starts", "Processes started: more than there are workers when some had to be replaced.")
        build_info = self._gauge("build_info", "Which Holdfast and which Wasmtime run.", "max", "version", "wasmtime")

        # Looked up once: a lookup by labels costs more than the counting.
        self._outcomes = {ANSWERED: self._calls.labels(ANSWERED)}
        self._observe = self._seconds.observe
        self._functions: dict[tuple[str, str], Counter] = {}
        self._running.set(0)
        starts.inc()
        build_info.labels(holdfast.__version__, VERSION).set(1)

    def watch(self, limit: ConcurrencyLimit) -> None:
        """Counts the calls that run. A lone process counts them on request; a worker writes each change, for the others to read."""
        if self._folder is None:
            self._running.set_function(lambda: limit.running)
        else:
            limit.on_change = self._running.set

    def call_ended(self, envelope: Envelope, seconds: float) -> None:
        """A call that got an envelope. Runs for every call."""
        self.outcome(ANSWERED if envelope.error is None else envelope.failure.code if envelope.failure else "unknown")
        self._observe(seconds)

    def outcome(self, code: str) -> None:
        """How a call or a failed request ended. Codes are constants of the program, never text from a request."""
        counter = self._outcomes.get(code)
        if counter is None:
            counter = self._outcomes[code] = self._calls.labels(code)
        counter.inc()

    def host_call(self, function_id: str, outcome: str) -> None:
        """A host function that a guest called."""
        counter = self._functions.get((function_id, outcome))
        if counter is None:
            counter = self._functions[function_id, outcome] = self._host_calls.labels(function_id, outcome)
        counter.inc()

    def ui_answer(self, status: int) -> None:
        self._ui_answers.labels(str(status)).inc()

    def bundle_fetched(self, outcome: str, seconds: float) -> None:
        """`outcome` is `ok` or the code of the error."""
        self._fetches.labels(outcome).inc()
        self._fetch_seconds.observe(seconds)

    def bundle_evicted(self) -> None:
        self._evictions.inc()

    def component_loaded(self) -> None:
        self._loads.inc()

    def component_compiled(self, seconds: float) -> None:
        self._compile_seconds.observe(seconds)

    def event_dropped(self) -> None:
        self._events_dropped.inc()

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format, with those of the other workers. Reads their files: call it in a thread."""
        if self._folder is None:
            return generate_latest(self._registry)
        all_workers = CollectorRegistry()
        MultiProcessCollector(all_workers, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(all_workers)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"holdfast_runner_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"holdfast_runner_{name}", text, buckets=buckets, registry=self._registry)

    def _gauge(self, name: str, text: str, multiprocess_mode: str, *labels: str) -> Gauge:
        return Gauge(f"holdfast_runner_{name}", text, labels, registry=self._registry, multiprocess_mode=multiprocess_mode)  # type: ignore[arg-type]
