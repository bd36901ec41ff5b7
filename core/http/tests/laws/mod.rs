//! What must hold for any bytes whatever. Used by the seeded tests here and by the fuzz targets.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use evenkeel_http::*;

const FORWARD: Forward<'_> = Forward {
    client_address: b"192.0.2.7",
    trusted: false,
    scheme: b"http",
    request_id: b"made",
    backend: b"10.0.0.1:80",
};
/// Small ones, so that they are reached.
const SMALL: Limits = Limits {
    head_bytes: 96,
    target_bytes: 24,
    fields: 3,
};
/// Up to here every cut is tried, above only some.
const EVERY_CUT: usize = 256;

/// How often bytes may be cut in two: everywhere when they are few.
fn cuts(bytes: &[u8]) -> impl Iterator<Item = usize> + use<> {
    (0..bytes.len()).step_by(1 + bytes.len() / EVERY_CUT)
}

/// Everything that a request head says.
fn saying(head: &RequestHead) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (head.method, head.kind, head.version, head.target, head.path, head.query),
        (
            head.host,
            head.host_name,
            head.fields.clone(),
            head.framing,
            head.keep_alive,
        ),
        (head.expect_continue, head.upgrade, head.length),
    )
}

/// Request heads.
pub fn request(bytes: &[u8]) {
    for limits in [Limits::default(), SMALL] {
        let whole = read_request(&[bytes], &limits);
        for cut in cuts(bytes) {
            let halves = read_request(&[&bytes[..cut], bytes], &limits);
            assert_eq!(outcome(&halves), outcome(&whole), "cut at {cut}");
        }
        let pieces: Vec<_> = cuts(bytes).map(|cut| &bytes[..cut]).chain([bytes]).collect();
        assert_eq!(
            outcome(&read_request(&pieces, &limits)),
            outcome(&whole),
            "byte by byte"
        );
        if let Ok((Parsed::Whole, head)) = whole {
            assert!(head.length <= limits.head_bytes && head.fields.len() <= limits.fields);
            request_is_forwarded(bytes, &head);
        }
    }
}

fn outcome(read: &Result<(Parsed, RequestHead), Refused>) -> impl PartialEq + std::fmt::Debug + use<> {
    match read {
        Ok((Parsed::Whole, head)) => Ok(Some(saying(head))),
        Ok((Parsed::Partial, _)) => Ok(None),
        Err(refused) => Err(*refused),
    }
}

/// Gives the head one longer buffer after the other.
fn read_request(buffers: &[&[u8]], limits: &Limits) -> Result<(Parsed, RequestHead), Refused> {
    let mut head = RequestHead::default();
    for buffer in buffers {
        if head.parse(buffer, limits)? == Parsed::Whole {
            return Ok((Parsed::Whole, head));
        }
    }
    Ok((Parsed::Partial, head))
}

fn request_is_forwarded(bytes: &[u8], head: &RequestHead) {
    for trusted in [false, true] {
        let forward = Forward { trusted, ..FORWARD };
        let mut out = Vec::new();
        head.write(bytes, &forward, &mut out);
        if head.host.is_empty() {
            // Only HTTP/1.0 may have no host; what we write then, we would not take ourselves.
            assert_eq!(head.version, Version::Http10);
            continue;
        }
        let (parsed, again) = read_request(
            &[&out],
            &Limits {
                head_bytes: usize::MAX,
                ..Limits::default()
            },
        )
        .unwrap_or_else(|refused| panic!("{refused}: {}", out.escape_ascii()));
        assert_eq!((parsed, again.length), (Parsed::Whole, out.len()));
        assert_eq!(
            (again.version, again.kind, again.framing),
            (Version::Http11, head.kind, head.framing)
        );
        assert_eq!(again.method.of(&out), head.method.of(bytes));
        assert_eq!(again.host.of(&out), head.host.of(bytes));
        assert_eq!(
            again.query.map(|query| query.of(&out)),
            head.query.map(|query| query.of(bytes))
        );
        if again.path.of(&out) != b"*" {
            assert_eq!(again.path.of(&out), head.path.of(bytes));
        }
        assert_eq!(again.expect_continue, head.expect_continue);
        assert_eq!(
            again.upgrade.map(|upgrade| upgrade.of(&out)),
            head.upgrade.map(|upgrade| upgrade.of(bytes))
        );
        assert!(again.keep_alive);
        no_hop_by_hop(&out, &again.fields, head.upgrade.is_some());
        if !trusted {
            let mut twice = Vec::new();
            again.write(&out, &forward, &mut twice);
            assert_eq!(out.escape_ascii().to_string(), twice.escape_ascii().to_string());
        }
    }
}

