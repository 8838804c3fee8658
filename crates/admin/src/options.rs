//! Options of a command line, read as Java's library reads them: `-t T`, `-tT`, `-t=T`,
//! `--topic T`, `--topic=T`, unambiguous beginnings of long names, single letters in one word,
//! quotes around values. What is neither an option nor its value is ignored.

use std::fmt;

use crate::command::{Command, OptionRow};
use crate::error::Error;

/// The options that were given.
#[derive(Debug, Default)]
pub struct Options {
    given: Vec<(&'static str, Option<String>)>,
}

impl Options {
    /// Reads a command line.
    ///
    /// # Errors
    /// [`Error::Usage`] in Java's words.
    pub fn read(command: &Command, words: &[String]) -> Result<Options, Error> {
        let rows = command.all_options();
        let mut reader = Reader { rows, options: Options::default(), current: None, rest: false };
        for word in words {
            reader.word(word)?;
        }
        reader.missing_argument()?;
        if !reader.options.has("h") {
            reader.missing_options()?;
        }
        Ok(reader.options)
    }

    /// Whether an option was given. `name` is its short name, or the long one if it has no other.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(key, _)| *key == name)
    }

    /// The value of an option, without spaces around it.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.given.iter().find(|(key, _)| *key == name)?;
        value.as_deref().map(str::trim)
    }

    /// Gives an option another value.
    pub fn set(&mut self, name: &str, value: String) {
        if let Some((_, given)) = self.given.iter_mut().find(|(key, _)| *key == name) {
            *given = Some(value);
        }
    }

    /// The value of an option that the command's row requires.
    ///
    /// # Errors
    /// It is not there.
    pub fn required(&self, name: &str) -> Result<&str, Error> {
        self.get(name).ok_or_else(|| Error::Usage(format!("Missing required option: {name}")))
    }

    /// The value of an option as a number.
    ///
    /// # Errors
    /// It is none, or too large.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().map_err(|_| {
            Error::Usage(format!("-{name}: \"{text}\" is no number, or not one that fits"))
        })?;
        Ok(Some(number))
    }

    /// Whether the value is `true` in any case; false when the option is absent.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, value)) in self.given.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}-{key}")?;
            if let Some(value) = value {
                write!(f, " {}", crate::out::harmless(value))?;
            }
        }
        Ok(())
    }
}

struct Reader {
    rows: Vec<OptionRow>,
    options: Options,
    /// The option that may still get a value, by index in `rows`.
    current: Option<usize>,
    /// Behind `--`: no more options.
    rest: bool,
}

impl Reader {
    fn word(&mut self, word: &str) -> Result<(), Error> {
        if self.rest {
            return Ok(());
        }
        if word == "--" {
            self.rest = true;
        } else if self.awaits_value() && self.is_argument(word) {
            self.value(word);
        } else if word.starts_with("--") {
            self.long(word)?;
        } else if word.starts_with('-') && word.len() > 1 {
            self.short_or_long(word)?;
        }
        Ok(())
    }

    fn awaits_value(&self) -> bool {
        self.current.is_some()
    }

    fn value(&mut self, text: &str) {
        if let Some(given) = self.options.given.last_mut() {
            let unquoted = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
            given.1 = Some(unquoted.unwrap_or(text).to_owned());
        }
        self.current = None;
    }

    /// Whether a word can be a value: negative numbers can.
    fn is_argument(&self, word: &str) -> bool {
        word.parse::<f64>().is_ok() || !(self.is_long(word) || self.is_short(word))
    }

    fn is_short(&self, word: &str) -> bool {
        let Some(name) = word.strip_prefix('-') else { return false };
        let name = name.split('=').next().unwrap_or_default();
        let first = name.chars().next().map(String::from).unwrap_or_default();
        !name.is_empty() && (self.by_short(name).is_some() || self.by_short(&first).is_some())
    }

    fn is_long(&self, word: &str) -> bool {
        if !word.starts_with('-') || word.len() == 1 {
            return false;
        }
        let name = word.split('=').next().unwrap_or_default();
        !self.beginning_with(name).is_empty()
            || (!word.starts_with("--") && self.long_prefix(word).is_some())
    }

    fn by_short(&self, name: &str) -> Option<usize> {
        self.rows.iter().position(|row| !row.short.is_empty() && row.short == name)
    }

    fn by_long(&self, name: &str) -> Option<usize> {
        let name = name.trim_start_matches('-');
        self.rows.iter().position(|row| row.long == name)
    }

    fn beginning_with(&self, name: &str) -> Vec<usize> {
        let name = name.trim_start_matches('-');
        if let Some(exact) = self.by_long(name) {
            return vec![exact];
        }
        (0..self.rows.len()).filter(|at| self.rows[*at].long.starts_with(name)).collect()
    }

    /// The longest long name, less than the whole word, that the word begins with: `-topicT`.
    fn long_prefix(&self, word: &str) -> Option<usize> {
        let word = word.trim_start_matches('-');
        (2..word.len())
            .rev()
            .filter_map(|len| word.get(..len))
            .find_map(|prefix| self.rows.iter().position(|row| row.long == prefix))
    }

