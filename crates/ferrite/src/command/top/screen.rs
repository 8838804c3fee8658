//! The terminal while `ferrite top` has it. However the program ends, by an error or a panic too,
//! the terminal is given back as it was.

use std::io::{self, Stdout, Write, stdout};
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};

use super::frame::{Line, Tone};

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To leave.
    Quit,
    /// To see the frame stand still, or go on.
    Pause,
    /// To see it drawn anew.
    Redraw,
}

/// The terminal, taken until it is dropped.
pub struct Screen {
    out: Stdout,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard output is none.
    pub fn take() -> io::Result<Screen> {
        enable_raw_mode()?;
        let mut screen = Screen { out: stdout() };
        execute!(screen.out, EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Columns and lines.
    pub fn size(&self) -> (usize, usize) {
        let (width, height) = terminal::size().unwrap_or((80, 24));
        (usize::from(width), usize::from(height))
    }

    /// Shows lines from the top.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn show(&mut self, lines: &[Line]) -> io::Result<()> {
        let (width, height) = self.size();
        for (at, line) in lines.iter().take(height).enumerate() {
            queue!(self.out, MoveTo(0, at as u16))?;
            let mut left = width;
            for (tone, text) in line {
                let shown: String = text.chars().take(left).collect();
                left -= shown.chars().count();
                paint(&mut self.out, *tone)?;
                queue!(self.out, Print(shown), ResetColor, SetAttribute(Attribute::Reset))?;
            }
            queue!(self.out, Clear(ClearType::UntilNewLine))?;
        }
        if lines.len() < height {
            queue!(self.out, MoveTo(0, lines.len() as u16), Clear(ClearType::FromCursorDown))?;
        }
        self.out.flush()
    }

    /// Waits at most `timeout` for what the operator wants.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn wish(&self, timeout: Duration) -> io::Result<Option<Wish>> {
        if !event::poll(timeout)? {
            return Ok(None);
        }
        Ok(wish_of(&event::read()?))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = execute!(self.out, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

fn wish_of(event: &Event) -> Option<Wish> {
    match event {
        Event::Resize(..) => Some(Wish::Redraw),
        Event::Key(key) if key.kind != KeyEventKind::Release => match key.code {
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                Some(Wish::Quit)
            }
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => Some(Wish::Quit),
            KeyCode::Char('p' | ' ') => Some(Wish::Pause),
            KeyCode::Char('l') => Some(Wish::Redraw),
            _ => None,
        },
        _ => None,
    }
}

fn paint(out: &mut Stdout, tone: Tone) -> io::Result<()> {
    match tone {
        Tone::Plain => Ok(()),
        Tone::Head => queue!(out, SetAttribute(Attribute::Bold)),
        Tone::Dim => queue!(out, SetAttribute(Attribute::Dim)),
        Tone::Good => queue!(out, SetForegroundColor(Color::Green)),
        Tone::Warning => queue!(out, SetForegroundColor(Color::Yellow)),
        Tone::Bad => queue!(out, SetForegroundColor(Color::Red)),
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn keys() {
        let key = |code, modifiers| wish_of(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::NONE), Some(Wish::Quit));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Wish::Quit));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(key(KeyCode::Char('p'), KeyModifiers::NONE), Some(Wish::Pause));
        assert_eq!(wish_of(&Event::Resize(1, 1)), Some(Wish::Redraw));
    }
}
