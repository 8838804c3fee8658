//! What an expression is compiled to: steps for a stack machine, in the order in which Java
//! evaluates the tree. Jumps lead forward only, so a run takes at most one pass.

use crate::value::Relation;

/// Where a string is looked for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Anywhere,
    Start,
    End,
}

/// One step. "top" is the newest value of the stack.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Text(Box<[u8]>),
    Property(Box<str>),
    /// Top becomes its negative; what is no number becomes null.
    Negate,
    /// Top, a boolean or null, is turned over.
    Not,
    /// Top becomes a boolean or stays null.
    ToBool,
    /// Two values become whether they are equal (or not).
    Equal,
    /// Two values that are not null become whether they stand in this order.
    Compare(Relation),
    /// Top becomes whether it is one of the sorted strings.
    In {
        strings: Box<[Box<[u8]>]>,
        not: bool,
    },
    /// Top becomes whether it has the string there.
    Find {
        place: Place,
        string: Box<[u8]>,
        not: bool,
    },
    /// Jumps, keeping top, when it is null.
    SkipIfNull(usize),
    /// Jumps, keeping top, when it is this.
    SkipIf(bool, usize),
    /// Two booleans or nulls become one.
    Both,
    Either,
    /// Value and lower bound become the value and whether the lower bound holds; jumps with the
    /// result alone when that decides.
    BetweenLow {
        not: bool,
        decided: usize,
    },
    /// Value, first result and upper bound become the result.
    BetweenHigh {
        not: bool,
    },
}

impl Step {
    /// How many values more the stack holds behind the step.
    pub(crate) fn growth(&self) -> isize {
        match self {
            Step::Null
            | Step::Bool(_)
            | Step::Int(_)
            | Step::Long(_)
            | Step::Double(_)
            | Step::Text(_)
            | Step::Property(_) => 1,
            Step::Equal | Step::Compare(_) | Step::Both | Step::Either => -1,
            Step::BetweenHigh { .. } => -2,
            Step::Negate
            | Step::Not
            | Step::ToBool
            | Step::In { .. }
            | Step::Find { .. }
            | Step::SkipIfNull(_)
            | Step::SkipIf(..)
            | Step::BetweenLow { .. } => 0,
        }
    }

    /// Sets where a jump leads.
    pub(crate) fn lead_to(&mut self, to: usize) {
        match self {
            Step::SkipIfNull(target)
            | Step::SkipIf(_, target)
            | Step::BetweenLow { decided: target, .. } => *target = to,
            _ => debug_assert!(false, "not a jump"),
        }
    }
}
