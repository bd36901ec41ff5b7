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
            "HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 5\r\n\r\nhello",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "HTTP/1.1 418 I'm a teapot\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 418 I'm a teapot\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\ngrpc-status: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\ngrpc-status: 0\r\n\r\n",
        ),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
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

#[test]
fn many_long_answers_share_the_connection() {
    const LENGTH: usize = 300_000;
    for (seed, settings) in [
        Settings::default(),
        Settings {
            stream_window: 20_000,
            connection_window: 65_535,
            ..Settings::default()
        },
        Settings {
            stream_window: 1_000_000,
            connection_window: 65_535,
            ..Settings::default()
        },
    ]
    .into_iter()
    .enumerate()
    {
        let mut pair = Pair::new(&settings, seed as u64 + 1);
        pair.run();
        let mut random = Random(seed as u64 + 1);
        let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n").into_bytes();
        answer.resize(answer.len() + LENGTH, b'x');
        let mut ours = Vec::new();
        let mut theirs = std::collections::HashMap::new();
        for _ in 0..100 {
            let id = pair.client.open().expect("a stream");
            pair.write(true, id, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", &mut random);
            ours.push((id, 0));
            theirs.insert(pair.opened(), 0);
        }
        let mut buffer = vec![0; 50_000];
        let mut ready: Vec<_> = theirs.keys().copied().collect();
        for _ in 0..1_000_000 {
            // Only those that are called write, as a door does.
            for id in ready.drain(..) {
                let at = theirs.get_mut(&id).expect("ours");
                while *at < answer.len() {
                    match pair.server.write(id, &answer[*at..]) {
                        Write::Took(0) => break,
                        Write::Took(count) => *at += count,
                        Write::Broken(code) => panic!("{code:?}"),
                    }
                }
            }
            let piece = pair.server.output().len().min(30_000);
            let bytes = pair.server.output()[..piece].to_vec();
            pair.server.sent(piece);
            pair.client
                .receive(&bytes, evenkeel_model::Moment::ZERO)
                .expect("sound");
            while pair.client.poll_event().is_some() {}
            for (id, length) in &mut ours {
                while let Read::Bytes(count) = pair.client.read(*id, &mut buffer) {
                    *length += count;
                }
            }
            let bytes = pair.client.output().to_vec();
            pair.client.sent(bytes.len());
            pair.server
                .receive(&bytes, evenkeel_model::Moment::ZERO)
                .expect("sound");
            while let Some(event) = pair.server.poll_event() {
                if let Event::Writable(id) = event {
                    ready.push(id);
                }
            }
            // Nobody gets further ahead than the first did while nobody waited.
            let least = ours.iter().map(|(_, length)| *length).min().expect("some");
            let most = ours.iter().map(|(_, length)| *length).max().expect("some");
            assert!(
                most - least <= 140_000 || least == answer.len() - 1,
                "{seed}: {least} {most}"
            );
            if least >= LENGTH {
                break;
            }
        }
        assert!(ours.iter().all(|(_, length)| *length >= LENGTH));
    }
}

#[test]
fn heads_larger_than_a_frame() {
    let mut random = Random(1);
    let mut pair = Pair::new(&Settings::default(), 1);
    let value = "v".repeat(10_000);
    let fields: String = (0..3)
        .map(|number| format!("x-{number}: {value}~{number}\r\n"))
        .collect();
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n");
    let answer = format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n");
    let id = pair.client.open().expect("a stream");
    pair.write(true, id, request.as_bytes(), &mut random);
    let theirs = pair.opened();
    let heard = pair.read_all(false, theirs, &mut random);
    assert_eq!(String::from_utf8_lossy(&heard), request);
    pair.write(false, theirs, answer.as_bytes(), &mut random);
    let heard = pair.read_all(true, id, &mut random);
    assert_eq!(String::from_utf8_lossy(&heard), answer);
}

#[test]
fn answers_to_head_have_no_content() {
    let mut random = Random(1);
    let mut pair = Pair::new(&Settings::default(), 1);
    let id = pair.client.open().expect("a stream");
    pair.write(true, id, b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n", &mut random);
    let theirs = pair.opened();
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
    pair.write(false, theirs, answer, &mut random);
    assert_eq!(pair.read_all(true, id, &mut random), answer);
}

#[test]
fn whoever_was_called_and_does_not_come_keeps_nobody_waiting() {
    let mut pair = Pair::new(&Settings::default(), 1);
    pair.run();
    let mut random = Random(1);
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n".to_vec();
    answer.resize(answer.len() + 200_000, b'x');
    let mut streams = Vec::new();
    for _ in 0..20 {
        let id = pair.client.open().expect("a stream");
        pair.write(true, id, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", &mut random);
        streams.push((id, pair.opened()));
    }
    for (_, theirs) in &streams {
        assert!(matches!(pair.server.write(*theirs, &answer), Write::Took(_)));
    }
    pair.run();
    // All who are called are reset or closed before they come.
    let mut left = streams.len();
    while left > 1 {
        let mut called = Vec::new();
        while let Some(event) = pair.server.poll_event() {
            match event {
                Event::Writable(id) => called.push(id),
                Event::Ended(id) => pair.server.close(id),
                _ => {}
            }
        }
        assert!(!called.is_empty(), "{left} wait for ever");
        for id in called {
            let (ours, _) = *streams.iter().find(|(_, theirs)| *theirs == id).expect("known");
            match left % 2 {
                0 => pair.client.close(ours),
                _ => pair.server.close(id),
            }
            left -= 1;
        }
        // What is said of it on the wire may call nobody.
        let bytes = pair.client.output().to_vec();
        pair.client.sent(bytes.len());
        pair.server
            .receive(&bytes, evenkeel_model::Moment::ZERO)
            .expect("sound");
    }
}
