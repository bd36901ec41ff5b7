#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../core/http2/tests/laws/mod.rs"]
mod laws;

fuzz_target!(|bytes: &[u8]| laws::client(bytes));
