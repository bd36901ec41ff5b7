//! Texts that nobody would write: an answer, never a panic.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use evenkeel_config::{PROBLEMS_LIMIT, parse};
use std::path::Path;

const TEXTS: &[&str] = &[
    include_str!("../../../examples/every-key.toml"),
    include_str!("../../../examples/canary.toml"),
    include_str!("../../../examples/two-lines.toml"),
    include_str!("interface.toml"),
];
/// Pieces that mean something here, and some that mean trouble.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "\"",
    "'",
    "'''",
    "\"\"\"",
    "\n",
    "\r",
    "#",
    "\\",
    "\\u0000",
    "é",
    "\u{feff}",
    "\u{10ffff}",
    "0",
    "-1",
    "1e999",
    "nan",
    "99999999999999999999",
    "1979-05-27",
    "true",
    "\"*\"",
    ":80",
    "[listener.web]\n",
    "[[listener.web.route]]\n",
    "pool = ",
    "backends = ",
    "\"unix:\"",
    "\"[::1]:\"",
    "\"99h99m\"",
    "\"%\"",
    "\"(?x)\"",
];
const ROUNDS: usize = 4000;

/// Marsaglia's xorshift: the same texts each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit.max(1) as u64)).unwrap()
    }
}

fn mutated(dice: &mut Dice) -> String {
    let mut text = TEXTS[dice.below(TEXTS.len())].to_string();
    for _ in 0..=dice.below(4) {
        let start = text.floor_char_boundary(dice.below(text.len()));
        let end = text.floor_char_boundary(start + dice.below(12)).max(start);
        match dice.below(4) {
            0 => text.replace_range(start..end, ""),
            1 => text.insert_str(start, PIECES[dice.below(PIECES.len())]),
            2 => text.replace_range(start..end, PIECES[dice.below(PIECES.len())]),
            _ => {
                let from = text.floor_char_boundary(dice.below(text.len()));
                let piece = text[from..text.floor_char_boundary(from + dice.below(60)).max(from)].to_string();
                text.insert_str(start, &piece);
            }
        }
    }
    text
}

#[test]
fn mutated_texts_never_panic() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let (mut sound, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        let text = mutated(&mut dice);
        match parse(&text, Path::new("/etc/evenkeel")) {
            Ok(_) => sound += 1,
            Err(problems) => {
                refused += 1;
                assert!((1..=PROBLEMS_LIMIT).contains(&problems.list.len()), "{text}");
                assert!(
                    problems.list.is_sorted_by_key(|problem| (problem.line, problem.column)),
                    "{text}"
                );
                let rendered = problems.render("a.toml", &text, true);
                assert!(rendered.ends_with('\n'));
            }
        }
    }
    // The mutations are neither too tame nor too wild to reach what lies behind the grammar.
    assert!(sound > 50 && refused > 1000, "{sound} sound, {refused} refused");
}
