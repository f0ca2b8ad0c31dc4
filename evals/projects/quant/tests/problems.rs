use quant::{answer, Problem};

#[test]
fn dimensions_that_do_not_go_together() {
    assert_eq!(answer("1 m + 1 s"), Err(Problem::Mismatch("length".into(), "time".into())));
    assert_eq!(answer("3 m in h"), Err(Problem::Mismatch("length".into(), "time".into())));
    assert_eq!(answer("1 m + 1"), Err(Problem::Mismatch("length".into(), "a bare number".into())));
}

#[test]
fn unknown_units() {
    assert_eq!(answer("1 furlong"), Err(Problem::UnknownUnit("furlong".into())));
}

#[test]
fn broken_lines() {
    assert_eq!(answer("1 +"), Err(Problem::Unexpected("end".into())));
    assert_eq!(answer("(1"), Err(Problem::Unexpected("end".into())));
    assert_eq!(answer("1 2"), Err(Problem::Unexpected("2".into())));
    assert_eq!(answer("1 / 0"), Err(Problem::DivisionByZero));
}
