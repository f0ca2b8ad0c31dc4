"""The command line."""

import argparse
import sys

from meterlog.readings import BadExport, by_meter, read_export
from meterlog.report import REPORTS, rows_of
from meterlog.tariff import TARIFFS, find_tariff
from meterlog.usage import total_by_period, usages


def build_parser():
    parser = argparse.ArgumentParser(prog="meterlog", description="Usage and cost from meter exports.")
    parser.add_argument("export", help="CSV file of the meter, - for standard input")
    parser.add_argument("--tariff", default="flat", choices=sorted(TARIFFS))
    parser.add_argument("--by", default="month", choices=["month", "quarter", "year"])
    parser.add_argument("--format", default="text", choices=sorted(REPORTS))
    return parser


def report(readings, tariff_name="flat", by="month", style="text"):
    """The report of every meter, as one text."""
    tariff = find_tariff(tariff_name)
    parts = []
    for meter, own in sorted(by_meter(readings).items()):
        rows = rows_of(total_by_period(usages(own), by), tariff)
        parts.append(REPORTS[style](meter, rows))
    return "\n\n".join(parts)


def main(argv, stdout=sys.stdout, stderr=sys.stderr):
    options = build_parser().parse_args(argv)
    try:
        if options.export == "-":
            readings = read_export(sys.stdin)
        else:
            with open(options.export, encoding="utf-8", newline="") as stream:
                readings = read_export(stream)
    except (BadExport, OSError) as problem:
        print(f"meterlog: {problem}", file=stderr)
        return 2
    print(report(readings, options.tariff, options.by, options.format), file=stdout)
    return 0
