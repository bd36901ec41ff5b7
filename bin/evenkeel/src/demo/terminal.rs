//! The terminal: keys as they are pressed, and everything back as it was at the end.

use crate::screen::{Size, cut};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io::{IsTerminal, Read, Write, stdin, stdout};
use std::sync::mpsc::{Receiver, sync_channel};

/// Keys that may wait.
const KEYS: usize = 64;

/// A terminal that gives single keys; restored when dropped.
pub(crate) struct Terminal {
    before: Option<Termios>,
    /// Pressed keys.
    pub(crate) keys: Receiver<u8>,
}

/// Takes the terminal over; `None` if stdout is none.
pub(crate) fn open() -> Option<Terminal> {
    if !stdout().is_terminal() {
        return None;
    }
    let before = tcgetattr(stdin()).ok();
    if let Some(before) = &before {
        let mut single = before.clone();
        // Signals stay: Ctrl-C must end us.
        single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        single.special_codes[SpecialCodeIndex::VMIN] = 1;
        single.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Without single keys there is still the picture.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &single);
    }
    let (sender, keys) = sync_channel(KEYS);
    if before.is_some() {
        std::thread::spawn(move || {
            let mut key = [0];
            while stdin().read_exact(&mut key).is_ok() && sender.send(key[0]).is_ok() {}
        });
    }
    // Another screen, no cursor.
    // Without it the picture stands below what was there.
    let _ = write!(stdout(), "\x1b[?1049h\x1b[?25l\x1b[2J");
    Some(Terminal { before, keys })
}

impl Terminal {
    /// Replaces the picture by what fits of this one; false if there is no terminal any more.
    pub(crate) fn draw(&self, picture: &str, size: Size) -> bool {
        let mut out = String::from("\x1b[H");
        for (row, line) in picture.lines().take(size.rows).enumerate() {
            if row > 0 {
                out.push_str("\r\n");
            }
            out.push_str(&cut(line, size.columns));
            out.push_str("\x1b[K");
        }
        out.push_str("\x1b[J");
        let mut stdout = stdout().lock();
        stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush()).is_ok()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
        let _ = write!(stdout(), "\x1b[?25h\x1b[?1049l").and_then(|()| stdout().flush());
    }
}
