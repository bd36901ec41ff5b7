//! WebSocket over HTTP/2 (RFC 8441), as HTTP/1.1 text on both sides.

mod kit;

use evenkeel_http2::{ErrorCode, Event, Read, Settings, StreamId, Write};
use kit::wire::{END_HEADERS, END_STREAM, RST_STREAM, SETTINGS, Wire, block, frame};
use kit::{Pair, Random};

const ASK: &str = "GET /chat HTTP/1.1\r\nhost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: whatever\r\nsec-websocket-protocol: chat\r\n\r\n";
const HEARD: &str = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-key: ZXZlbmtlZWwtd2Vic29jaw==\r\nsec-websocket-version: 13\r\n\r\n";
const ANSWERED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                        sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: chat\r\n\r\n";

/// Reads so many bytes.
fn read(pair: &mut Pair, client: bool, id: StreamId, length: usize) -> String {
    let mut text = Vec::new();
    for _ in 0..1000 {
        let side = if client { &mut pair.client } else { &mut pair.server };
        let mut buffer = [0; 7];
        match side.read(id, &mut buffer) {
            Read::Bytes(count) => text.extend_from_slice(&buffer[..count]),
            Read::Nothing if text.len() < length => pair.run(),
            Read::Nothing => break,
            Read::End | Read::Broken(_) => panic!("ended"),
        }
    }
    String::from_utf8(text).expect("text")
}

#[test]
fn a_tunnel_from_end_to_end() {
    for seed in 1..50 {
        let mut random = Random(seed);
        let mut pair = Pair::new(&Settings::default(), seed);
        pair.run();
        let id = pair.client.open().expect("a stream");
        pair.write(true, id, ASK.as_bytes(), &mut random);
        let theirs = pair.opened();
        assert_eq!(read(&mut pair, false, theirs, HEARD.len()), HEARD);
        // Early words wait until the tunnel is open.
        pair.write(true, id, b"early", &mut random);
        assert_eq!(pair.server.read(theirs, &mut [0; 9]), Read::Nothing);
        pair.write(false, theirs, SWITCH.as_bytes(), &mut random);
        assert_eq!(read(&mut pair, true, id, ANSWERED.len()), ANSWERED);
        assert_eq!(read(&mut pair, false, theirs, 5), "early");
        for _ in 0..3 {
            pair.write(false, theirs, b"from the server", &mut random);
            pair.write(true, id, b"from the client", &mut random);
            assert_eq!(read(&mut pair, true, id, 15), "from the server");
            assert_eq!(read(&mut pair, false, theirs, 15), "from the client");
        }
        // One side ends, the other goes on.
        pair.client.end_writing(id);
        pair.run();
        assert_eq!(pair.server.read(theirs, &mut [0; 9]), Read::End);
        pair.write(false, theirs, b"last", &mut random);
        assert_eq!(read(&mut pair, true, id, 4), "last");
        pair.server.end_writing(theirs);
        pair.run();
        assert_eq!(pair.client.read(id, &mut [0; 9]), Read::End);
        pair.client.close(id);
        pair.server.close(theirs);
        pair.run();
        assert_eq!((pair.client.streams(), pair.server.streams()), (0, 0));
        assert_eq!((pair.client.faults().0, pair.server.faults().0), (0, 0));
    }
}

#[test]
fn a_tunnel_that_is_refused_is_an_ordinary_answer() {
    let mut random = Random(1);
    let mut pair = Pair::new(&Settings::default(), 1);
    pair.run();
    let id = pair.client.open().expect("a stream");
    pair.write(true, id, ASK.as_bytes(), &mut random);
    let theirs = pair.opened();
    let no = "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";
    pair.write(false, theirs, no.as_bytes(), &mut random);
    // The rest of what was to be a tunnel is not wanted, and whoever refuses it says so (RFC 9113 8.1).
    pair.server.close(theirs);
    pair.run();
    let heard = pair.read_all(true, id, &mut random);
    assert_eq!(
        String::from_utf8_lossy(&heard),
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"
    );
}

#[test]
fn a_success_that_does_not_switch_is_none() {
    let mut wire = Wire::server(&Settings::default());
    let ask = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/chat"),
        (":authority", "a"),
    ];
    let id = wire.open(1, END_HEADERS, &ask);
    assert_eq!(
        wire.connection
            .write(id, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        Write::Broken(ErrorCode::INTERNAL_ERROR)
    );
    assert_eq!(wire.frames()[0].kind, RST_STREAM);
    // Trailers are nothing for a tunnel.
    let id = wire.open(3, END_HEADERS, &ask);
    assert_eq!(wire.connection.write(id, SWITCH.as_bytes()), Write::Took(SWITCH.len()));
    let trailers = frame(1, END_HEADERS | END_STREAM, 3, &block(&[("x", "y")]));
    wire.receive(&trailers).expect("an error of the stream");
    assert_eq!(wire.events(), [Event::Ended(id)]);
}

#[test]
fn where_it_is_not_offered_the_client_learns_that() {
    let settings = Settings {
        enable_connect: false,
        ..Settings::default()
    };
    let mut wire = Wire::client(&settings);
    let id = wire.connection.open().expect("a stream");
    assert_eq!(
        wire.connection.write(id, ASK.as_bytes()),
        Write::Broken(ErrorCode::HTTP_1_1_REQUIRED)
    );
    wire.connection.close(id);
    assert_eq!(wire.frames(), []);
    // It may be offered later; other protocols are not asked for.
    wire.receive(&frame(SETTINGS, 0, 0, &[0, 8, 0, 0, 0, 1]))
        .expect("settings");
    let id = wire.connection.open().expect("a stream");
    assert_eq!(wire.connection.write(id, ASK.as_bytes()), Write::Took(ASK.len()));
    let other = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n";
    let id = wire.connection.open().expect("a stream");
    assert_eq!(wire.connection.write(id, other.as_bytes()), Write::Took(other.len()));
    let flags: Vec<(u8, u8)> = wire.frames()[1..].iter().map(|sent| (sent.kind, sent.flags)).collect();
    assert_eq!(flags, [(1, END_HEADERS), (1, END_HEADERS | END_STREAM)]);
    // A server that does not offer it refuses who asks.
    let mut server = Wire::server(&settings);
    let ask = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/chat"),
        (":authority", "a"),
    ];
    server
        .receive(&frame(1, END_HEADERS, 1, &block(&ask)))
        .expect("an error of the stream");
    assert_eq!(server.frames()[0].kind, RST_STREAM);
}
