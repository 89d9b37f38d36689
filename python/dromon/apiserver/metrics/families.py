"""The apiserver's figures as metric families of the client library; imported when first scraped.

Names are upstream's where it has them (Kubernetes documentation, "Metrics Reference").

Neighbours: exposition collects by it; what it reads are the parts' own counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from dromon._core import __version__
from dromon.api.resource import Resource
from dromon.apiserver.audit.log import AuditLog
from dromon.apiserver.flowcontrol.gate import Gate
from dromon.apiserver.flowcontrol.streams import Streams
from dromon.apiserver.metrics.requests import Requests
from dromon.base.histogram import Histogram
from dromon.base.http.server import HttpServer
from dromon.store.cache import CachedStore
from dromon.store.figures import Measured

Families = Iterator[Metric]


@dataclass(frozen=True, slots=True)
class Sources:
    """What is shown. `http` gives the server, which is made after this."""

    requests: Requests
    gate: Gate
    streams: Streams
    store: CachedStore
    resources: Sequence[Resource[Any]]
    audit: AuditLog | None
    http: Callable[[], HttpServer]


def collect(sources: Sources) -> Families:
    """Every family."""
    yield InfoMetricFamily("dromon_build", "Version of dromon.", value={"version": __version__})
    yield from _requests(sources.requests)
    yield from _connections(sources)
    yield from _flow_control(sources.gate)
    yield from _cache(sources)
    backend = sources.store.backend
    if isinstance(backend, Measured):
        yield from _backend(backend)
    if sources.audit is not None:
        yield _counter("apiserver_audit_event", "Audit events that were written.", sources.audit.written)
        yield _counter(
            "apiserver_audit_requests_rejected", "Audit events that were lost.", sources.audit.lost
        )


def buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """A histogram's buckets as the library takes them: cumulative, by upper bound."""
    found, total = [], 0
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        total += count
        found.append(("+Inf" if bound == float("inf") else str(float(bound)), float(total)))
    return found


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _requests(requests: Requests) -> Families:
    labels = ["verb", "group", "version", "resource", "subresource", "scope"]
    total = CounterMetricFamily(
        "apiserver_request",
        "Requests by what they were and how they were answered.",
        labels=[*labels, "code"],
    )
    seconds = HistogramMetricFamily(
        "apiserver_request_duration_seconds",
        "Time from a request to its answer, streams apart.",
        labels=labels,
    )
    for slot in requests.slots():
        for code, count in list(slot.codes.items()):
            total.add_metric([*slot.labels, str(code)], count)
        if slot.seconds.count:
            seconds.add_metric(slot.labels, buckets(slot.seconds), slot.seconds.sum)
    yield total
    yield seconds
    inflight = GaugeMetricFamily(
        "apiserver_current_inflight_requests", "Requests being carried out.", labels=["request_kind"]
    )
    inflight.add_metric(["readOnly"], requests.reading)
    inflight.add_metric(["mutating"], requests.writing)
    yield inflight


def _connections(sources: Sources) -> Families:
    http, streams = sources.http(), sources.streams
    yield _gauge("apiserver_longrunning_requests", "Open watches and other streams.", streams.open)
    yield _counter(
        "dromon_streams_refused", "Watches and streams that were refused: too many.", streams.refused
    )
    yield _gauge("dromon_http_connections", "Open connections.", http.connections)
    yield _counter("dromon_http_connections_refused", "Connections that there was no room for.", http.refused)
    yield _gauge(
        "dromon_http_request_body_bytes", "Request bodies held, those up to 16 KiB apart.", http.body_bytes
    )


