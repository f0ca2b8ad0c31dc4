"""From counters to what was used in between."""

from dataclasses import dataclass
from datetime import datetime

#: Counters have five digits.
ROLLOVER = 100_000


@dataclass(frozen=True)
class Usage:
    meter: str
    start: datetime
    end: datetime
    kwh: int


def between(first, second):
    """What was used between two readings of one meter."""
    kwh = second.count - first.count
    if kwh < 0:
        kwh += ROLLOVER
    return Usage(first.meter, first.taken_at, second.taken_at, kwh)


def usages(readings):
    """Usage between each reading and the next, for readings of one meter in order."""
    return [between(first, second) for first, second in zip(readings, readings[1:])]


def period_of(moment, by):
    """The name of the period a moment lies in: `2025-01`, `2025-Q1` or `2025`."""
    if by == "month":
        return f"{moment.year:04d}-{moment.month:02d}"
    if by == "quarter":
        return f"{moment.year:04d}-Q{(moment.month - 1) // 3 + 1}"
    if by == "year":
        return f"{moment.year:04d}"
    raise ValueError(f"unknown period: {by}")


def total_by_period(items, by):
    """kWh by period; usage counts for the period in which it starts."""
    totals = {}
    for item in items:
        name = period_of(item.start, by)
        totals[name] = totals.get(name, 0) + item.kwh
    return totals
