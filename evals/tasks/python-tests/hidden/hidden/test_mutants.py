"""The project's own tests must notice each of these mistakes in the tariffs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TARIFF = ROOT / "meterlog" / "tariff.py"

MUTANTS = {
    "step price starts one kWh late": ("if kwh <= step.from_kwh:", "if kwh <= step.from_kwh + 1:"),
    "base price is forgotten": ("cents = self.base_cents", "cents = 0"),
    "every step is charged for everything": ("min(kwh, upper) - step.from_kwh", "kwh - step.from_kwh"),
    "the next step's price is taken": ("cents += within * step.cents", "cents += within * self.steps[-1].cents"),
    "negative usage is taken": ("if kwh < 0:", "if False:"),
    "the dearest is called the cheapest": ("    return min(sorted(", "    return max(sorted("),
    "known tariffs are not named": ("; known: {', '.join(sorted(TARIFFS))}", ""),
}


def run_tests():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", "-x"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_tests_pass_as_it_is():
    result = run_tests()
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_noticed(name):
    old, new = MUTANTS[name]
    text = TARIFF.read_text(encoding="utf-8")
    assert text.count(old) == 1
    TARIFF.write_text(text.replace(old, new), encoding="utf-8")
    try:
        result = run_tests()
    finally:
        TARIFF.write_text(text, encoding="utf-8")
    assert result.returncode == 1, result.stdout
