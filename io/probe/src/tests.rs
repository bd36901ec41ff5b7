//! Against real sockets on loopback. Where a backend must stay silent the check's timeout is short; everywhere else it
//! is long, so that a slow machine changes nothing.

use crate::{Limits, Manner, hold, probe, words};
use evenkeel_check::{Conversation, Verdict};
use evenkeel_http2::{Connection, Event, Read as Heard, Settings};
use evenkeel_model::{BackendAddress, Check, CheckKind, Expect, GrpcCheck, HttpCheck, Moment, ProxyProtocol};
use socket2::{Domain, Socket, Type};
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::task::{Context, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

const LONG: Duration = Duration::from_secs(60);

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

fn listen() -> (TcpListener, BackendAddress) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = BackendAddress::Tcp(listener.local_addr().unwrap());
    (listener, address)
}

/// A backend that lets one client in and does `serve` with it.
fn backend<T: Send + 'static>(
    serve: impl FnOnce(&mut TcpStream) -> T + Send + 'static,
) -> (BackendAddress, JoinHandle<T>) {
    let (listener, address) = listen();
    let thread = thread::spawn(move || serve(&mut listener.accept().unwrap().0));
    (address, thread)
}

/// Reads a request's head.
fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// How the other side ended the connection.
fn ending(stream: &mut impl Read) -> Result<(), ErrorKind> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).map(|_| ()).map_err(|error| error.kind())
}

fn tcp(limit: Duration) -> Check {
    Check {
        timeout: limit,
        ..Check::default()
    }
}

fn http(body: Option<&str>, limit: Duration) -> Check {
    let kind = CheckKind::Http(HttpCheck {
        path: "/healthz".into(),
        host: None,
        expect: vec![Expect::SUCCESS],
        body: body.map(Into::into),
    });
    Check { kind, ..tcp(limit) }
}

fn verdict(address: &BackendAddress, check: &Check) -> Verdict {
    run(probe(address, check, "b1.internal:80", &Manner::PLAIN)).0
}

fn fail(reason: &str) -> Verdict {
    Verdict::Fail(reason.to_owned())
}

#[test]
fn tcp_passes_and_leaves_nothing_behind() {
    let (address, thread) = backend(ending);
    assert_eq!(verdict(&address, &tcp(LONG)), Verdict::Pass);
    assert_eq!(
        thread.join().unwrap(),
        Err(ErrorKind::ConnectionReset),
        "a reset leaves no TIME_WAIT"
    );
}

