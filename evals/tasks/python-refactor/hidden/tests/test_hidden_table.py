import io
import re
from pathlib import Path

from meterlog.cli import main
from meterlog.table import Table, format_money
from meterlog.tariff import find_tariff

ROOT = Path(__file__).parent.parent


def test_table():
    table = Table.of({"2025-03": 3, "2025-01": 150}, find_tariff("saver"))
    assert table.total()[1:] == (153, find_tariff("saver").cost(150) + find_tariff("saver").cost(3))
    assert table.cells()[0] == ("2025-01", "150", "50.50")
    assert len(table.cells()) == 3
    assert format_money(-5) == "-0.05"


def test_report_sums_nothing_itself():
    text = (ROOT / "meterlog" / "report.py").read_text(encoding="utf-8")
    assert re.search(r"\bsum\(", text) is None
    assert "def format_money" not in text


def test_output_is_as_before():
    for style, expected in {
        "text": "period       kWh       cost\n2025-01       90      36.90\n2025-02       55      26.05\ntotal        145      62.95",
        "csv": "meter,period,kWh,cost\ngarage,2025-01,90,36.90\ngarage,2025-02,55,26.05\ngarage,total,145,62.95",
        "markdown": "| period | kWh | cost |\n|---|--:|--:|\n| 2025-01 | 90 | 36.90 |\n| 2025-02 | 55 | 26.05 |\n| total | 145 | 62.95 |",
    }.items():
        out = io.StringIO()
        assert main([str(ROOT / "sample.csv"), "--format", style], out) == 0
        assert expected in out.getvalue()
