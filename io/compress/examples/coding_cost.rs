//! What each coding costs and gives: `cargo run --release -p evenkeel-compress --example coding_cost [FILE]`.
//!
//! Without a file: pages of links that repeat themselves as pages do. Time is what the processor worked
//! for this thread.

use evenkeel_compress::Compressor;
use evenkeel_model::Encoding;
use std::time::Duration;

/// As much as the relay reads at once.
const PIECE: usize = 48 * 1024;
/// Each coding is measured for at least this long.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let content = match std::env::args().nth(1) {
        Some(file) => std::fs::read(file)?,
        None => pages(),
    };
    for encoding in Encoding::ALL {
        let (mut coded, mut rounds) = (Vec::new(), 0);
        let begun = worked()?;
        while worked()? - begun < LONG_ENOUGH {
            coded.clear();
            let mut compressor = Compressor::new(encoding)?;
            for piece in content.chunks(PIECE) {
                compressor.push(piece, &mut coded)?;
            }
            compressor.finish(&mut coded)?;
            rounds += 1;
        }
        let megabytes = (content.len() * rounds) as f64 / (worked()? - begun).as_secs_f64() / 1e6;
        let share = coded.len() as f64 / content.len() as f64 * 100.0;
        let kibibytes = memory(encoding, &content)?;
        println!(
            "{:5} {megabytes:7.0} MB/s, {share:5.1} % of {} bytes, {kibibytes} KiB for each stream",
            encoding.as_str(),
            content.len()
        );
    }
    Ok(())
}

/// What one stream holds when it is in full swing.
fn memory(encoding: Encoding, content: &[u8]) -> Result<u64, Box<dyn std::error::Error>> {
    const STREAMS: u64 = 20;
    let before = resident_kibibytes()?;
    let mut streams = Vec::new();
    let mut coded = Vec::new();
    for _ in 0..STREAMS {
        let mut compressor = Compressor::new(encoding)?;
        for piece in content.chunks(PIECE) {
            compressor.push(piece, &mut coded)?;
            coded.clear();
        }
        streams.push(compressor);
    }
    let held = resident_kibibytes()?.saturating_sub(before) / STREAMS;
    // Given back, the memory would be taken for that of the next coding.
    std::mem::forget(streams);
    Ok(held)
}

fn resident_kibibytes() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)).ok_or("no VmRSS")?;
    Ok(number.parse()?)
}

/// What the processor has worked for this thread so far (proc(5), `schedstat`).
fn worked() -> Result<Duration, Box<dyn std::error::Error>> {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = line.split_whitespace().next().ok_or("no schedstat")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

fn pages() -> Vec<u8> {
    let mut state = 1_u32;
    let mut text = String::new();
    while text.len() < 200_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(&format!(
            "<li class=\"entry\"><a href=\"/page/{state}\">Page {}</a></li>\n",
            state % 97
        ));
    }
    text.into_bytes()
}