def _flow_control(gate: Gate) -> Families:
    label = ["priority_level"]
    prefix = "apiserver_flowcontrol_"
    inqueue = GaugeMetricFamily(prefix + "current_inqueue_requests", "Requests that wait.", labels=label)
    seats = GaugeMetricFamily(
        prefix + "current_executing_requests", "Requests being carried out.", labels=label
    )
    limit = GaugeMetricFamily(prefix + "nominal_limit_seats", "How many may be carried out.", labels=label)
    unread = GaugeMetricFamily(
        "dromon_flowcontrol_answer_bytes", "Long answers that peers have not taken yet.", labels=label
    )
    dispatched = CounterMetricFamily(prefix + "dispatched_requests", "Requests carried out.", labels=label)
    rejected = CounterMetricFamily(
        prefix + "rejected_requests", "Requests refused by 429.", labels=[*label, "reason"]
    )
    waited = HistogramMetricFamily(
        prefix + "request_wait_duration_seconds", "How long requests waited that had to.", labels=label
    )
    for config, level in gate.queues.levels.items():
        counters = gate.counters[config]
        inqueue.add_metric([config.name], level.queued)
        seats.add_metric([config.name], level.executing)
        limit.add_metric([config.name], level.seats)
        unread.add_metric([config.name], level.answer_bytes)
        dispatched.add_metric([config.name], counters.dispatched)
        for reason, count in counters.rejected.items():
            rejected.add_metric([config.name, reason], count)
        waited.add_metric([config.name], buckets(counters.waited), counters.waited.sum)
    yield from (inqueue, seats, limit, unread, dispatched, rejected, waited)
    yield _gauge("dromon_flowcontrol_held_refusals", "Refusals that are held back for a moment.", gate.held)


def _cache(sources: Sources) -> Families:
    store = sources.store
    objects = GaugeMetricFamily("apiserver_storage_objects", "Objects stored.", labels=["resource"])
    size = GaugeMetricFamily("dromon_cache_bytes", "JSON of the objects in the cache.", labels=["resource"])
    watchers = GaugeMetricFamily("dromon_watchers", "Open watches.", labels=["resource"])
    queued = GaugeMetricFamily(
        "dromon_watch_queued_events", "Events that wait for their watchers.", labels=["resource"]
    )
    longest = GaugeMetricFamily(
        "dromon_watch_longest_queue_events", "Events that wait for the slowest watcher.", labels=["resource"]
    )
    events = CounterMetricFamily(
        "apiserver_watch_events", "Events that watches were told.", labels=["group", "version", "resource"]
    )
    cut_off = CounterMetricFamily(
        "dromon_watch_cut_offs", "Watches that did not keep up and were cut off.", labels=["resource"]
    )
    for r in sources.resources:
        if "list" not in r.verbs:
            continue
        found = store.figures(r)
        name = f"{r.plural}.{r.group}" if r.group else r.plural
        objects.add_metric([name], found.objects)
        size.add_metric([name], found.bytes)
        watchers.add_metric([name], found.watchers)
        queued.add_metric([name], found.queued)
        longest.add_metric([name], found.longest)
        events.add_metric([r.group, r.version, r.plural], found.delivered)
        cut_off.add_metric([name], found.cut_off)
    yield from (objects, size, watchers, queued, longest, events, cut_off)
    lag = max(0, store.backend.revision - store.revision)
    yield _gauge("dromon_cache_revision_lag", "Revisions that the store has and the cache does not.", lag)
    yield _gauge("dromon_cache_revision", "The revision that reads show.", store.revision)
    yield _gauge("dromon_cache_unreadable", "Stored values that can't be read.", len(store.unreadable))
    yield _counter("dromon_store_barriers", "Questions to the store how far it is.", store.barriers)


def _backend(backend: Measured) -> Families:
    for name, value in backend.figures().items():
        if isinstance(value, Histogram):
            text = "Of the store's groups of transactions."
            yield HistogramMetricFamily(name, text, buckets=buckets(value), sum_value=value.sum)
        elif name.endswith("_total"):
            yield _counter(name.removesuffix("_total"), "Of the store's backend.", value)
        else:
            yield _gauge(name, "Of the store's backend.", value)