    fn long(&mut self, word: &str) -> Result<(), Error> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let matching = self.beginning_with(name);
        match (matching.as_slice(), value) {
            ([], _) => Err(unknown(word)),
            ([one], None) => self.option(*one),
            ([one], Some(value)) if self.rows[*one].takes_value => {
                self.option(*one)?;
                self.value(value);
                Ok(())
            }
            ([_], Some(_)) => Err(unknown(word)),
            (several, _) => {
                let names: Vec<String> =
                    several.iter().map(|at| format!("'{}'", self.rows[*at].long)).collect();
                let names = names.join(", ");
                Err(Error::Usage(format!("Ambiguous option: '{name}'  (could be: {names})")))
            }
        }
    }

    fn short_or_long(&mut self, word: &str) -> Result<(), Error> {
        let text = word.trim_start_matches('-');
        match text.split_once('=') {
            Some((name, value)) if name.chars().count() == 1 => match self.by_short(name) {
                Some(at) if self.rows[at].takes_value => {
                    self.option(at)?;
                    self.value(value);
                    Ok(())
                }
                _ => Err(unknown(word)),
            },
            Some(_) => self.long(word),
            None => {
                if let Some(at) = self.by_short(text) {
                    return self.option(at);
                }
                if text.chars().count() == 1 {
                    return Err(unknown(word));
                }
                if !self.beginning_with(text).is_empty() {
                    return self.long(word);
                }
                match self.long_prefix(text) {
                    Some(at) if self.rows[at].takes_value => {
                        self.option(at)?;
                        self.value(&text[self.rows[at].long.len()..]);
                        Ok(())
                    }
                    _ => self.letters(word, text),
                }
            }
        }
    }

    /// Several letters in one word: `-ac`, `-tTopic`.
    fn letters(&mut self, word: &str, text: &str) -> Result<(), Error> {
        for (place, letter) in text.char_indices() {
            let at = self.by_short(letter.encode_utf8(&mut [0; 4])).ok_or_else(|| unknown(word))?;
            self.option(at)?;
            let behind = &text[place + letter.len_utf8()..];
            if self.awaits_value() && !behind.is_empty() {
                self.value(behind);
                break;
            }
        }
        Ok(())
    }

    fn option(&mut self, at: usize) -> Result<(), Error> {
        self.missing_argument()?;
        let row = self.rows[at];
        self.options.given.push((row.key(), None));
        self.current = row.takes_value.then_some(at);
        Ok(())
    }

    fn missing_argument(&self) -> Result<(), Error> {
        match self.current {
            None => Ok(()),
            Some(at) => {
                let key = self.rows[at].key();
                Err(Error::Usage(format!("Missing argument for option: {key}")))
            }
        }
    }

    fn missing_options(&self) -> Result<(), Error> {
        let mut missing = Vec::new();
        let mut done = Vec::new();
        for row in &self.rows {
            if row.group > 0 && !done.contains(&row.group) {
                done.push(row.group);
                let group = || self.rows.iter().filter(|r| r.group == row.group);
                if !group().any(|r| self.options.has(r.key())) {
                    let each: Vec<String> =
                        group().map(|r| format!("-{} {}", r.key(), r.description)).collect();
                    missing.push(format!("[{}]", each.join(", ")));
                }
            } else if row.required && !self.options.has(row.key()) {
                missing.push(row.key().to_owned());
            }
        }
        match missing.len() {
            0 => Ok(()),
            1 => Err(Error::Usage(format!("Missing required option: {}", missing[0]))),
            _ => Err(Error::Usage(format!("Missing required options: {}", missing.join(", ")))),
        }
    }
}

fn unknown(word: &str) -> Error {
    Error::Usage(format!("Unrecognized option: {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command;

    fn read(command: &str, words: &[&str]) -> Result<Options, String> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        let command = command::find(command).expect("a command");
        Options::read(command, &words).map_err(|e| e.to_string())
    }

    #[test]
    fn every_form_of_an_option() {
        let forms: &[&[&str]] = &[
            &["-t", "T"],
            &["-tT"],
            &["-t=T"],
            &["--topic", "T"],
            &["--topic=T"],
            &["--top=T"],
            &["-topic", "T"],
            &["-topicT"],
            &["-lt", "\"T\""],
            &["stray", "-t", "T", "--", "-x"],
        ];
        for form in forms {
            let options = read("topicRoute", form).unwrap_or_else(|e| panic!("{form:?}: {e}"));
            assert_eq!(options.get("t"), Some("T"), "{form:?}");
        }
        let options =
            read("updateStaticTopic", &["-b", "x", "-t", "T", "-qn", "4", "-mf", "f"]).unwrap();
        assert_eq!((options.get("qn"), options.get("mf")), (Some("4"), Some("f")));
        let options = read("resetMasterFlushOffset", &["-b", "x", "-o", "-1"]).unwrap();
        assert_eq!(options.number::<i64>("o").unwrap(), Some(-1));
    }

    /// DN02, DN04: the words are Java's, `-b` beside `-c` is allowed.
    #[test]
    fn mistakes_are_named_in_javas_words() {
        let wrong = |command, words: &[&str]| read(command, words).unwrap_err();
        assert_eq!(wrong("topicRoute", &[]), "Missing required option: t");
        assert_eq!(wrong("copyUser", &[]), "Missing required options: f, t");
        assert_eq!(wrong("topicRoute", &["-x"]), "Unrecognized option: -x");
        assert_eq!(wrong("topicRoute", &["-t"]), "Missing argument for option: t");
        assert_eq!(wrong("topicRoute", &["-t", "-l"]), "Missing argument for option: t");
        assert_eq!(
            wrong("updateTopic", &["-t", "T"]),
            "Missing required option: [-b create topic to which broker, -c create topic to which \
             cluster]"
        );
        assert!(read("updateTopic", &["-t", "T", "-b", "x", "-c", "y"]).is_ok());
        assert!(read("updateTopic", &["-h"]).is_ok());
    }
}