/// Serves the first call of an HTTP/2 client with `answer`, and whatever follows until it leaves: its text.
fn serve_call(stream: &mut TcpStream, answer: &[u8]) -> String {
    let mut connection = Connection::server(&Settings::default(), Moment::ZERO);
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some(event) = connection.poll_event() {
            let (Event::Opened(id) | Event::Readable(id)) = event else {
                continue;
            };
            while let Heard::Bytes(count) = connection.read(id, &mut buffer) {
                text.extend_from_slice(&buffer[..count]);
            }
            if connection.read(id, &mut buffer) == Heard::End {
                connection.write(id, answer);
                connection.close(id);
            }
        }
        let length = connection.output().len();
        // The probe may have left, content with what it got.
        let left = stream.write_all(connection.output()).is_err();
        connection.sent(length);
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(_) if left => break,
            Ok(count) => connection.receive(&buffer[..count], Moment::ZERO).unwrap(),
        }
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn grpc_asks_the_health_service() {
    let check = Check {
        kind: CheckKind::Grpc(GrpcCheck {
            service: "a.B".into(),
            host: None,
        }),
        ..tcp(LONG)
    };
    for (status, expected) in [(1, Verdict::Pass), (2, fail("health NOT_SERVING, expected SERVING"))] {
        let mut answer =
            b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n7\r\n".to_vec();
        answer.extend_from_slice(&[0, 0, 0, 0, 2, 8, status]);
        answer.extend_from_slice(b"\r\n0\r\ngrpc-status: 0\r\n\r\n");
        let (address, thread) = backend(move |stream| serve_call(stream, &answer));
        assert_eq!(verdict(&address, &check), expected);
        let heard = thread.join().unwrap();
        assert!(
            heard.starts_with("POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: b1.internal:80\r\n"),
            "{heard}"
        );
        assert!(heard.ends_with("\0\0\0\0\x05\x0a\x03a.B"), "{heard:?}");
    }
    let (address, thread) = backend(|stream| {
        read_head(stream);
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    assert_eq!(
        verdict(&address, &check),
        fail("the answer is not HTTP/2: \"HTTP/1.1 400 Bad Request\\r\\n\\r\\n\"")
    );
    thread.join().unwrap();
}

#[test]
fn a_probe_is_introduced_as_nobodys() {
    let lines: [(ProxyProtocol, &[u8]); 2] = [
        (ProxyProtocol::V1, b"PROXY UNKNOWN\r\n"),
        (ProxyProtocol::V2, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"),
    ];
    for (version, header) in lines {
        let (address, thread) = backend(|stream| {
            let head = read_head(stream);
            // The second version begins like the end of a head.
            let rest = if head == "\r\n\r\n" {
                read_head(stream)
            } else {
                String::new()
            };
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
            head + &rest
        });
        let check = Check {
            send_proxy_protocol: Some(version),
            ..http(None, LONG)
        };
        assert_eq!(verdict(&address, &check), Verdict::Pass);
        let received = thread.join().unwrap();
        assert!(received.as_bytes().starts_with(header), "{received:?}");
        assert!(
            received.as_bytes()[header.len()..].starts_with(b"GET /healthz "),
            "{received:?}"
        );
    }
}

#[test]
fn nobody_listens() {
    // Bound but not listening: nobody else gets the port, and a connect is refused.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = BackendAddress::Tcp(socket.local_addr().unwrap().as_socket().unwrap());
    assert_eq!(verdict(&address, &tcp(LONG)), fail("connection refused"));
    assert_eq!(verdict(&address, &http(None, LONG)), fail("connection refused"));
}

#[test]
fn http_passes() {
    let (address, thread) = backend(|stream| {
        let head = read_head(stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .unwrap();
        head
    });
    assert_eq!(verdict(&address, &http(Some("ok"), LONG)), Verdict::Pass);
    let head = thread.join().unwrap();
    assert!(
        head.starts_with("GET /healthz HTTP/1.1\r\nHost: b1.internal:80\r\n"),
        "{head}"
    );
}

#[test]
fn a_backend_that_closed_first_is_not_reset() {
    let (address, thread) = backend(|stream| {
        read_head(stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nno").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        ending(stream)
    });
    assert_eq!(
        verdict(&address, &http(Some("ok"), LONG)),
        fail("the body does not contain \"ok\"")
    );
    assert_eq!(thread.join().unwrap(), Ok(()));
}

#[test]
fn the_backend_is_given_a_moment_to_close_first() {
    for closes in [true, false] {
        run(async {
            let (mut ours, mut theirs) = tokio::io::duplex(4096);
            theirs
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await
                .unwrap();
            if closes {
                theirs.shutdown().await.unwrap();
            }
            let check = http(None, LONG);
            let held = hold(
                &mut ours,
                Conversation::new(&check, "x"),
                Instant::now(),
                &check,
                &Manner::PLAIN,
            )
            .await;
            assert_eq!((held.verdict, held.backend_closed), (Verdict::Pass, closes));
        });
    }
}

#[test]
fn a_backend_that_keeps_its_connection_open_is_reset() {
    let (address, thread) = backend(|stream| {
        read_head(stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .unwrap();
        ending(stream)
    });
    assert_eq!(verdict(&address, &http(Some("ok"), LONG)), Verdict::Pass);
    assert_eq!(thread.join().unwrap(), Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_backend_that_never_stops_sending_passes() {
    let (address, thread) = backend(|stream| {
        read_head(stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    assert_eq!(verdict(&address, &http(None, LONG)), Verdict::Pass);
    thread.join().unwrap();
}

#[test]
fn http_fails_with_what_was_seen() {
    let answers: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 503 Busy\r\n\r\n", "status 503, expected 2xx"),
        (b"HTTP/1.1 200 OK\r\n\r\nno", "the body does not contain \"ok\""),
        (b"", "connection closed without an answer"),
        (b"HTTP/1.1 2", "connection closed within the head of the answer"),
    ];
    for (answer, reason) in answers {
        let (address, thread) = backend(|stream| {
            read_head(stream);
            stream.write_all(answer).unwrap();
        });
        assert_eq!(verdict(&address, &http(Some("ok"), LONG)), fail(reason));
        thread.join().unwrap();
    }
}

#[test]
fn a_reset_is_told() {
    let (address, thread) = backend(|stream| {
        read_head(stream);
        let socket = socket2::SockRef::from(&*stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    });
    assert_eq!(verdict(&address, &http(None, LONG)), fail("connection reset"));
    thread.join().unwrap();
}

#[test]
fn a_silent_backend_is_left_after_the_timeout() {
    let limit = Duration::from_millis(50);
    let (address, thread) = backend(|stream| {
        read_head(stream);
        ending(stream)
    });
    let (verdict, took) = run(probe(&address, &http(None, limit), "x", &Manner::PLAIN));
    assert_eq!(verdict, fail("no answer within 50 ms"));
    assert!(took >= limit, "{took:?}");
    assert_eq!(thread.join().unwrap(), Err(ErrorKind::ConnectionReset));
}

#[test]
fn the_timeout_covers_the_whole_conversation() {
    let limit = Duration::from_millis(200);
    let (address, thread) = backend(|stream| {
        read_head(stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").unwrap();
        // A trickle: each byte comes in good time, the head never ends.
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let verdict = verdict(&address, &http(None, limit));
    assert_eq!(verdict, fail("no answer within 200 ms"));
    thread.join().unwrap();
}

#[test]
fn another_port_may_be_probed() {
    let (listener, elsewhere) = listen();
    let check = Check {
        port: Some(listener.local_addr().unwrap().port()),
        ..tcp(LONG)
    };
    let BackendAddress::Tcp(mut address) = elsewhere else {
        unreachable!("listen() gives a TCP address");
    };
    address.set_port(1);
    assert_eq!(verdict(&BackendAddress::Tcp(address), &check), Verdict::Pass);
    listener.accept().unwrap();
}

#[test]
fn unix_sockets_are_probed() {
    let path = std::env::temp_dir().join(format!("evenkeel-probe-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let address = BackendAddress::Unix(path.clone());
    assert_eq!(verdict(&address, &tcp(LONG)), fail("no such socket"));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        head
    });
    let check = http(None, LONG);
    assert_eq!(
        run(probe(&address, &check, &address.to_string(), &Manner::PLAIN)).0,
        Verdict::Pass
    );
    let head = thread.join().unwrap();
    assert!(head.contains("\r\nHost: localhost\r\n"), "{head}");
    assert_eq!(
        verdict(&address, &tcp(LONG)),
        fail("connection refused"),
        "the listener is gone"
    );
    std::fs::remove_file(&path).unwrap();
}

/// Waits for a client of a listener that does not block.
fn accept(listener: &TcpListener) -> TcpStream {
    let started = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => return stream,
            Err(error) => assert!(
                error.kind() == ErrorKind::WouldBlock && started.elapsed() < LONG,
                "{error}"
            ),
        }
        thread::yield_now();
    }
}

#[test]
fn only_so_many_probes_run_at_once() {
    let (listener, address) = listen();
    listener.set_nonblocking(true).unwrap();
    let check = http(None, LONG);
    run(async {
        let limits = Limits::new(1);
        let mut first = pin!(limits.probe(&address, &check, "x", &Manner::PLAIN));
        let mut second = pin!(limits.probe(&address, &check, "x", &Manner::PLAIN));
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        let mut stream = accept(&listener);
        let none = listener.accept().map(|_| ()).map_err(|error| error.kind());
        assert_eq!(none, Err(ErrorKind::WouldBlock), "the second waits for its place");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(first.await.0, Verdict::Pass);
        assert!(second.as_mut().poll(&mut context).is_pending());
        accept(&listener);
    });
}

#[test]
fn the_lack_of_means_is_ours() {
    for (number, ours) in [
        (libc::EMFILE, true),
        (libc::EADDRNOTAVAIL, true),
        (libc::ECONNREFUSED, false),
    ] {
        assert_eq!(words::is_our_own_lack(&io::Error::from_raw_os_error(number)), ours);
    }
    assert!(words::error(&io::Error::from_raw_os_error(libc::EMFILE)).starts_with("cannot probe, "));
}

#[test]
fn times_are_words() {
    for (millis, expected) in [
        (50, "no answer within 50 ms"),
        (1500, "no answer within 1.5 s"),
        (2000, "no answer within 2 s"),
        (60_000, "no answer within 60 s"),
    ] {
        assert_eq!(words::too_slow("answer", Duration::from_millis(millis)), expected);
    }
}
