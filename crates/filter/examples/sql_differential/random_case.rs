//! Random expressions, most of them valid, and properties to evaluate them over.

use crate::case::Case;

const NAMES: &[&str] = &["a", "b", "c", "d", "$x", "_y9", "Price", "TAGS", "andy", "missing"];

const STRINGS: &[&str] = &[
    "",
    "a",
    "abc",
    "b",
    "it's",
    "'",
    "''",
    "true",
    "TRUE",
    "True",
    "false",
    "yes",
    "null",
    "NaN",
    "-NaN",
    "Infinity",
    "-Infinity",
    "+Infinity",
    "inf",
    "0",
    "-0",
    "+0",
    "1",
    "+1",
    "-1",
    "01",
    "007",
    "10",
    "5",
    "100",
    " 5",
    "5 ",
    "\t5\n",
    "\u{a0}5",
    "5L",
    "5l",
    "5f",
    "5F",
    "5d",
    "5.0",
    "5.",
    ".5",
    ".",
    "-.5",
    "0.1",
    "1e3",
    "1E-3",
    "1e",
    "1e+",
    "1e400",
    "1e-400",
    "4.9e-324",
    "2.4703282292062328e-324",
    "2.4703282292062327e-324",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "9007199254740993",
    "9007199254740992",
    "9007199254740993.0",
    "0x10",
    "0x1p3",
    "0X1.8P1",
    "0x.8p1f",
    "0x1.p-1d",
    "0x1p",
    "0xp1",
    "0x1p-1074",
    "0x1p-1075",
    "0x1.8p-1075",
    "0x1p1024",
    "0x1.fffffffffffff8p1023",
    "0x1.00000000000008p0",
    "0x1.000000000000080001p0",
    "0x1.00000000000018p0",
    "0x0p99999999999",
    "0x1p99999999999",
    "0x1p-99999999999",
    "0x123456789abcdef0123p-4",
    "1_000",
    "1,5",
    "0b1",
    "٣",
    "１２",
    "-१",
    "٣x",
    "标签",
    "🚀",
    "é",
    "a\u{1f680}b",
    "+",
    "-",
    "--1",
    "+-1",
    "e5",
    "1f5",
    "NaNf",
    "nan",
    "1e5f",
    "--",
    "/*",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "5",
    "10",
    "100",
    "5L",
    "5l",
    "0L",
    "007",
    "00",
    "2147483647",
    "2147483648",
    "2147483648L",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775807L",
    "9223372036854775808",
    "99999999999999999999",
    "0.5",
    "5.0",
    "5.",
    ".5",
    "00.5",
    "1e3",
    "1E3",
    "1e+3",
    "1.5e-3",
    "5.E1",
    ".5e1",
    "1e308",
    "1e309",
    "1.7976931348623157e308",
    "4.9e-324",
    "1e-324",
    "0.0",
    "0e5",
    "0.",
    "1e",
    "1.5e",
    "5.5.5",
    "0x10",
    "9007199254740993.0",
    "1e18",
    "9223372036854775807.0",
    "3.1415",
    "2.5f",
];

/// A small generator of numbers: the same seed, the same cases.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// A case: three in four as generated, the rest damaged.
pub fn case(random: &mut Random) -> Case {
    let mut tokens = Vec::new();
    boolean(random, &mut tokens, 4);
    if random.percent(5) {
        tokens.push(word(random));
    }
    if random.percent(20) {
        damage_tokens(random, &mut tokens);
    }
    let mut expression = join(random, &tokens);
    if random.percent(7) {
        damage_characters(random, &mut expression);
    }
    let mut properties: Vec<(String, String)> = Vec::new();
    for name in NAMES.iter().take(NAMES.len() - 1) {
        if random.percent(70) {
            properties.push(((*name).to_owned(), value(random)));
        }
    }
    Case { expression, properties }
}

/// A property's value: never empty, as messages have no empty ones.
fn value(random: &mut Random) -> String {
    let value = match random.below(10) {
        0..=3 => random.pick(STRINGS).to_owned(),
        4..=6 => (random.below(12) as i64 - 1).to_string(),
        7 => format!("{}.{}", random.below(12), random.below(10)),
        8 => number(random),
        _ => random.pick(&["abc", "b", "true", "it's"]).to_owned(),
    };
    if value.is_empty() { "x".to_owned() } else { value }
}

