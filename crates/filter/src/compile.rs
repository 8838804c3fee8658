//! Reads an expression and writes its steps, in one pass: the grammar of Java's selector parser
//! and its rules for operands. As in Java, reading stops at the end of the first complete
//! expression and only the token behind it must be a token.
//!
//! Calls nest with parentheses alone, up to [`NESTING_MAX`]; all else is a loop.

use crate::code::{Place, Step};
use crate::evaluate::Expression;
use crate::lexer::{Lexer, Token};
use crate::number;
use crate::syntax_error::{Position, SyntaxError, SyntaxErrorKind};
use crate::value::{Relation, Value, compare};

/// The longest expression, in bytes. Java has no bound but that of the request.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// The most parentheses within each other. Java's bound is its thread's stack.
pub const NESTING_MAX: usize = 100;

type Compiled<T> = Result<T, SyntaxError>;

impl Expression {
    /// Compiles `text`. The empty text is an error, as in Java.
    ///
    /// # Errors
    /// The first mistake and its place; a text over [`TEXT_BYTES_MAX`] or nested deeper than
    /// [`NESTING_MAX`].
    pub fn compile(text: &str) -> Result<Expression, SyntaxError> {
        let mut compiler = Compiler {
            text,
            lexer: Lexer::new(text),
            token: Token::End,
            token_at: 0,
            nesting: 0,
            behind_plus: false,
            postponed: None,
            steps: Vec::new(),
            stack: 0,
            stack_max: 0,
        };
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("an expression of more than {TEXT_BYTES_MAX} bytes");
            return Err(compiler.error(SyntaxErrorKind::Limit, 0, message));
        }
        compiler.advance()?;
        let whole = compiler.alternatives()?;
        compiler.make_boolean(&whole)?;
        Ok(Expression::new(compiler.steps, compiler.stack_max))
    }
}

/// What an operator may ask of an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A comparison, a test or a logical operation.
    Boolean,
    /// TRUE, FALSE or NULL: a constant and a boolean.
    BooleanConstant,
    /// A number or a string; its step is its only one.
    Constant,
    Property,
    Negated,
}

#[derive(Debug, Clone, Copy)]
struct Operand {
    kind: Kind,
    /// The operand's first step.
    start: usize,
    /// Where it stands in the text.
    at: usize,
}

#[derive(Debug, Clone, Copy)]
enum Prefix {
    Negate,
    Not,
}

struct Compiler<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// The token ahead, and the byte it begins at.
    token: Token<'a>,
    token_at: usize,
    nesting: usize,
    /// Java first reads what follows a plus for its grammar alone: mistakes of operands there
    /// come after those of the grammar.
    behind_plus: bool,
    postponed: Option<SyntaxError>,
    steps: Vec<Step>,
    stack: isize,
    stack_max: isize,
}

impl<'a> Compiler<'a> {
    /// `and-expression (OR and-expression)*`
    fn alternatives(&mut self) -> Compiled<Operand> {
        let mut left = self.conjunction()?;
        while self.token == Token::Or {
            let right = self.logical(&left, true, Compiler::conjunction)?;
            left = Operand { kind: Kind::Boolean, ..right };
        }
        Ok(left)
    }

    /// `equality (AND equality)*`
    fn conjunction(&mut self) -> Compiled<Operand> {
        let mut left = self.equality()?;
        while self.token == Token::And {
            let right = self.logical(&left, false, Compiler::equality)?;
            left = Operand { kind: Kind::Boolean, ..right };
        }
        Ok(left)
    }

