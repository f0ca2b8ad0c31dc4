"""Reports: what was used and what it cost, for people and for spreadsheets."""


def format_money(cents):
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def rows_of(totals, tariff):
    """One row a period: name, kWh, cost in cents."""
    return [(period, kwh, tariff.cost(kwh)) for period, kwh in sorted(totals.items())]


def text_report(meter, rows):
    lines = [f"{meter}"]
    width = max([len(period) for period, _, _ in rows] + [len("period")])
    lines.append(f"{'period'.ljust(width)}  {'kWh'.rjust(7)}  {'cost'.rjust(9)}")
    for period, kwh, cents in rows:
        lines.append(f"{period.ljust(width)}  {str(kwh).rjust(7)}  {format_money(cents).rjust(9)}")
    total_kwh = sum(kwh for _, kwh, _ in rows)
    total_cents = sum(cents for _, _, cents in rows)
    lines.append(f"{'total'.ljust(width)}  {str(total_kwh).rjust(7)}  {format_money(total_cents).rjust(9)}")
    return "\n".join(lines)


def csv_report(meter, rows):
    lines = ["meter,period,kWh,cost"]
    for period, kwh, cents in rows:
        lines.append(f"{meter},{period},{kwh},{format_money(cents)}")
    total_kwh = sum(kwh for _, kwh, _ in rows)
    total_cents = sum(cents for _, _, cents in rows)
    lines.append(f"{meter},total,{total_kwh},{format_money(total_cents)}")
    return "\n".join(lines)


def markdown_report(meter, rows):
    lines = [f"## {meter}", "", "| period | kWh | cost |", "|---|--:|--:|"]
    for period, kwh, cents in rows:
        lines.append(f"| {period} | {kwh} | {format_money(cents)} |")
    total_kwh = sum(kwh for _, kwh, _ in rows)
    total_cents = sum(cents for _, _, cents in rows)
    lines.append(f"| total | {total_kwh} | {format_money(total_cents)} |")
    return "\n".join(lines)


REPORTS = {"text": text_report, "csv": csv_report, "markdown": markdown_report}
