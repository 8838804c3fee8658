//! Values while an expression is evaluated, and how Java compares them across types: a string is
//! read as whatever it meets, a boolean is below every number.

use std::cmp::Ordering;

use crate::number::{parse_double, parse_int, parse_long};

/// A value; strings point into the properties or the expression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Text(&'a [u8]),
}

/// An order asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Relation {
    pub(crate) fn holds(self, order: Ordering) -> bool {
        match self {
            Relation::Greater => order.is_gt(),
            Relation::GreaterOrEqual => order.is_ge(),
            Relation::Less => order.is_lt(),
            Relation::LessOrEqual => order.is_le(),
        }
    }
}

/// The two values cannot be compared; Java throws and the message does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incomparable;

type Compared = Result<Ordering, Incomparable>;

/// Java's comparison of two values that are not null.
pub(crate) fn compare(left: Value<'_>, right: Value<'_>) -> Compared {
    use Value::{Bool, Double, Int, Long, Text};
    Ok(match (left, right) {
        (Bool(l), Bool(r)) => l.cmp(&r),
        (Text(l), Text(r)) => l.cmp(r),
        (Int(l), Int(r)) => l.cmp(&r),
        (Int(l), Long(r)) => i64::from(l).cmp(&r),
        (Long(l), Int(r)) => l.cmp(&i64::from(r)),
        (Long(l), Long(r)) => l.cmp(&r),
        (Int(l), Double(r)) => compare_doubles(f64::from(l), r),
        (Long(l), Double(r)) => compare_doubles(l as f64, r),
        (Double(l), Int(r)) => compare_doubles(l, f64::from(r)),
        (Double(l), Long(r)) => compare_doubles(l, r as f64),
        (Double(l), Double(r)) => compare_doubles(l, r),
        (Text(l), Bool(r)) => l.eq_ignore_ascii_case(b"true").cmp(&r),
        (Text(l), Int(r)) => read(parse_int(l))?.cmp(&r),
        (Text(l), Long(r)) => read(parse_long(l))?.cmp(&r),
        (Text(l), Double(r)) => compare_doubles(read(parse_double(l))?, r),
        (Int(l), Text(r)) => l.cmp(&read(parse_int(r))?),
        (Long(l), Text(r)) => l.cmp(&read(parse_long(r))?),
        (Double(l), Text(r)) => compare_doubles(l, read(parse_double(r))?),
        // Java reads the wrong side here and throws.
        (Bool(_), Text(_)) => return Err(Incomparable),
        // A boolean and a number; null does not come here.
        _ => Ordering::Less,
    })
}

/// Comparison for `>`, `>=`, `<`, `<=`: two strings are compared as numbers.
pub(crate) fn compare_ordered(left: Value<'_>, right: Value<'_>) -> Compared {
    match (left, right) {
        (Value::Text(l), Value::Text(r)) => {
            let (l, r) = (read(parse_double(l))?, read(parse_double(r))?);
            Ok(compare_doubles(l, r))
        }
        _ => compare(left, right),
    }
}

/// `=`: null equals null; a null on the left alone is unknown, on the right alone unequal.
pub(crate) fn equal(left: Value<'_>, right: Value<'_>) -> Result<Option<bool>, Incomparable> {
    match (left, right) {
        (Value::Null, Value::Null) => Ok(Some(true)),
        (Value::Null, _) => Ok(None),
        (_, Value::Null) => Ok(Some(false)),
        (Value::Text(l), Value::Text(r)) => Ok(Some(l == r)),
        _ => compare(left, right).map(|order| Some(order.is_eq())),
    }
}

fn read<T>(number: Option<T>) -> Result<T, Incomparable> {
    number.ok_or(Incomparable)
}

/// `Double.compare`: -0.0 is below 0.0, NaN equals itself and is above all.
fn compare_doubles(left: f64, right: f64) -> Ordering {
    let key = |number: f64| if number.is_nan() { f64::NAN.copysign(1.0) } else { number };
    key(left).total_cmp(&key(right))
}
