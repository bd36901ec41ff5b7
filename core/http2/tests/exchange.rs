//! Both roles against each other, their bytes cut anywhere.

mod kit;

use evenkeel_http2::{ErrorCode, Event, Read, Settings, Write};
use kit::{Pair, Random};

#[test]
fn a_request_and_its_answer_with_every_framing() {
    let requests: [(&str, &str); 6] = [
        (
            "GET / HTTP/1.1\r\nhost: example.com\r\naccept: */*\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: example.com\r\naccept: */*\r\n\r\n",
        ),
        (
            "POST /a?b=c HTTP/1.1\r\nHost: example.com:8080\r\nContent-Length: 5\r\n\r\nhello",
            "POST /a?b=c HTTP/1.1\r\nhost: example.com:8080\r\ncontent-length: 5\r\n\r\nhello",
        ),
        (
            "PUT /x HTTP/1.1\r\nX-First: 1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "PUT /x HTTP/1.1\r\nhost: a\r\nx-first: 1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "PUT /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 3\r\nx-more: y\r\n\r\n",
            "PUT /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 3\r\nx-more: y\r\n\r\n",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nhost: a\r\ncookie: a=b; c=d\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nhost: a\r\ncookie: a=b; c=d\r\n\r\n",
        ),
        (
            "DELETE /x HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
            "DELETE /x HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
        ),
    ];
    let answers: [(&str, &str); 6] = [
        (
            "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
            "HTTP/1.1 200 \r\nserver: x\r\ncontent-length: 5\r\n\r\nhello",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 \r\n\r\n"),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 404 \r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "HTTP/1.1 418 \r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 418 \r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\ngrpc-status: 0\r\n\r\n",
            "HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\ngrpc-status: 0\r\n\r\n",
        ),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "HTTP/1.1 103 \r\nlink: </x>\r\n\r\nHTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok",
        ),
    ];
    for seed in 1..200 {
        let mut random = Random(seed);
        let mut pair = Pair::new(&Settings::default(), seed);
        for (request, heard) in requests {
            for (answer, answered) in answers {
                let id = pair.client.open().expect("a stream");
                pair.write(true, id, request.as_bytes(), &mut random);
                let theirs = pair.opened();
                let got = pair.read_all(false, theirs, &mut random);
                assert_eq!(kit::joined(&got), heard, "seed {seed}");
                pair.write(false, theirs, answer.as_bytes(), &mut random);
                let got = pair.read_all(true, id, &mut random);
                assert_eq!(kit::joined(&got), answered, "seed {seed}");
                pair.client.close(id);
                pair.server.close(theirs);
            }
        }
        pair.run();
        assert_eq!(pair.client.streams(), 0);
        assert_eq!(pair.server.streams(), 0);
        assert!(pair.client.output().is_empty() && pair.server.output().is_empty());
    }
}

#[test]
fn what_is_not_read_stops_its_sender_and_nobody_else() {
    let settings = Settings {
        stream_window: 100_000,
        ..Settings::default()
    };
    let mut pair = Pair::new(&settings, 1);
    pair.run();
    let mut random = Random(1);
    let slow = pair.client.open().expect("a stream");
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n";
    assert_eq!(pair.client.write(slow, head), Write::Took(head.len()));
    let piece = vec![b'x'; 300_000];
    let mut sent = 0;
    loop {
        match pair.client.write(slow, &piece) {
            Write::Took(0) => break,
            Write::Took(count) => sent += count,
            Write::Broken(code) => panic!("{code:?}"),
        }
        pair.run();
    }
    assert_eq!(sent, 100_000);
    let theirs = pair.opened();
    let other = pair.client.open().expect("a stream");
    pair.write(true, other, b"GET /other HTTP/1.1\r\nhost: a\r\n\r\n", &mut random);
    let other = pair.opened();
    assert_eq!(
        kit::joined(&pair.read_all(false, other, &mut random)),
        "GET /other HTTP/1.1\r\nhost: a\r\n\r\n"
    );
    while pair.client.poll_event().is_some() {}
    let mut buffer = vec![0; 60_000];
    assert!(matches!(pair.server.read(theirs, &mut buffer), Read::Bytes(60_000)));
    pair.run();
    assert_eq!(pair.client.poll_event(), Some(Event::Writable(slow)));
    assert!(matches!(pair.client.write(slow, &piece), Write::Took(1..)));
}

#[test]
fn resets_reach_the_other_side() {
    let mut pair = Pair::new(&Settings::default(), 1);
    let mut random = Random(1);
    let id = pair.client.open().expect("a stream");
    pair.write(true, id, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", &mut random);
    let theirs = pair.opened();
    pair.client.reset(id, ErrorCode::CANCEL);
    pair.run();
    assert_eq!(pair.server.poll_event(), Some(Event::Ended(theirs)));
    assert_eq!(pair.server.read(theirs, &mut [0; 10]), Read::Broken(ErrorCode::CANCEL));
    assert_eq!(pair.server.write(theirs, b"x"), Write::Broken(ErrorCode::CANCEL));
    pair.server.close(theirs);
    pair.client.close(id);
    assert_eq!(pair.server.streams(), 0);
}
