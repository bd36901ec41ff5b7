use super::{Afterwards, BackendCheck, Check, Expected, FieldIs, Listener, Outcome, Step, Times, load, parse};
use crate::origin::{Answer, Step as OriginStep, When};

/// A case with one of everything.
const A_CASE: &str = "\
# a remark
=== a name
rfc: RFC 9112 6.1
why: because
listener: small
> GET / HTTP/1.1
>
>> {a*3}\\n
@ await 100
@ await backend x y
@ half-close
% at head
< HTTP/1.1 200 OK
<< \\x00
% close
% next
% pieces 2
<< abc
expect: 100? 103* 200/502 closed
backend field: X-A: b: c
or
expect: 200 truncated
";

#[test]
fn a_case_is_read_as_written() {
    let [case] = &parse("f.txt", A_CASE).unwrap()[..] else {
        panic!("not one case")
    };
    assert_eq!(
        (&*case.place, &*case.name, &*case.rfc),
        ("f.txt:2", "a name", "RFC 9112 6.1")
    );
    assert_eq!(case.listener, Listener::Small);
    let sent = Step::Send(b"GET / HTTP/1.1\r\n\r\naaa\n".to_vec());
    assert_eq!(
        case.steps,
        [
            sent,
            Step::AwaitStatus(100),
            Step::AwaitBackend(b"x y".to_vec()),
            Step::HalfClose
        ]
    );
    let first = vec![OriginStep::Send(b"HTTP/1.1 200 OK\r\n\0".to_vec()), OriginStep::Close];
    let second = vec![OriginStep::SendInPieces(b"abc".to_vec(), 2)];
    let script = [
        Answer {
            when: When::Head,
            steps: first,
        },
        Answer {
            when: When::WholeRequest,
            steps: second,
        },
    ];
    assert_eq!(case.script, script);
    let expected = |statuses: &[u16], times| Expected {
        statuses: statuses.to_vec(),
        times,
    };
    let responses = vec![
        expected(&[100], Times::Maybe),
        expected(&[103], Times::Any),
        expected(&[200, 502], Times::Once),
    ];
    let field = FieldIs {
        name: "x-a".into(),
        value: b"b: c".to_vec(),
    };
    let outcomes = [
        Outcome {
            responses,
            truncated: false,
            connection: Some(Afterwards::Closed),
            checks: vec![Check::Backend(BackendCheck::Field(field))],
        },
        Outcome {
            responses: vec![expected(&[200], Times::Once)],
            truncated: true,
            ..Outcome::default()
        },
    ];
    assert_eq!(case.outcomes, outcomes);
}

#[test]
fn every_row_is_a_case() {
    let text = "=== bad\nrfc: x\n>> a{}b\nrefused: 400\n- one :: {x*2}\n- nothing ::\n- spaces ::   \\s\n";
    let cases = parse("f.txt", text).unwrap();
    let sent: Vec<_> = cases.iter().map(|case| (&*case.name, case.steps.clone())).collect();
    let send = |bytes: &[u8]| vec![Step::Send(bytes.to_vec())];
    assert_eq!(
        sent,
        [
            ("bad: one", send(b"axxb")),
            ("bad: nothing", send(b"ab")),
            ("bad: spaces", send(b"a   b"))
        ]
    );
    assert_eq!(cases[1].place, "f.txt:6");
}

#[test]
fn mistakes_name_their_line() {
    for (text, place) in [
        ("> early\n", "f.txt:1:"),
        ("=== a\nrfc: x\n> a\nrefused: abc\n", "f.txt:4:"),
        ("=== a\nrfc: x\n> a\nexpect:\n", "f.txt:4:"),
        ("=== a\nrfc: x\n> \\q\nrefused: 400\n", "f.txt:3:"),
        ("=== a\nrfc: x\n> a\n", "f.txt:1:"),
        ("=== a\nrfc: x\n> a\nexpect: 200\nor\n", "f.txt:1:"),
        ("=== a\nrfc: x\nrefused: 400\n", "f.txt:1:"),
        ("=== a\n> a\nrefused: 400\n", "f.txt:1:"),
        ("=== a\nrfc: x\n> a\nbackend cheese: 1\nrefused: 400\n", "f.txt:4:"),
        ("=== a\nrfc: x\n> a\nrefused: 400\n- label :: value\n", "f.txt:5:"),
        ("=== a\nrfc: x\n> {}\nrefused: 400\n- label: value\n", "f.txt:5:"),
        (
            "=== a\nrfc: x\n> a\nrefused: 400\n=== a\nrfc: x\n> a\nrefused: 400\n",
            "f.txt:5:",
        ),
        ("=== a\nrfc: x\n% dance\n", "f.txt:3:"),
        ("=== a\nrfc: x\n@ dance\n", "f.txt:3:"),
    ] {
        let problem = parse("f.txt", text).unwrap_err();
        assert!(problem.starts_with(place), "{text:?} gave {problem:?}");
    }
}

#[test]
fn the_corpus_is_readable_and_large() {
    let (requests, responses) = (load("request-").unwrap(), load("response-").unwrap());
    println!("{} request cases, {} response cases", requests.len(), responses.len());
    assert!(requests.len() >= 400, "{} request cases", requests.len());
    assert!(responses.len() >= 60, "{} response cases", responses.len());
}

#[test]
fn no_two_cases_are_the_same() {
    let cases = load("").unwrap();
    let mut twins: Vec<String> = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let same = |other: &&super::Case| {
            (&other.steps, &other.script, other.listener) == (&case.steps, &case.script, case.listener)
        };
        if let Some(twin) = cases[..at].iter().find(same) {
            twins.push(format!(
                "{} {:?} is {} {:?}",
                case.place, case.name, twin.place, twin.name
            ));
        }
    }
    assert!(twins.is_empty(), "cases that send the same:\n{}", twins.join("\n"));
}
