use quant::answer;

fn text(line: &str) -> String {
    answer(line).unwrap_or_else(|problem| panic!("{line}: {problem}"))
}

#[test]
fn numbers() {
    assert_eq!(text("1 + 2 * 3"), "7");
    assert_eq!(text("(1 + 2) * 3"), "9");
    assert_eq!(text("1 / 4"), "0.25");
}

#[test]
fn subtraction_goes_from_left_to_right() {
    assert_eq!(text("10 - 3 - 2"), "5");
    assert_eq!(text("-3 + 5"), "2");
}

#[test]
fn units_are_added_in_base_units() {
    assert_eq!(text("3 km + 250 m"), "3250 m");
    assert_eq!(text("2 * (3 m + 20 cm)"), "6.4 m");
}

#[test]
fn shown_in_another_unit() {
    assert_eq!(text("90 min in h"), "1.5 h");
    assert_eq!(text("1 kg + 500 g in g"), "1500 g");
}

#[test]
fn a_length_by_a_length_is_a_number() {
    assert_eq!(text("3 km / 1500 m"), "2");
}
