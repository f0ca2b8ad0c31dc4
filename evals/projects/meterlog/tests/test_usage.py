from datetime import datetime

import pytest

from meterlog.readings import Reading
from meterlog.usage import Usage, period_of, total_by_period, usages


def reading(month, count):
    return Reading("a", datetime(2025, month, 1), count)


def test_usage_between_readings():
    found = usages([reading(1, 100), reading(2, 130), reading(3, 131)])
    assert [item.kwh for item in found] == [30, 1]
    assert found[0].start == datetime(2025, 1, 1)
    assert found[0].end == datetime(2025, 2, 1)


def test_one_reading_is_no_usage():
    assert usages([reading(1, 100)]) == []


@pytest.mark.parametrize(
    ("by", "name"), [("month", "2025-05"), ("quarter", "2025-Q2"), ("year", "2025")]
)
def test_period_of(by, name):
    assert period_of(datetime(2025, 5, 31), by) == name


def test_unknown_period():
    with pytest.raises(ValueError, match="unknown period: week"):
        period_of(datetime(2025, 5, 31), "week")


def test_totals_by_period():
    items = [
        Usage("a", datetime(2025, 1, 1), datetime(2025, 1, 15), 10),
        Usage("a", datetime(2025, 1, 15), datetime(2025, 2, 1), 20),
        Usage("a", datetime(2025, 4, 1), datetime(2025, 5, 1), 5),
    ]
    assert total_by_period(items, "month") == {"2025-01": 30, "2025-04": 5}
    assert total_by_period(items, "quarter") == {"2025-Q1": 30, "2025-Q2": 5}
