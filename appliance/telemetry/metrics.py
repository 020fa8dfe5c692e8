"""What one process counts about itself, for Prometheus to fetch.

Labels have few values each: never an id, a user, an application or a language. What concerns all processes together,
such as the queue, is not counted here but read from the database when it is asked for: `appliance/status/collector.py`.
"""

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from appliance import __version__
from appliance.telemetry.noting import Noted, take_notes
from appliance.telemetry.tally import Tally

_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_WORK_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60, 300)
_JOB_S = (0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 900)
_WER = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
_SIMILARITY = (0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
_PRIORITIES = ("0", "1", "2")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BATCH_ITEMS = (1, 2, 4, 8, 16, 32, 50, 100)
_DUTY_S = (0.01, 0.1, 1, 10, 60, 600)


class Metrics:
    """One process's metrics in a registry of their own."""

    def __init__(self) -> None:
        """Start everything at zero."""
        self.registry = CollectorRegistry()
        self.tally = Tally()
        ProcessCollector(registry=self.registry)
        build = Gauge("meeshy_build_info", "Always 1; the label is the version.", ["version"], registry=self.registry)
        build.labels(__version__).set(1)
        self._http_requests = self._counter("http_requests", "Answered requests.", "route", "method", "status")
        self._http_s = self._histogram(
            "http_request_duration_seconds", "From a request's headers to the answer's end.", _REQUEST_S, "route"
        )
        self._refusals = self._counter("refusals", "Requests refused for a limit or an outage, by error code.", "code")
        self._jobs_refused = self._counter("jobs_refused", "Jobs that admission refused.", "priority")
        self._stage_s = self._histogram("stage_duration_seconds", "Time a batch took.", _WORK_S, "family")
        self._batch_items = self._histogram("batch_items", "Items run together.", _BATCH_ITEMS, "family")
        self._models = {
            event: self._counter(f"model_{event}s", says, "kind")
            for event, says in (("load", "Models loaded into memory."), ("eviction", "Models that had to leave it."))
        }
        self._housekeeping_found = Gauge(
            "meeshy_housekeeping_found", "What was due at the last round.", ["duty"], registry=self.registry
        )
        self._housekeeping_done = self._counter("housekeeping_done", "What was dealt with.", "duty")
        self._housekeeping_failures = self._counter("housekeeping_failures", "Rounds that failed.", "duty")
        self._housekeeping_s = self._histogram("housekeeping_duration_seconds", "Time of a round.", _DUTY_S, "duty")
        self._housekeeping_last = Gauge(
            "meeshy_housekeeping_last_success_timestamp_seconds",
            "When a round last succeeded in this process.",
            ["duty"],
            registry=self.registry,
        )
        self._noted = self._of_transactions()
        self._begin_at_zero()

    def _of_transactions(self) -> dict[Noted, Counter | Histogram]:
        """Return what transactions note."""
        return {
            "jobs_accepted": self._counter("jobs_accepted", "Jobs accepted.", "priority"),
            "jobs_admitted": self._counter("jobs_admitted", "Jobs accepted that are work.", "priority"),
            "jobs_finished": self._counter("jobs_finished", "Jobs that ended.", "state"),
            "jobs_sla": self._counter("jobs_sla", "Jobs that ended, by their deadline.", "priority", "outcome"),
            "job_duration_s": self._histogram(
                "job_duration_seconds", "From acceptance to the end of jobs with audio.", _JOB_S, "priority"
            ),
            "queue_wait_s": self._histogram("queue_wait_seconds", "Time until work was claimed.", _WORK_S, "family"),
            "attempts_lost": self._counter("attempts_lost", "Claims that ended without an outcome.", "cause"),
            "phrase_look_ups": self._counter("phrase_look_ups", "Sentences looked up, by what knew them.", "outcome"),
            "phrases_ahead": self._counter("phrases_ahead", "Phrases translated or spoken in idle time.", "what"),
            "stale_fences": self._counter("stale_fences", "Writes dropped because the lease was lost."),
            "cache_lookups": self._counter(
                "cache_lookups", "Looks into a cache level, by what came of them.", "level", "kind", "outcome"
            ),
            "receipts": self._counter("receipts", "Languages that were spoken, by the receipt's verdict.", "verdict"),
            "receipt_wer": self._histogram("receipt_wer_ratio", "Word error rate of spoken languages.", _WER),
            "receipt_similarity": self._histogram(
                "receipt_similarity_ratio", "Likeness of the voice that spoke to the speaker's.", _SIMILARITY, "voice"
            ),
            "work_audio_s": self._counter("work_audio_seconds", "Recordings that batches were for.", "family"),
            "webhook_attempts": self._counter("webhook_attempts", "Attempts at webhooks that ended.", "outcome"),
        }

    def _begin_at_zero(self) -> None:
        """Tell what alerts are made from before it first happens: a rate does not see the step from nothing to one."""
        for priority in _PRIORITIES:
            for outcome in ("met", "late", "failed"):
                self._noted["jobs_sla"].labels(priority, outcome)
        for verdict in ("accepted", "needs_review"):
            self._noted["receipts"].labels(verdict)

    def count_commits_of(self, engine: sa.Engine) -> None:
        """Count what this engine's transactions note."""
        take_notes(engine, self._take)

    def answered(
        self, route: str, method: str, status: int, took_s: float, refusal: str | None, priority: int | None = None
    ) -> None:
        """Count a request: the route's template, the status, and the error's code where it was refused for a limit.

        `priority` is that of a job which admission refused.
        """
        status_class = f"{status // 100}xx" if status else "none"
        # A client may name its method as it likes, and each name would be a series for ever.
        method = method if method in _METHODS else "other"
        self._http_requests.labels(route or "unmatched", method, status_class).inc()
        self._http_s.labels(route or "unmatched").observe(took_s)
        if refusal is not None:
            self._refusals.labels(refusal).inc()
        if priority is not None:
            self._jobs_refused.labels(str(priority)).inc()
            self.tally.count(f"refused.p{priority}")
        # The console's own requests would be most of what an idle appliance is asked.
        if not route.startswith("/api/v1/admin/"):
            self.tally.count("requests")
            if refusal is not None or status >= 500:
                self.tally.count("refused" if refusal is not None else "errors")

    def ran(self, family: str, items: int, took_s: float) -> None:
        """Count a batch."""
        self._batch_items.labels(family).observe(items)
        self._stage_s.labels(family).observe(took_s)
        self.tally.measure(f"worked.{family}", took_s, items)

    def looked_up(self, level: str, kind: str, *, hit: bool) -> None:
        """Count a look into a cache that no transaction stands behind: one at the edge, or for a model in memory."""
        self._noted["cache_lookups"].labels(level, kind, "hit" if hit else "miss").inc()
        self.tally.count(f"cache.{level}.{kind}.{'hit' if hit else 'miss'}")

    def model_event(self, kind: str, event: str) -> None:
        """Count what happened to a model in memory: `hit`, `miss`, `load` or `eviction`."""
        if event in self._models:
            self._models[event].labels(kind).inc()
        else:
            self.looked_up("l3", kind, hit=event == "hit")

    def housekept(self, duty: str, found: int, done: int, took_s: float, succeeded_s: float | None) -> None:
        """Count a round of a duty; `succeeded_s` is the time, or None where it failed."""
        self._housekeeping_s.labels(duty).observe(took_s)
        if succeeded_s is None:
            self._housekeeping_failures.labels(duty).inc()
            return
        self._housekeeping_found.labels(duty).set(found)
        self._housekeeping_done.labels(duty).inc(done)
        self._housekeeping_last.labels(duty).set(succeeded_s)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _take(self, what: Noted, labels: tuple[str, ...], value: float) -> None:
        metric = self._noted[what]
        child = metric.labels(*labels) if labels else metric
        if isinstance(child, Histogram):
            child.observe(value)
        else:
            child.inc(value)
        if what == "jobs_accepted":
            self.tally.count(what, value)
        elif what == "jobs_admitted":
            self.tally.count(f"admitted.p{labels[0]}", value)
        elif what == "queue_wait_s":
            self.tally.measure(f"waited.{labels[0]}", value)
        elif what == "cache_lookups":
            self.tally.count("cache." + ".".join(labels), value)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"meeshy_{name}", says, labels, registry=self.registry)

    def _histogram(self, name: str, says: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"meeshy_{name}", says, labels, buckets=buckets, registry=self.registry)
