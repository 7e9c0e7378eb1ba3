"""What a process of the runtime counts of its requests.

Counting is plain arithmetic on the event loop; Prometheus' client is imported when someone first
scrapes, and turns the numbers into families then.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

__all__ = ["RequestMetrics"]

BOUNDS_SECONDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)
"""Upper bounds of the histogram's buckets, in seconds; one more bucket takes what is longer."""


@dataclass(slots=True)
class _Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))
    total_seconds: float = 0.0


class RequestMetrics:
    """Requests by endpoint and code, requests in flight, and how long they took.

    Not for use from several threads: the event loop counts.

    Args:
        prefix: First part of each metric's name, such as `containerflow_executor`.

    Example:
        >>> metrics = RequestMetrics("containerflow_executor")
        >>> metrics.began()
        >>> metrics.ended("/search", "OK", 0.004)
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._in_flight = 0
        self._totals: dict[tuple[str, str], int] = {}
        self._durations: dict[str, _Histogram] = {}

    @property
    def in_flight(self) -> int:
        """Requests that began and have not ended."""
        return self._in_flight

    def began(self) -> None:
        """A request was taken on."""
        self._in_flight += 1

    def ended(self, endpoint: str, code: str, seconds: float) -> None:
        """A request that began has its answer.

        Args:
            endpoint: A declared endpoint; never a caller's own text, which has no bound.
            code: Name of the answer's code.
            seconds: Time since it began, in seconds.
        """
        self._in_flight -= 1
        self.counted(endpoint, code)
        histogram = self._durations.get(endpoint)
        if histogram is None:
            histogram = self._durations[endpoint] = _Histogram()
        histogram.counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        histogram.total_seconds += seconds

    def counted(self, endpoint: str, code: str) -> None:
        """A request was answered without having begun, for want of room say."""
        key = (endpoint, code)
        self._totals[key] = self._totals.get(key, 0) + 1

    def registry(self) -> CollectorRegistry:
        """A new registry that shows these numbers; `serve_admin` takes this method."""
        from prometheus_client import CollectorRegistry

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return registry

    def collect(self) -> Iterator[Metric]:
        """The numbers as Prometheus' metric families."""
        from prometheus_client.metrics_core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        # Copied at once: a scrape is rendered in a thread while the event loop goes on counting.
        totals, durations = dict(self._totals), dict(self._durations)
        requests = CounterMetricFamily(
            f"{self._prefix}_requests", "Requests answered.", labels=["endpoint", "code"]
        )
        for labels, count in totals.items():
            requests.add_metric(labels, count)
        yield requests
        yield GaugeMetricFamily(
            f"{self._prefix}_requests_in_flight",
            "Requests begun and not answered.",
            self._in_flight,
        )
        seconds = HistogramMetricFamily(
            f"{self._prefix}_request_seconds",
            "Time from a request's arrival to its answer.",
            labels=["endpoint"],
        )
        names = [*(str(bound) for bound in BOUNDS_SECONDS), "+Inf"]
        for endpoint, histogram in durations.items():
            counts = accumulate(histogram.counts)
            seconds.add_metric(
                [endpoint],
                [(name, float(count)) for name, count in zip(names, counts, strict=True)],
                histogram.total_seconds,
            )
        yield seconds
