"""Gauges whose values are read when they are fetched."""

from collections.abc import Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric


def gauge(name: str, says: str, value: float) -> Metric:
    """Return a gauge without labels."""
    return GaugeMetricFamily(f"meeshy_{name}", says, value=value)


def gauges(name: str, says: str, labels: Sequence[str], rows: Iterable[tuple[Sequence[str], float | None]]) -> Metric:
    """Return a gauge with a value for each row of labels' values; what is not known, None, is left out, never 0."""
    family = GaugeMetricFamily(f"meeshy_{name}", says, labels=labels)
    for values, value in rows:
        if value is not None:
            family.add_metric(list(values), value)
    return family