fn no_hop_by_hop(bytes: &[u8], fields: &[Field], upgrades: bool) {
    let mut connections = 0;
    for field in fields {
        let name = field.name.of(bytes).to_ascii_lowercase();
        let value = field.value.of(bytes);
        match &name[..] {
            b"connection" if upgrades => {
                connections += 1;
                assert_eq!(value, b"upgrade");
            }
            b"upgrade" => assert!(upgrades),
            b"transfer-encoding" => assert_eq!(value, b"chunked"),
            b"connection"
            | b"keep-alive"
            | b"proxy-connection"
            | b"te"
            | b"http2-settings"
            | b"proxy-authorization"
            | b"proxy-authenticate" => panic!("{} was passed on", name.escape_ascii()),
            _ => {}
        }
    }
    assert_eq!(connections, u32::from(upgrades));
}

/// Everything that a response head says.
fn response_outcome(read: &Result<(Parsed, ResponseHead), Fault>) -> impl PartialEq + std::fmt::Debug + use<> {
    match read {
        Ok((Parsed::Whole, head)) => Ok(Some((
            (head.version, head.status, head.reason, head.fields.clone()),
            (head.framing, head.keep_alive, head.upgrade, head.length),
        ))),
        Ok((Parsed::Partial, _)) => Ok(None),
        Err(fault) => Err(*fault),
    }
}

fn read_response(buffers: &[&[u8]], asked: Asked, limits: &Limits) -> Result<(Parsed, ResponseHead), Fault> {
    let mut head = ResponseHead::default();
    for buffer in buffers {
        if head.parse(buffer, asked, limits)? == Parsed::Whole {
            return Ok((Parsed::Whole, head));
        }
    }
    Ok((Parsed::Partial, head))
}

/// Response heads.
pub fn response(bytes: &[u8]) {
    for (head, upgrade) in [(false, false), (true, false), (false, true)] {
        let asked = Asked { head, upgrade };
        for limits in [Limits::default(), SMALL] {
            let whole = read_response(&[bytes], asked, &limits);
            for cut in cuts(bytes) {
                let halves = read_response(&[&bytes[..cut], bytes], asked, &limits);
                assert_eq!(response_outcome(&halves), response_outcome(&whole), "cut at {cut}");
            }
            let pieces: Vec<_> = cuts(bytes).map(|cut| &bytes[..cut]).chain([bytes]).collect();
            assert_eq!(
                response_outcome(&read_response(&pieces, asked, &limits)),
                response_outcome(&whole)
            );
            if let Ok((Parsed::Whole, head)) = whole {
                assert!(head.length <= limits.head_bytes && head.fields.len() <= limits.fields);
                response_is_sent(bytes, asked, &head);
            }
        }
    }
}

fn response_is_sent(bytes: &[u8], asked: Asked, head: &ResponseHead) {
    for (client_version, keep_alive) in [
        (Version::Http11, true),
        (Version::Http11, false),
        (Version::Http10, true),
        (Version::Http10, false),
    ] {
        let framing = head.answer_framing(client_version);
        let answer = Answer {
            client_version,
            keep_alive,
            framing,
            date: None,
        };
        let mut out = Vec::new();
        head.write(bytes, &answer, &mut out);
        let (parsed, again) = read_response(
            &[&out],
            asked,
            &Limits {
                head_bytes: usize::MAX,
                ..Limits::default()
            },
        )
        .unwrap_or_else(|fault| panic!("{fault}: {}", out.escape_ascii()));
        assert_eq!((parsed, again.length), (Parsed::Whole, out.len()));
        assert_eq!(
            (again.version, again.status, again.upgrade),
            (Version::Http11, head.status, head.upgrade)
        );
        assert_eq!(again.reason.of(&out), head.reason.of(bytes));
        let expected = match framing {
            AnswerFraming::AsIs => head.framing,
            AnswerFraming::Chunked => ResponseFraming::Chunked,
            AnswerFraming::Close => ResponseFraming::UntilClose,
        };
        assert_eq!(again.framing, expected);
        if !head.upgrade {
            let stays = head.is_interim() || (keep_alive && framing != AnswerFraming::Close);
            assert_eq!(again.keep_alive, stays);
            for field in &again.fields {
                let name = field.name.of(&out).to_ascii_lowercase();
                let kept = [
                    &b"keep-alive"[..],
                    b"proxy-connection",
                    b"upgrade",
                    b"te",
                    b"proxy-authenticate",
                ];
                assert!(!kept.contains(&&name[..]), "{} was passed on", name.escape_ascii());
            }
        }
        let mut twice = Vec::new();
        again.write(&out, &answer, &mut twice);
        assert_eq!(out.escape_ascii().to_string(), twice.escape_ascii().to_string());
    }
}

/// What a body came to.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    content: Vec<u8>,
    passed: Vec<u8>,
    taken: usize,
    skipped: usize,
    ended: bool,
    fault: Option<Fault>,
}