    /// The operator and its right side; `decisive` on the left makes the right side idle.
    fn logical(
        &mut self,
        left: &Operand,
        decisive: bool,
        side: fn(&mut Compiler<'a>) -> Compiled<Operand>,
    ) -> Compiled<Operand> {
        // Java looks at the left operand after it has read the right one.
        let left_fits = self.make_boolean(left);
        let skip = self.emit(Step::SkipIf(decisive, 0));
        self.advance()?;
        let right = side(self)?;
        left_fits?;
        self.make_boolean(&right)?;
        self.emit(if decisive { Step::Either } else { Step::Both });
        self.land(skip);
        Ok(Operand { start: left.start, at: left.at, ..right })
    }

    /// `comparison (= comparison | <> comparison | IS [NOT] NULL)*`
    fn equality(&mut self) -> Compiled<Operand> {
        let mut left = self.comparison()?;
        loop {
            match self.token {
                Token::Equal | Token::NotEqual => {
                    let not = self.token == Token::NotEqual;
                    self.advance()?;
                    let right = self.comparison()?;
                    self.check_equality(&left, &right)?;
                    self.emit(Step::Equal);
                    if not {
                        self.emit(Step::Not);
                    }
                }
                Token::Is => {
                    self.advance()?;
                    let not = self.token == Token::Not;
                    if not {
                        self.advance()?;
                    }
                    self.expect(Token::Null)?;
                    self.emit(Step::Null);
                    self.emit(Step::Equal);
                    if not {
                        self.emit(Step::Not);
                    }
                }
                _ => return Ok(left),
            }
            left.kind = Kind::Boolean;
        }
    }

    /// `unary (> unary | … | [NOT] CONTAINS string | [NOT] BETWEEN … | [NOT] IN (…))*`
    fn comparison(&mut self) -> Compiled<Operand> {
        let mut left = self.unary()?;
        loop {
            let not = self.token == Token::Not;
            let (operator, at) = if not { self.second()? } else { (self.token, self.token_at) };
            let relation = match operator {
                Token::Greater if !not => Some(Relation::Greater),
                Token::GreaterOrEqual if !not => Some(Relation::GreaterOrEqual),
                Token::Less if !not => Some(Relation::Less),
                Token::LessOrEqual if !not => Some(Relation::LessOrEqual),
                _ => None,
            };
            let place = match operator {
                Token::Contains => Some(Place::Anywhere),
                Token::StartsWith => Some(Place::Start),
                Token::EndsWith => Some(Place::End),
                _ => None,
            };
            if relation.is_none() && place.is_none() {
                match operator {
                    Token::Between | Token::In => {}
                    _ if not => return Err(self.unexpected()),
                    _ => return Ok(left),
                }
            }
            self.advance()?;
            if not {
                self.advance()?;
            }
            match (relation, place) {
                (Some(relation), _) => self.ordered(&left, relation)?,
                (None, Some(place)) => self.find(&left, place, not)?,
                _ if operator == Token::In => self.list(&left, not, at)?,
                _ => self.between(&left, not, at)?,
            }
            left.kind = Kind::Boolean;
        }
    }

    fn ordered(&mut self, left: &Operand, relation: Relation) -> Compiled<()> {
        let skip = self.emit(Step::SkipIfNull(0));
        let right = self.unary()?;
        self.check_order(left)?;
        self.check_order(&right)?;
        self.emit(Step::Compare(relation));
        self.land(skip);
        Ok(())
    }

    fn find(&mut self, left: &Operand, place: Place, not: bool) -> Compiled<()> {
        let string = self.string()?;
        if string.is_empty() {
            // Never found and never missed; Java does not evaluate the operand.
            self.steps.truncate(left.start);
            self.stack -= 1;
            self.emit(Step::Bool(false));
        } else {
            self.emit(Step::Find { place, string, not });
        }
        Ok(())
    }

    fn list(&mut self, left: &Operand, not: bool, at: usize) -> Compiled<()> {
        self.expect(Token::Open)?;
        let mut strings = vec![self.string()?];
        while self.token == Token::Comma {
            self.advance()?;
            strings.push(self.string()?);
        }
        self.expect(Token::Close)?;
        if left.kind != Kind::Property {
            self.misfit(at, "IN needs a property on its left")?;
        }
        strings.sort_unstable();
        strings.dedup();
        self.emit(Step::In { strings: strings.into(), not });
        Ok(())
    }

    fn between(&mut self, left: &Operand, not: bool, at: usize) -> Compiled<()> {
        let skip = self.emit(Step::SkipIfNull(0));
        let low = self.unary()?;
        let decided = self.emit(Step::BetweenLow { not, decided: 0 });
        self.expect(Token::And)?;
        let high = self.unary()?;
        for operand in [left, &low, &high] {
            self.check_order(operand)?;
        }
        if !not
            && let (Some(low), Some(high)) = (self.constant(&low), self.constant(&high))
            && compare(high, low).is_ok_and(|order| order.is_lt())
        {
            self.misfit(at, "BETWEEN has its bounds in the wrong order")?;
        }
        self.emit(Step::BetweenHigh { not });
        self.land(skip);
        self.land(decided);
        Ok(())
    }

    /// `(+ | - | NOT)* primary`
    fn unary(&mut self) -> Compiled<Operand> {
        let mut prefixes = Vec::new();
        let mut plus = None;
        let at = self.token_at;
        loop {
            match self.token {
                Token::Plus => plus = plus.or(Some(self.token_at)),
                Token::Minus => prefixes.push(Prefix::Negate),
                Token::Not => prefixes.push(Prefix::Not),
                _ => break,
            }
            self.advance()?;
        }
        let outer = self.behind_plus;
        self.behind_plus |= plus.is_some();
        let read = self.prefixed(prefixes, at);
        self.behind_plus = outer;
        match (read, plus) {
            (Err(error), Some(plus)) if error.kind == SyntaxErrorKind::Grammar => {
                Err(SyntaxError { position: Position::of_byte(self.text, plus), ..error })
            }
            (Ok(_), Some(_)) if !outer && self.postponed.is_some() => {
                Err(self.postponed.take().expect("it is there"))
            }
            (read, _) => read,
        }
    }

    fn prefixed(&mut self, prefixes: Vec<Prefix>, at: usize) -> Compiled<Operand> {
        let mut operand = self.primary()?;
        for prefix in prefixes.into_iter().rev() {
            match prefix {
                Prefix::Negate => {
                    self.emit(Step::Negate);
                    operand.kind = Kind::Negated;
                }
                Prefix::Not => {
                    self.make_boolean(&operand)?;
                    self.emit(Step::Not);
                    operand.kind = Kind::Boolean;
                }
            }
        }
        Ok(Operand { at, ..operand })
    }

    /// `literal | name | ( or-expression )`
    fn primary(&mut self) -> Compiled<Operand> {
        let (start, at) = (self.steps.len(), self.token_at);
        let (kind, step) = match self.token {
            Token::True => (Kind::BooleanConstant, Step::Bool(true)),
            Token::False => (Kind::BooleanConstant, Step::Bool(false)),
            Token::Null => (Kind::BooleanConstant, Step::Null),
            Token::Text(quoted) => (Kind::Constant, Step::Text(unquoted(quoted))),
            Token::Decimal(digits) => (Kind::Constant, self.decimal(digits)?),
            Token::Float(digits) => (Kind::Constant, self.float(digits)?),
            Token::Name(name) => (Kind::Property, Step::Property(name.into())),
            Token::Open => {
                if self.nesting == NESTING_MAX {
                    let message = format!("more than {NESTING_MAX} parentheses within each other");
                    return Err(self.error(SyntaxErrorKind::Limit, at, message));
                }
                self.nesting += 1;
                self.advance()?;
                let inner = self.alternatives()?;
                self.expect(Token::Close)?;
                self.nesting -= 1;
                return Ok(inner);
            }
            _ => return Err(self.unexpected()),
        };
        self.emit(step);
        self.advance()?;
        Ok(Operand { kind, start, at })
    }

    fn decimal(&mut self, digits: &str) -> Compiled<Step> {
        let number = digits.trim_end_matches(['l', 'L']).parse::<i64>();
        let Ok(number) = number else {
            self.misfit(self.token_at, "a whole number beyond 64 bits")?;
            return Ok(Step::Int(0));
        };
        // The letter does not make a small number a long one.
        Ok(i32::try_from(number).map_or(Step::Long(number), Step::Int))
    }

    fn float(&mut self, digits: &str) -> Compiled<Step> {
        let number = number::parse_decimal(digits.as_bytes()).unwrap_or(f64::INFINITY);
        if number == 0.0 || number.is_infinite() {
            // Zero too: Java compares with the smallest positive number.
            self.misfit(self.token_at, "a number with a point that is zero or too large")?;
        }
        Ok(Step::Double(number))
    }

    fn string(&mut self) -> Compiled<Box<[u8]>> {
        let Token::Text(quoted) = self.token else { return Err(self.unexpected()) };
        self.advance()?;
        Ok(unquoted(quoted))
    }

    /// Makes the operand, whose steps are the last ones, a boolean.
    fn make_boolean(&mut self, operand: &Operand) -> Compiled<()> {
        match operand.kind {
            Kind::Boolean | Kind::BooleanConstant => {}
            Kind::Property => {
                self.emit(Step::ToBool);
            }
            Kind::Constant | Kind::Negated => self.misfit(operand.at, "this is not a boolean")?,
        }
        Ok(())
    }

    fn check_equality(&mut self, left: &Operand, right: &Operand) -> Compiled<()> {
        for operand in [left, right] {
            if operand.kind == Kind::BooleanConstant && self.steps[operand.start] == Step::Null {
                self.misfit(operand.at, "NULL is never equal; IS NULL asks for it")?;
            }
        }
        if left.kind == Kind::BooleanConstant && right.kind == Kind::Constant {
            self.misfit(right.at, "a boolean cannot be compared with this")?;
        }
        Ok(())
    }

    fn check_order(&mut self, operand: &Operand) -> Compiled<()> {
        let fits = match operand.kind {
            Kind::Property | Kind::Negated => true,
            Kind::Constant => !matches!(self.steps[operand.start], Step::Text(_)),
            Kind::Boolean | Kind::BooleanConstant => false,
        };
        if fits { Ok(()) } else { self.misfit(operand.at, "only numbers have an order") }
    }

    fn constant(&self, operand: &Operand) -> Option<Value<'static>> {
        match self.steps[operand.start] {
            _ if operand.kind != Kind::Constant => None,
            Step::Int(number) => Some(Value::Int(number)),
            Step::Long(number) => Some(Value::Long(number)),
            Step::Double(number) => Some(Value::Double(number)),
            _ => None,
        }
    }

