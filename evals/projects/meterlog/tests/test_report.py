from meterlog.report import REPORTS, format_money, rows_of
from meterlog.tariff import find_tariff

ROWS = [("2025-01", 100, 4_000), ("2025-02", 9, 1_179)]


def test_format_money():
    assert [format_money(cents) for cents in (0, 5, 1_234, -50)] == ["0.00", "0.05", "12.34", "-0.50"]


def test_rows():
    assert rows_of({"2025-02": 9, "2025-01": 100}, find_tariff("flat")) == ROWS


def test_text():
    assert REPORTS["text"]("house", ROWS) == "\n".join(
        [
            "house",
            "period       kWh       cost",
            "2025-01      100      40.00",
            "2025-02        9      11.79",
            "total        109      51.79",
        ]
    )


def test_csv():
    assert REPORTS["csv"]("house", ROWS) == "\n".join(
        [
            "meter,period,kWh,cost",
            "house,2025-01,100,40.00",
            "house,2025-02,9,11.79",
            "house,total,109,51.79",
        ]
    )


def test_markdown():
    assert REPORTS["markdown"]("house", ROWS).splitlines()[4:] == [
        "| 2025-01 | 100 | 40.00 |",
        "| 2025-02 | 9 | 11.79 |",
        "| total | 109 | 51.79 |",
    ]