/// Gives the decoder what it has not taken yet, up to each of the ends in turn.
fn decode(bytes: &[u8], ends: impl Iterator<Item = usize>) -> Decoded {
    let mut body = Body::of_request(&RequestFraming::Chunked);
    let mut decoded = Decoded::default();
    for end in ends {
        loop {
            let input = &bytes[decoded.taken..end];
            let segment = match body.next(input) {
                Ok(segment) => segment,
                Err(fault) => {
                    decoded.fault = Some(fault);
                    return decoded;
                }
            };
            let part = &input[..segment.length];
            decoded.taken += segment.length;
            match segment.kind {
                SegmentKind::Data => decoded.content.extend_from_slice(part),
                SegmentKind::Skip => decoded.skipped += part.len(),
                SegmentKind::Frame | SegmentKind::Trailer => {}
            }
            if segment.kind != SegmentKind::Skip {
                decoded.passed.extend_from_slice(part);
            }
            if part.is_empty() {
                break;
            }
        }
    }
    decoded.ended = body.ended();
    decoded
}

/// Bodies in chunks.
pub fn chunked(bytes: &[u8]) {
    let whole = decode(bytes, [bytes.len()].into_iter());
    for cut in cuts(bytes) {
        same(&decode(bytes, [cut, bytes.len()].into_iter()), &whole);
    }
    same(
        &decode(
            bytes,
            (0..=bytes.len()).step_by(1 + bytes.len() / 4096).chain([bytes.len()]),
        ),
        &whole,
    );
    let check = Body::of_request(&RequestFraming::Chunked).check(bytes);
    assert_eq!(check.err(), whole.fault);
    runs(bytes, &whole);
    if whole.fault.is_some() {
        return;
    }
    // What is passed on as it is says the same, without extensions.
    let again = decode(&whole.passed, [whole.passed.len()].into_iter());
    assert_eq!(again.content, whole.content);
    assert_eq!(again.passed, whole.passed);
    assert_eq!((again.ended, again.skipped, again.fault), (whole.ended, 0, None));
    assert_eq!(again.taken, whole.passed.len());
}

/// Whether cuts made no difference. Of a refused body only the content before the fault is the same for sure: framing
/// is passed on as it comes.
fn same(cut: &Decoded, whole: &Decoded) {
    assert_eq!(cut.fault, whole.fault);
    assert_eq!(cut.content, whole.content);
    if whole.fault.is_none() {
        assert_eq!(cut, whole);
    }
}

/// Runs are the segments taken together.
fn runs(bytes: &[u8], whole: &Decoded) {
    let mut body = Body::of_request(&RequestFraming::Chunked);
    let (mut taken, mut content, mut passed) = (0, 0, Vec::new());
    loop {
        let run = match body.next_run(&bytes[taken..]) {
            Ok(run) => run,
            Err(fault) => {
                assert_eq!(Some(fault), whole.fault);
                return;
            }
        };
        passed.extend_from_slice(&bytes[taken..taken + run.pass]);
        taken += run.pass + run.skip;
        content += run.content;
        if run.pass + run.skip == 0 {
            break;
        }
    }
    assert_eq!(
        (taken, content, passed),
        (whole.taken, whole.content.len(), whole.passed.clone())
    );
    assert_eq!(body.ended(), whole.ended);
}

/// Names that a route might change, some of which it must not.
const NAMES: [&[u8]; 16] = [
    b"a",
    b"A",
    b"x-request-id",
    b"X-Forwarded-For",
    b"x-forwarded-proto",
    b"x-forwarded-host",
    b"server",
    b"cookie",
    b"content-type",
    b"content-length",
    b"transfer-encoding",
    b"Connection",
    b"host",
    b"upgrade",
    b"expect",
    b"b c",
];

/// Heads that are changed while they are written. The first byte says how long the orders are, each of which is a byte
/// for what and for which name, and another for the length of its value.
pub fn edited(bytes: &[u8]) {
    let Some((&length, rest)) = bytes.split_first() else {
        return;
    };
    let (orders, head) = rest.split_at(usize::from(length).min(rest.len()));
    let mut edits = Edits::default();
    // What was used before leaves nothing behind.
    edits.set_target(b"/old", None);
    edits.set(b"old", b"old");
    edits.clear();
    let named = ordered(&mut edits, orders);
    if let Ok((Parsed::Whole, parsed)) = read_request(&[head], &Limits::default()) {
        request_is_edited(head, &parsed, &edits, &named);
    }
    if let Ok((Parsed::Whole, parsed)) = read_response(&[head], Asked::default(), &Limits::default()) {
        response_is_edited(head, &parsed, &edits, &named);
    }
}

/// What is done with a field.
type Order<'a> = (u8, &'a [u8], &'a [u8]);

