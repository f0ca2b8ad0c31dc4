import io
from datetime import datetime

import pytest

from meterlog.readings import BadExport, Reading, by_meter, read_export

HEAD = "meter,taken_at,count\n"


def test_reads_and_sorts():
    stream = io.StringIO(HEAD + "b,2025-01-02,7\na,2025-02-01,9\na,2025-01-01T06:30,5\n")
    assert read_export(stream) == [
        Reading("a", datetime(2025, 1, 1, 6, 30), 5),
        Reading("a", datetime(2025, 2, 1), 9),
        Reading("b", datetime(2025, 1, 2), 7),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,yesterday,1", "line 2: 'yesterday' is not a date"),
        ("a,2025-01-01,many", "line 2: 'many' is not a count"),
        ("a,2025-01-01,-1", "line 2: a count cannot be negative"),
        (" ,2025-01-01,1", "line 2: the meter has no name"),
    ],
)
def test_names_the_line_of_a_bad_row(row, message):
    with pytest.raises(BadExport, match=message):
        read_export(io.StringIO(HEAD + row + "\n"))


def test_names_missing_columns():
    with pytest.raises(BadExport, match="missing columns: taken_at, count"):
        read_export(io.StringIO("meter\na\n"))


def test_groups_by_meter():
    first = Reading("a", datetime(2025, 1, 1), 1)
    second = Reading("a", datetime(2025, 1, 2), 2)
    other = Reading("b", datetime(2025, 1, 1), 3)
    assert by_meter([second, other, first]) == {"a": [first, second], "b": [other]}