fn number(random: &mut Random) -> String {
    match random.below(10) {
        0..=3 => random.pick(NUMBERS).to_owned(),
        4..=7 => random.below(12).to_string(),
        8 => format!("{}.{}", random.below(12), random.below(10)),
        _ => {
            let bits = (random.below(1 << 31) as u64) << 32 | random.below(1 << 31) as u64;
            match random.below(3) {
                0 => (bits >> random.below(64)).to_string(),
                1 => format!("{:e}", f64::from_bits(bits)),
                _ => format!("0x{:x}p{}", bits, random.below(2200) as i64 - 1140),
            }
        }
    }
}

fn string(random: &mut Random) -> String {
    let text = match random.below(4) {
        0 | 1 => random.pick(STRINGS),
        _ => random.pick(&["a", "abc", "b", "bc", "1", "5", "true", "s"]),
    };
    format!("'{}'", text.replace('\'', "''"))
}

fn name(random: &mut Random) -> String {
    random.pick(NAMES).to_owned()
}

/// A keyword in some spelling.
fn keyword(random: &mut Random, text: &str) -> String {
    match random.below(4) {
        0 => text.to_lowercase(),
        1 => {
            let mixed = text.chars().enumerate();
            mixed.map(|(at, c)| if at % 2 == 0 { c } else { c.to_ascii_lowercase() }).collect()
        }
        _ => text.to_owned(),
    }
}

fn word(random: &mut Random) -> String {
    match random.below(6) {
        0 => number(random),
        1 => string(random),
        2 => name(random),
        3 => {
            let all = ["AND", "OR", "NOT", "IN", "IS", "NULL", "TRUE", "FALSE", "BETWEEN"];
            let text = random.pick(&all);
            keyword(random, text)
        }
        4 => {
            let text = random.pick(&["CONTAINS", "STARTSWITH", "ENDSWITH"]);
            keyword(random, text)
        }
        _ => random
            .pick(&["=", "<>", ">", ">=", "<", "<=", "(", ")", ",", "+", "-", "#", "/", "."])
            .to_owned(),
    }
}

/// Something with a truth value, now and then something else.
fn boolean(random: &mut Random, out: &mut Vec<String>, depth: usize) {
    if random.percent(3) {
        return operand(random, out, depth.saturating_sub(1));
    }
    match if depth == 0 { 4 + random.below(12) } else { random.below(16) } {
        0 | 1 => {
            boolean(random, out, depth - 1);
            let operator = random.pick(&["AND", "OR"]);
            out.push(keyword(random, operator));
            boolean(random, out, depth - 1);
        }
        2 => {
            out.push(keyword(random, "NOT"));
            boolean(random, out, depth - 1);
        }
        3 => parenthesized(random, out, |random, out| boolean(random, out, depth - 1)),
        4..=7 => {
            numeric(random, out, depth);
            out.push(random.pick(&[">", ">=", "<", "<=", "=", "<>"]).to_owned());
            numeric(random, out, depth);
        }
        8 | 9 => {
            operand(random, out, depth);
            out.push(random.pick(&["=", "<>"]).to_owned());
            operand(random, out, depth);
        }
        10 => {
            operand(random, out, depth);
            out.push(keyword(random, "IS"));
            if random.percent(50) {
                out.push(keyword(random, "NOT"));
            }
            out.push(keyword(random, "NULL"));
        }
        11 => between(random, out, depth),
        12 => list(random, out),
        13 | 14 => find(random, out, depth),
        _ => {
            let constant = random.pick(&["TRUE", "FALSE", "NULL"]);
            let bare = if random.percent(50) { name(random) } else { keyword(random, constant) };
            out.push(bare);
        }
    }
}

fn between(random: &mut Random, out: &mut Vec<String>, depth: usize) {
    numeric(random, out, depth);
    if random.percent(40) {
        out.push(keyword(random, "NOT"));
    }
    out.push(keyword(random, "BETWEEN"));
    if random.percent(50) {
        let low = random.below(10);
        out.push(low.to_string());
        out.push(keyword(random, "AND"));
        out.push((low + random.below(5)).to_string());
    } else {
        numeric(random, out, depth);
        out.push(keyword(random, "AND"));
        numeric(random, out, depth);
    }
}