    fn emit(&mut self, step: Step) -> usize {
        self.stack += step.growth();
        self.stack_max = self.stack_max.max(self.stack);
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// Lets the jump lead to the next step.
    fn land(&mut self, jump: usize) {
        let here = self.steps.len();
        self.steps[jump].lead_to(here);
    }

    fn advance(&mut self) -> Compiled<()> {
        (self.token, self.token_at) = self.lexer.next()?;
        Ok(())
    }

    /// The token behind the one ahead.
    fn second(&self) -> Compiled<(Token<'a>, usize)> {
        let mut ahead = self.lexer;
        ahead.next()
    }

    fn expect(&mut self, token: Token<'_>) -> Compiled<()> {
        if self.token == token { self.advance() } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> SyntaxError {
        let message = match self.token {
            Token::End => "the expression is not complete".to_owned(),
            _ => {
                let behind = self.text[self.token_at..].split_whitespace().next();
                let shown: String = behind.unwrap_or_default().chars().take(20).collect();
                format!("\"{shown}\" is not expected here")
            }
        };
        self.error(SyntaxErrorKind::Grammar, self.token_at, message)
    }

    fn misfit(&mut self, at: usize, message: &str) -> Compiled<()> {
        let error = self.error(SyntaxErrorKind::Operand, at, message.to_owned());
        if self.behind_plus {
            self.postponed.get_or_insert(error);
            return Ok(());
        }
        Err(error)
    }

    fn error(&self, kind: SyntaxErrorKind, at: usize, message: String) -> SyntaxError {
        SyntaxError { kind, position: Position::of_byte(self.text, at), message }
    }
}

/// A string without its quotes, doubled ones made single.
fn unquoted(quoted: &str) -> Box<[u8]> {
    quoted[1..quoted.len() - 1].replace("''", "'").into_bytes().into()
}
