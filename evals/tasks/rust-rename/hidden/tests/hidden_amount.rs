use quant::amount::Amount;

#[test]
fn amount_is_the_type() {
    let amount = Amount::with_unit(2.0, "km").unwrap().shown_in("m").unwrap();
    assert_eq!(amount.to_string(), "2000 m");
    assert_eq!(Amount::number(1.5).to_string(), "1.5");
}

#[test]
fn nothing_has_the_old_name() {
    for file in ["src/lib.rs", "src/eval.rs", "src/amount.rs", "src/parser.rs", "README.md"] {
        let path = format!("{}/{}", env!("CARGO_MANIFEST_DIR"), file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("Quantity"), "{file}");
        assert!(!text.contains("quantity::"), "{file}");
        assert!(!text.contains("quantity.rs"), "{file}");
    }
}
