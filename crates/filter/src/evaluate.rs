//! Runs a compiled expression over the properties of one message. No recursion, and no allocation
//! unless the expression nests deeper than [`STACK_INLINE`] values.

use memchr::memmem;

use crate::code::{Place, Step};
use crate::value::{Incomparable, Value, compare_ordered, equal};

/// Values the stack holds without allocation: some seven parentheses within each other.
const STACK_INLINE: usize = 16;

/// A compiled SQL92 expression. Made by [`Expression::compile`], immutable, cheap to share.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    steps: Box<[Step]>,
    stack_max: usize,
}

/// What an expression says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The message is wanted.
    True,
    /// It is not.
    False,
    /// A property it depends on is missing: not wanted.
    Unknown,
    /// Values that cannot be compared, where Java throws: not wanted.
    Error,
}

impl Verdict {
    /// Whether the consumer gets the message.
    pub fn is_match(self) -> bool {
        self == Verdict::True
    }
}

/// Where an expression finds properties. Values are UTF-8; other bytes are taken as they are.
pub trait PropertyLookup {
    /// The value of the property `name`.
    fn property(&self, name: &str) -> Option<&[u8]>;
}

/// The properties of a message as they are stored: `name 01 value 02` repeated.
#[derive(Debug, Clone, Copy)]
pub struct PropertiesText<'a>(pub &'a [u8]);

impl PropertyLookup for PropertiesText<'_> {
    fn property(&self, name: &str) -> Option<&[u8]> {
        model::message::property(self.0, name)
    }
}

impl Expression {
    pub(crate) fn new(steps: Vec<Step>, stack_max: isize) -> Expression {
        let stack_max = usize::try_from(stack_max).expect("every expression pushes a value");
        Expression { steps: steps.into(), stack_max }
    }

    /// What the expression says of a message with these properties.
    pub fn evaluate(&self, properties: &dyn PropertyLookup) -> Verdict {
        let result = if self.stack_max <= STACK_INLINE {
            self.run(properties, &mut [Value::Null; STACK_INLINE])
        } else {
            self.run(properties, &mut vec![Value::Null; self.stack_max])
        };
        match result {
            Ok(Value::Bool(true)) => Verdict::True,
            Ok(Value::Null) => Verdict::Unknown,
            Ok(_) => Verdict::False,
            Err(Incomparable) => Verdict::Error,
        }
    }

    fn run<'a>(
        &'a self,
        properties: &'a dyn PropertyLookup,
        stack: &mut [Value<'a>],
    ) -> Result<Value<'a>, Incomparable> {
        // The steps' growth was added up when they were written: `top` stays within the stack.
        let mut len = 0;
        let mut next = 0;
        while let Some(step) = self.steps.get(next) {
            next += 1;
            if let Some(value) = operand(step, properties) {
                stack[len] = value;
                len += 1;
                continue;
            }
            let top = stack[len - 1];
            match step {
                Step::SkipIfNull(to) if top == Value::Null => next = *to,
                Step::SkipIf(decisive, to) if top == Value::Bool(*decisive) => next = *to,
                Step::SkipIfNull(_) | Step::SkipIf(..) => {}
                Step::Equal | Step::Compare(_) | Step::Both | Step::Either => {
                    len -= 1;
                    stack[len - 1] = joined(step, stack[len - 1], top)?;
                }
                Step::BetweenLow { not, decided } => {
                    let first = bound(stack[len - 2], top, *not, true)?;
                    stack[len - 1] = first;
                    if first == Value::Bool(*not) {
                        len -= 1;
                        stack[len - 1] = first;
                        next = *decided;
                    }
                }
                Step::BetweenHigh { not } => {
                    len -= 2;
                    let second = bound(stack[len - 1], top, *not, false)?;
                    stack[len - 1] = logical(stack[len], second, *not);
                }
                _ => stack[len - 1] = turned(step, top),
            }
        }
        Ok(stack[0])
    }
}

/// The value a step pushes.
fn operand<'a>(step: &'a Step, properties: &'a dyn PropertyLookup) -> Option<Value<'a>> {
    Some(match step {
        Step::Property(name) => properties.property(name).map_or(Value::Null, Value::Text),
        Step::Text(text) => Value::Text(text),
        Step::Int(number) => Value::Int(*number),
        Step::Long(number) => Value::Long(*number),
        Step::Double(number) => Value::Double(*number),
        Step::Bool(truth) => Value::Bool(*truth),
        Step::Null => Value::Null,
        _ => return None,
    })
}

/// What a step makes of one value.
fn turned<'a>(step: &Step, top: Value<'a>) -> Value<'a> {
    match (step, top) {
        (Step::Negate, Value::Int(number)) => Value::Int(number.wrapping_neg()),
        (Step::Negate, Value::Long(number)) => Value::Long(number.wrapping_neg()),
        (Step::Negate, Value::Double(number)) => Value::Double(-number),
        (Step::Not, Value::Bool(truth)) => Value::Bool(!truth),
        (Step::ToBool, Value::Bool(truth)) => Value::Bool(truth),
        // A string is not a boolean, whatever it says.
        (Step::ToBool, Value::Text(_)) => Value::Bool(false),
        (Step::In { strings, not }, Value::Text(text)) => {
            let found = strings.binary_search_by(|string| (**string).cmp(text)).is_ok();
            Value::Bool(found != *not)
        }
        (Step::Find { place, string, not }, Value::Text(text)) => {
            let found = match place {
                Place::Anywhere => memmem::find(text, string).is_some(),
                Place::Start => text.starts_with(string),
                Place::End => text.ends_with(string),
            };
            Value::Bool(found != *not)
        }
        (Step::Find { .. }, _) => Value::Bool(false),
        _ => Value::Null,
    }
}

/// What a step makes of two values.
fn joined<'a>(step: &Step, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>, Incomparable> {
    Ok(match step {
        Step::Equal => equal(left, right)?.map_or(Value::Null, Value::Bool),
        Step::Compare(_) if right == Value::Null => Value::Null,
        Step::Compare(relation) => Value::Bool(relation.holds(compare_ordered(left, right)?)),
        _ => logical(left, right, *step == Step::Either),
    })
}

/// AND, or OR when `true` decides: null unless one side decides or both are known.
fn logical<'a>(left: Value<'a>, right: Value<'a>, decisive: bool) -> Value<'a> {
    match (left, right) {
        (Value::Bool(l), _) if l == decisive => left,
        (_, Value::Bool(r)) if r == decisive => right,
        (Value::Bool(_), Value::Bool(_)) => Value::Bool(!decisive),
        _ => Value::Null,
    }
}

/// Whether the value is within a bound, or beyond it when `not`; null for a null bound.
fn bound<'a>(
    value: Value<'a>,
    bound: Value<'a>,
    not: bool,
    is_low: bool,
) -> Result<Value<'a>, Incomparable> {
    if bound == Value::Null {
        return Ok(Value::Null);
    }
    let order = compare_ordered(value, bound)?;
    let beyond = if is_low { order.is_lt() } else { order.is_gt() };
    Ok(Value::Bool(beyond == not))
}
