import io

from meterlog.cli import main


def run(*argv):
    out, err = io.StringIO(), io.StringIO()
    return main([*argv], out, err), out.getvalue(), err.getvalue()


def write(tmp_path, text):
    file = tmp_path / "export.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_reports_each_meter(tmp_path):
    export = write(tmp_path, "meter,taken_at,count\nb,2025-01-01,0\nb,2025-02-01,10\na,2025-01-01,5\na,2025-02-01,6\n")
    code, out, err = run(export, "--format", "csv")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "meter,period,kWh,cost",
        "a,2025-01,1,9.31",
        "a,total,1,9.31",
        "",
        "meter,period,kWh,cost",
        "b,2025-01,10,12.10",
        "b,total,10,12.10",
    ]


def test_says_what_is_wrong(tmp_path):
    code, out, err = run(write(tmp_path, "meter\n"))
    assert (code, out) == (2, "")
    assert err == "meterlog: line 1: missing columns: taken_at, count\n"


def test_missing_file():
    code, _, err = run("/nowhere/export.csv")
    assert code == 2
    assert "No such file" in err
