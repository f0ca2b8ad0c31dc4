import io
from pathlib import Path

from meterlog.cli import main

SAMPLE = str(Path(__file__).parent.parent / "sample.csv")


def run(*argv):
    out = io.StringIO()
    assert main([SAMPLE, *argv], out) == 0
    return out.getvalue().splitlines()


def test_both_together():
    assert run("--currency", "CHF", "--min-kwh", "60", "--format", "markdown") == [
        "## garage (CHF)", "", "| period | kWh | cost |", "|---|--:|--:|",
        "| 2025-01 | 90 | 36.90 |", "| total | 90 | 36.90 |", "",
        "## house (CHF)", "", "| period | kWh | cost |", "|---|--:|--:|",
        "| 2025-01 | 201 | 71.31 |", "| 2025-02 | 202 | 71.62 |", "| total | 403 | 142.93 |",
    ]


def test_neither():
    assert run("--format", "csv")[1] == "garage,2025-01,90,36.90"