fn ordered<'a>(edits: &mut Edits, mut orders: &'a [u8]) -> Vec<Order<'a>> {
    let mut named = Vec::new();
    while let [what, length, rest @ ..] = orders {
        let (value, after) = rest.split_at(usize::from(length % 32).min(rest.len()));
        orders = after;
        let name = NAMES[usize::from(what >> 4)];
        match what % 5 {
            0 => edits.set_target(value, (*what & 8 != 0).then_some(value)),
            1 => edits.set_host(b"other.example:81"),
            2 => edits.remove(name),
            3 => edits.set(name, value),
            _ => edits.add(name, value),
        }
        if what % 5 > 1 {
            named.push((what % 5, name, value));
        }
    }
    named
}

/// A value as it may be sent.
fn sendable(value: &[u8]) -> Vec<u8> {
    let kept: Vec<u8> = value
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_control() || *byte == b'\t')
        .collect();
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = kept.iter().take_while(|byte| is_blank(byte)).count();
    let end = kept.len() - kept[start..].iter().rev().take_while(|byte| is_blank(byte)).count();
    kept[start..end].to_vec()
}

/// What stands under a name that was removed or set, after all orders; `None` = the name was neither.
fn expected(named: &[Order<'_>], name: &[u8]) -> Option<Vec<Vec<u8>>> {
    let ours: Vec<_> = named
        .iter()
        .filter(|(_, other, _)| other.eq_ignore_ascii_case(name) && Edits::may_change(other))
        .collect();
    ours.iter().any(|(what, ..)| *what < 4).then(|| {
        ours.iter()
            .filter(|(what, ..)| *what != 2)
            .map(|(_, _, value)| sendable(value))
            .filter(|value| !value.is_empty())
            .collect()
    })
}

fn fields_are_edited(bytes: &[u8], fields: &[Field], named: &[Order<'_>]) {
    for name in NAMES {
        let found: Vec<Vec<u8>> = fields
            .iter()
            .filter(|field| field.name.of(bytes).eq_ignore_ascii_case(name))
            .map(|field| field.value.of(bytes).to_vec())
            .collect();
        if let Some(expected) = expected(named, name) {
            assert_eq!(found, expected, "{}", name.escape_ascii());
        }
    }
}

fn request_is_edited(bytes: &[u8], head: &RequestHead, edits: &Edits, named: &[Order<'_>]) {
    let unlimited = Limits {
        head_bytes: usize::MAX,
        target_bytes: usize::MAX,
        fields: usize::MAX,
    };
    for trusted in [false, true] {
        let forward = Forward { trusted, ..FORWARD };
        let (mut plain, mut out) = (Vec::new(), Vec::new());
        head.write(bytes, &forward, &mut plain);
        head.write_edited(bytes, &forward, edits, &mut out);
        if edits.is_empty() {
            assert_eq!(out.escape_ascii().to_string(), plain.escape_ascii().to_string());
        }
        if head.host.is_empty() {
            continue;
        }
        let (parsed, again) =
            read_request(&[&out], &unlimited).unwrap_or_else(|refused| panic!("{refused}: {}", out.escape_ascii()));
        assert_eq!((parsed, again.length), (Parsed::Whole, out.len()));
        assert_eq!((again.kind, again.framing), (head.kind, head.framing));
        assert_eq!(again.expect_continue, head.expect_continue);
        assert_eq!(again.upgrade.is_some(), head.upgrade.is_some());
        assert!(again.keep_alive);
        no_hop_by_hop(&out, &again.fields, head.upgrade.is_some());
        fields_are_edited(&out, &again.fields, named);
    }
}

fn response_is_edited(bytes: &[u8], head: &ResponseHead, edits: &Edits, named: &[Order<'_>]) {
    let answer = Answer {
        client_version: Version::Http11,
        keep_alive: true,
        framing: head.answer_framing(Version::Http11),
        date: None,
    };
    let (mut plain, mut out) = (Vec::new(), Vec::new());
    head.write(bytes, &answer, &mut plain);
    head.write_edited(bytes, &answer, edits, &mut out);
    if head.is_interim() || edits.fields().next().is_none() && NAMES.iter().all(|name| !edits.drops(name)) {
        assert_eq!(out.escape_ascii().to_string(), plain.escape_ascii().to_string());
        return;
    }
    let unlimited = Limits {
        head_bytes: usize::MAX,
        target_bytes: usize::MAX,
        fields: usize::MAX,
    };
    let read = |bytes: &[u8]| match read_response(&[bytes], Asked::default(), &unlimited) {
        Ok((Parsed::Whole, head)) => head,
        other => panic!("{other:?}: {}", bytes.escape_ascii()),
    };
    let (before, after) = (read(&plain), read(&out));
    assert_eq!(after.length, out.len());
    assert_eq!((after.status, after.framing), (before.status, before.framing));
    assert_eq!(after.keep_alive, before.keep_alive);
    fields_are_edited(&out, &after.fields, named);
}
