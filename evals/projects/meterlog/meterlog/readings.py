"""Readings of a meter, and how they are read from a CSV export."""

import csv
from dataclasses import dataclass
from datetime import datetime

COLUMNS = ("meter", "taken_at", "count")


class BadExport(ValueError):
    """The export cannot be read; the message names the line."""


@dataclass(frozen=True, order=True)
class Reading:
    meter: str
    taken_at: datetime
    count: int


def parse_row(row, line):
    """One reading from a row of the export; `line` is for messages."""
    try:
        taken_at = datetime.fromisoformat(row["taken_at"].strip())
    except ValueError:
        raise BadExport(f"line {line}: {row['taken_at']!r} is not a date") from None
    try:
        count = int(row["count"])
    except ValueError:
        raise BadExport(f"line {line}: {row['count']!r} is not a count") from None
    if count < 0:
        raise BadExport(f"line {line}: a count cannot be negative")
    meter = row["meter"].strip()
    if meter == "":
        raise BadExport(f"line {line}: the meter has no name")
    return Reading(meter, taken_at, count)


def read_export(stream):
    """All readings of an export, sorted by meter and time."""
    reader = csv.DictReader(stream)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise BadExport(f"line 1: missing columns: {', '.join(missing)}")
    return sorted(parse_row(row, reader.line_num) for row in reader)


def by_meter(readings):
    """Readings of each meter, in order."""
    groups = {}
    for reading in sorted(readings):
        groups.setdefault(reading.meter, []).append(reading)
    return groups
