//! The laws, over the corpus of the fuzz target and over seeded disturbances of it. A failure prints the seed.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod laws;

use evenkeel_proxy_protocol::Told;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Disturbed inputs.
const ROUNDS: u64 = 20_000;

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn address(&mut self) -> SocketAddr {
        let ip = match self.below(3) {
            0 => IpAddr::from(Ipv4Addr::from(self.0 as u32)),
            1 => IpAddr::from(Ipv4Addr::from(self.0 as u32).to_ipv6_mapped()),
            _ => IpAddr::from(Ipv6Addr::from(u128::from(self.0) << self.below(65))),
        };
        SocketAddr::new(ip, self.below(65_536) as u16)
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/proxy_protocol");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn disturbed(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = corpus[dice.below(corpus.len())].clone();
    for _ in 0..1 + dice.below(3) {
        let at = dice.below(bytes.len());
        match dice.below(4) {
            0 if !bytes.is_empty() => bytes[at] = dice.below(256) as u8,
            1 => bytes.insert(at, b" \r\n0:1.P"[dice.below(8)]),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[test]
fn the_laws_hold_over_the_corpus_and_near_it() {
    let corpus = corpus();
    assert!(corpus.len() > 10, "the corpus is not where it is looked for");
    corpus.iter().for_each(|bytes| laws::header(bytes));
    for seed in 1..=ROUNDS {
        let bytes = disturbed(&corpus, &mut Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let outcome = std::panic::catch_unwind(|| laws::header(&bytes));
        assert!(outcome.is_ok(), "seed {seed}: {}", bytes.escape_ascii());
    }
}

#[test]
fn what_is_written_is_read() {
    for seed in 1..=2_000_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        laws::written(Told::internet(dice.address(), dice.address()));
    }
    laws::written(Told::Nothing);
    laws::written(Told::Unix);
}
