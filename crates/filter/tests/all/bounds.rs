//! Bounds of length and nesting, and what is said of a mistake.

use filter::{
    Expression, NESTING_MAX, Position, PropertiesText, SyntaxErrorKind, TEXT_BYTES_MAX, Verdict,
};

fn verdict(text: &str, properties: &[u8]) -> Verdict {
    Expression::compile(text).expect("an expression").evaluate(&PropertiesText(properties))
}

fn nested(depth: usize) -> String {
    format!("{}a = 1{}", "(".repeat(depth), ")".repeat(depth))
}

#[test]
fn nesting_has_a_bound_and_never_ends_the_stack() {
    assert_eq!(verdict(&nested(NESTING_MAX), b"a\x011\x02"), Verdict::True);
    for depth in [NESTING_MAX + 1, 30_000, 100_000] {
        let error = Expression::compile(&nested(depth)).unwrap_err();
        assert_eq!(error.kind, SyntaxErrorKind::Limit, "{error}");
        let open = Expression::compile(&"(".repeat(depth)).unwrap_err();
        assert_eq!(open.kind, SyntaxErrorKind::Limit, "{open}");
    }
}

#[test]
fn prefixes_and_chains_nest_nothing() {
    let prefixes = format!("{}TRUE", "NOT ".repeat(10_000));
    assert_eq!(verdict(&prefixes, b""), Verdict::True);
    let signs = format!("a = {}5", "- ".repeat(20_001));
    assert_eq!(verdict(&signs, b"a\x01-5\x02"), Verdict::True);
    let chain = format!("a = 1{}", " OR a = 2".repeat(7_000));
    assert_eq!(verdict(&chain, b"a\x012\x02"), Verdict::True);
    assert_eq!(verdict(&chain, b"a\x013\x02"), Verdict::False);
    // Values written twice would double with each level.
    let between = (0..NESTING_MAX).fold("a".to_owned(), |x, _| format!("-({x} BETWEEN 1 AND 2)"));
    assert_eq!(verdict(&format!("{between} IS NULL"), b"a\x011\x02"), Verdict::True);
}

#[test]
fn a_deep_right_side_needs_a_larger_stack() {
    let deep = (0..NESTING_MAX).fold("a = 1".to_owned(), |x, _| format!("b = 2 OR ({x})"));
    assert_eq!(verdict(&deep, b"a\x011\x02"), Verdict::True);
    assert_eq!(verdict(&deep, b"a\x013\x02b\x013\x02"), Verdict::False);
}

#[test]
fn length_has_a_bound() {
    let fits = format!("a = '{}'", "x".repeat(TEXT_BYTES_MAX - 6));
    assert!(Expression::compile(&fits).is_ok());
    let error = Expression::compile(&format!("{fits} ")).unwrap_err();
    assert_eq!(error.kind, SyntaxErrorKind::Limit);
}

#[test]
fn mistakes_say_what_and_where() {
    for (text, line, column, says) in [
        ("a = 1 AND", 1, 9, "the expression is not complete at line 1, column 9"),
        ("a = 1 AND )", 1, 11, "\")\" is not expected here at line 1, column 11"),
        ("a =\n # ", 2, 2, "no token begins with '#' at line 2, column 2"),
        ("a > 'x'", 1, 5, "only numbers have an order at line 1, column 5"),
        ("", 0, 0, "the expression is not complete at line 0, column 0"),
    ] {
        let error = Expression::compile(text).unwrap_err();
        assert_eq!(error.position, Position { line, column }, "{text}");
        assert_eq!(error.to_string(), says);
    }
}

#[test]
fn of_two_values_of_a_property_the_last_counts() {
    assert_eq!(verdict("a = 2", b"a\x011\x02a\x012\x02"), Verdict::True);
    assert_eq!(verdict("a IS NULL", b"a\x01\x02"), Verdict::True);
    assert!(!verdict("a = 2", b"").is_match());
    // Bytes that are not UTF-8 are a value like any other.
    assert_eq!(verdict("a = 'x'", b"a\x01\xff\x02"), Verdict::False);
    assert_eq!(verdict("a > 1", b"a\x01\xff\x02"), Verdict::Error);
}
