"""What the service counts, in Prometheus' text format. Names and labels are few and hold nothing of a person.

docs/service.md lists them; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One process's figures. Threads share it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "lookalike_http_requests", "Calls answered.", ("operation", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "lookalike_http_request_seconds",
            "Time from the first byte to the last.",
            ("operation",),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def count(self, operation: str, status: int, seconds: float) -> None:
        """One call that was answered."""
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """A figure that is read when somebody asks."""
        Gauge(f"lookalike_{name}", meaning, registry=self.registry).set_function(read)

    def counter(self, name: str, meaning: str) -> Counter:
        """A figure that only grows; `_total` is added to its name."""
        return Counter(f"lookalike_{name}", meaning, registry=self.registry)

    def text(self) -> bytes:
        return generate_latest(self.registry)
