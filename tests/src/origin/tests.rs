use std::time::Duration;

use super::{Answer, Origin, PROBE_BODY, Step, When};
use crate::client::Client;

const WAIT: Duration = Duration::from_secs(10);

fn send(step: &[u8]) -> Answer {
    Answer {
        when: When::WholeRequest,
        steps: vec![Step::Send(step.to_vec())],
    }
}

#[test]
fn requests_are_recorded_and_answered_with_their_target() {
    let origin = Origin::start().unwrap();
    let mut client = Client::connect(origin.address()).unwrap();
    let bytes = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
    client.send_in_pieces(bytes, 1).unwrap();
    assert_eq!(client.response(WAIT, false).unwrap().body, b"/a");
    assert_eq!(client.response(WAIT, false).unwrap().body, b"/b");
    assert!(origin.settle(WAIT));
    assert_eq!(origin.records()[0].bytes, bytes);
}

#[test]
fn a_round_has_its_own_answers_and_its_own_record() {
    let origin = Origin::start().unwrap();
    let mut client = Client::connect(origin.address()).unwrap();
    client.send(b"GET /old HTTP/1.1\r\n\r\n").unwrap();
    client.response(WAIT, false).unwrap();
    assert!(origin.settle(WAIT));
    origin.begin(vec![send(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")]);
    client.send(b"GET /new HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(client.response(WAIT, false).unwrap().status, 404);
    assert_eq!(origin.records()[0].bytes, b"GET /new HTTP/1.1\r\n\r\n");
    client.send(b"GET /more HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(client.response(WAIT, false).unwrap().body, b"/more");
}

#[test]
fn a_probe_uses_no_answer_and_leaves_no_record() {
    let origin = Origin::start().unwrap();
    origin.begin(vec![send(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")]);
    let mut client = Client::connect(origin.address()).unwrap();
    client.send(b"GET /still-open HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(client.response(WAIT, false).unwrap().body, PROBE_BODY.as_bytes());
    client.send(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(client.response(WAIT, false).unwrap().status, 404);
    assert_eq!(origin.records()[0].bytes, b"GET / HTTP/1.1\r\n\r\n");
}

#[test]
fn connections_end_as_the_script_says() {
    let origin = Origin::start().unwrap();
    for (step, reset) in [(Step::Close, false), (Step::Reset, true)] {
        origin.begin(vec![Answer {
            when: When::Head,
            steps: vec![Step::Send(b"HTTP/1.1 ".to_vec()), step],
        }]);
        let mut client = Client::connect(origin.address()).unwrap();
        client.send(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert!(client.read_to_end(WAIT));
        assert_eq!(client.was_reset(), reset);
    }
}

#[test]
fn a_connection_that_must_not_be_used_again_tells_on_its_user() {
    let origin = Origin::start().unwrap();
    let answer = Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec());
    origin.begin(vec![Answer {
        when: When::WholeRequest,
        steps: vec![answer, Step::NeverAgain],
    }]);
    let mut client = Client::connect(origin.address()).unwrap();
    client.send(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    client.response(WAIT, false).unwrap();
    assert!(!origin.records()[0].reused);
    client.send(b"GET /still-open HTTP/1.1\r\n\r\n").unwrap();
    client.response(WAIT, false).unwrap();
    assert!(origin.records()[0].reused);
}

#[test]
fn a_tunnel_sends_back_what_arrives() {
    let origin = Origin::start().unwrap();
    origin.begin(vec![Answer {
        when: When::Head,
        steps: vec![Step::Echo],
    }]);
    let mut client = Client::connect(origin.address()).unwrap();
    client.send(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    client.send(b"ping").unwrap();
    assert!(client.read_until(WAIT, |bytes, _| bytes == b"ping"));
}
