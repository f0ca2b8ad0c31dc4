use quant::answer;

#[test]
fn left_to_right() {
    for (line, expected) in [
        ("10 - 3 - 2", "5"),
        ("10 - 3 + 2", "9"),
        ("1 - 2 - 3 - 4", "-8"),
        ("2 - (3 - 4)", "3"),
        ("5 km - 1 km + 3 km - 6 km", "1000 m"),
        ("10 - 2 * 3 - 1", "3"),
        ("5 min - 3 min - 1 min in s", "60 s"),
    ] {
        assert_eq!(answer(line).as_deref(), Ok(expected), "{line}");
    }
}

#[test]
fn broken_lines_stay_refused() {
    assert!(answer("1 - ").is_err());
    assert!(answer("- - 1").is_ok());
}
