use quant::{answer, Problem};

#[test]
fn new_units() {
    assert_eq!(answer("1 mi in km").as_deref(), Ok("1.609344 km"));
    assert_eq!(answer("2 d in h").as_deref(), Ok("48 h"));
    assert_eq!(answer("1 t + 1 g").as_deref(), Ok("1000.001 kg"));
}

#[test]
fn messages_are_as_before() {
    assert_eq!(answer("1 m + 1 s"), Err(Problem::Mismatch("length".into(), "time".into())));
    assert_eq!(answer("1 kg in h"), Err(Problem::Mismatch("mass".into(), "time".into())));
    assert_eq!(answer("3 in m"), Err(Problem::Mismatch("a bare number".into(), "length".into())));
    assert_eq!(answer("1 KM"), Err(Problem::UnknownUnit("KM".into())));
}

#[test]
fn manifest_and_lock_agree() {
    let lock = include_str!("../Cargo.lock");
    assert!(lock.contains("name = \"unitab\"\nversion = \"2.0.1\""));
}