fn list(random: &mut Random, out: &mut Vec<String>) {
    if random.percent(90) {
        out.push(name(random));
    } else {
        operand(random, out, 1);
    }
    if random.percent(40) {
        out.push(keyword(random, "NOT"));
    }
    out.push(keyword(random, "IN"));
    parenthesized(random, out, |random, out| {
        out.push(string(random));
        for _ in 0..random.below(7) {
            out.push(",".to_owned());
            out.push(string(random));
        }
    });
}

fn find(random: &mut Random, out: &mut Vec<String>, depth: usize) {
    operand(random, out, depth.min(1));
    if random.percent(40) {
        out.push(keyword(random, "NOT"));
    }
    let operator = random.pick(&["CONTAINS", "STARTSWITH", "ENDSWITH"]);
    out.push(keyword(random, operator));
    out.push(string(random));
}

/// Something that may stand beside `<`.
fn numeric(random: &mut Random, out: &mut Vec<String>, depth: usize) {
    match random.below(20) {
        0..=8 => out.push(name(random)),
        9..=14 => out.push(number(random)),
        15 | 16 => {
            out.push("-".to_owned());
            numeric(random, out, depth);
        }
        17 => {
            out.push("+".to_owned());
            numeric(random, out, depth);
        }
        18 => parenthesized(random, out, |random, out| numeric(random, out, depth)),
        _ => operand(random, out, depth),
    }
}

/// Anything.
fn operand(random: &mut Random, out: &mut Vec<String>, depth: usize) {
    match random.below(12) {
        0..=4 => out.push(name(random)),
        5 | 6 => out.push(string(random)),
        7 => out.push(number(random)),
        8 => {
            let text = random.pick(&["TRUE", "FALSE", "TRUE", "FALSE", "NULL"]);
            out.push(keyword(random, text));
        }
        9 if depth > 0 => {
            parenthesized(random, out, |random, out| boolean(random, out, depth - 1));
        }
        10 if depth > 0 => {
            out.push(random.pick(&["-", "+"]).to_owned());
            parenthesized(random, out, |random, out| boolean(random, out, depth - 1));
        }
        _ => numeric(random, out, 0),
    }
}

fn parenthesized(
    random: &mut Random,
    out: &mut Vec<String>,
    inner: impl FnOnce(&mut Random, &mut Vec<String>),
) {
    out.push("(".to_owned());
    inner(random, out);
    out.push(")".to_owned());
}

fn damage_tokens(random: &mut Random, tokens: &mut Vec<String>) {
    for _ in 0..=random.below(3) {
        let at = random.below(tokens.len().max(1));
        match random.below(4) {
            0 if at < tokens.len() => {
                tokens.remove(at);
            }
            1 if at < tokens.len() => tokens[at] = word(random),
            2 if at + 1 < tokens.len() => tokens.swap(at, at + 1),
            _ => tokens.insert(at, word(random)),
        }
    }
}

fn damage_characters(random: &mut Random, text: &mut String) {
    let mut chars: Vec<char> = text.chars().collect();
    let at = random.below(chars.len().max(1));
    let odd =
        ['\'', '"', '#', '.', '-', '/', '*', 'é', '标', '🚀', '\u{7f}', '\\', '(', 'L', 'e', '\n'];
    match random.below(3) {
        0 if at < chars.len() => {
            chars.remove(at);
        }
        1 => chars.truncate(at),
        _ => chars.insert(at, odd[random.below(odd.len())]),
    }
    *text = chars.into_iter().collect();
}

/// Tokens with blanks and comments between, or nothing where that is possible.
fn join(random: &mut Random, tokens: &[String]) -> String {
    let mut text = String::new();
    let odd = random.percent(15);
    for token in tokens {
        let blank = if odd {
            let all =
                ["", " ", "  ", "\t", "\n", "\r\n", "\r", "\u{c}", "/* c */", "-- c\n", "/**/"];
            random.pick(&all)
        } else {
            " "
        };
        let glued = |c: char| c.is_ascii_alphanumeric() || "_$.'".contains(c);
        let needs = text.ends_with(glued) && token.starts_with(glued);
        if !text.is_empty() && (odd || needs || random.percent(80)) {
            text.push_str(if blank.is_empty() && needs && random.percent(90) {
                " "
            } else {
                blank
            });
        }
        text.push_str(token);
    }
    text
}
