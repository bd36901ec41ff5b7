use super::{Framing, Read, request, response};

#[test]
fn a_request_is_read_with_its_body() {
    let bytes = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET";
    let Read::Whole(request, used) = request(bytes) else {
        panic!("not whole")
    };
    assert_eq!(
        (request.method(), request.target(), &*request.body),
        (&b"POST"[..], &b"/a"[..], &b"hello"[..])
    );
    assert_eq!(request.fields.value("host").unwrap(), b"x");
    assert_eq!(&bytes[used..], b"GET");
}

#[test]
fn every_prefix_of_a_message_is_a_part() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";
    for length in 0..bytes.len() {
        assert!(
            matches!(response(&bytes[..length], false, false), Read::Part(_)),
            "{length}"
        );
    }
    let Read::Whole(response, used) = response(bytes, false, false) else {
        panic!("not whole")
    };
    assert_eq!((&*response.body, used), (&b"hello"[..], bytes.len()));
    assert_eq!(response.trailers.value("x-t").unwrap(), b"1");
}

#[test]
fn where_a_response_ends_follows_from_its_status_and_the_request() {
    let framing = |bytes: &[u8], to_head| match response(bytes, true, to_head) {
        Read::Whole(response, _) => response.framing,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        framing(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true),
        Framing::None
    );
    assert_eq!(
        framing(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false),
        Framing::None
    );
    assert_eq!(framing(b"HTTP/1.1 200 \r\n\r\nabc", false), Framing::UntilClose);
}

#[test]
fn doubtful_messages_are_broken() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 1\r\na\r\n",
    ] {
        assert!(
            matches!(response(bytes, false, false), Read::Broken(_)),
            "{}",
            String::from_utf8_lossy(bytes)
        );
    }
}
