//! What a certificate says: no panic, and nothing that would break a header field, whatever its bytes.
//!
//! The parser's files are taken by their paths: the crate around them would bring a whole TLS library to be built and
//! instrumented.
#![no_main]
#![allow(dead_code, unreachable_pub)]

#[path = "../../io/tls/src/certificate.rs"]
mod certificate;
#[path = "../../io/tls/src/der.rs"]
mod der;
#[path = "../../io/tls/src/moment.rs"]
mod moment;
#[path = "../../io/tls/src/words.rs"]
mod words;

use certificate::Certificate;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(certificate) = Certificate::parse(bytes) else {
        return;
    };
    let printable = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let texts = [&certificate.subject, &certificate.issuer, &certificate.serial];
    assert!(texts.iter().all(|text| printable(text)));
    assert!(certificate.label().is_none_or(|label| printable(&label)));
    let names = [&certificate.dns_names, &certificate.uris, &certificate.emails];
    assert!(names.iter().flat_map(|names| names.iter()).all(|name| printable(name)));
    // As they are written into file names, logs and metrics.
    assert!(moment::show(certificate.not_after).len() >= 10);
});
