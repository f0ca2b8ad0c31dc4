from datetime import datetime
from pathlib import Path

import pytest

from meterlog.readings import Reading, by_meter, read_export
from meterlog.usage import usages


def reading(day, count):
    return Reading("a", datetime(2025, 1, day), count)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((99_999, 0), [1]), ((99_950, 40), [90]), ((5, 5), [0]), ((99_000, 500, 700), [1_500, 200]), ((0, 99_999), [99_999])],
)
def test_rollover(counts, expected):
    found = usages([reading(day + 1, count) for day, count in enumerate(counts)])
    assert [item.kwh for item in found] == expected


def test_sample():
    with open(Path(__file__).parent.parent / "sample.csv", encoding="utf-8", newline="") as stream:
        garage = by_meter(read_export(stream))["garage"]
    assert [item.kwh for item in usages(garage)] == [90, 55]
