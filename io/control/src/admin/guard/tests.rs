use super::*;
use hyper::Method;
use hyper::header::HeaderValue;

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    map
}

fn tcp() -> Side {
    Side::Tcp("192.0.2.7:9180".parse().unwrap())
}

fn status(side: Side, method: &Method, fields: &[(&'static str, &'static str)], token: Option<&str>) -> u16 {
    let changes = method != Method::GET;
    let headers = headers(fields);
    let judged = judge_place(side, &headers).and_then(|()| match changes {
        true => judge_change(side, &headers, token),
        false => Ok(()),
    });
    match judged {
        Ok(()) => 200,
        Err(refusal) => refusal.status.as_u16(),
    }
}

#[test]
fn hosts() {
    for host in [
        "127.0.0.1:9180",
        "127.0.0.1",
        "[::1]:9180",
        "[::1]",
        "localhost",
        "LOCALHOST:80",
        "192.0.2.7:1",
    ] {
        assert_eq!(status(tcp(), &Method::GET, &[("host", host)], None), 200, "{host}");
    }
    let foreign = [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:80@evil",
        "",
        "[::1]x",
    ];
    for host in foreign {
        assert_eq!(status(tcp(), &Method::GET, &[("host", host)], None), 421, "{host}");
    }
    assert_eq!(status(tcp(), &Method::GET, &[], None), 421);
    assert_eq!(
        status(tcp(), &Method::GET, &[("host", "::1"), ("host", "::1")], None),
        421
    );
}

#[test]
fn other_sites() {
    let host = ("host", "127.0.0.1:9180");
    for (field, expected) in [
        (("origin", "http://127.0.0.1:9180"), 200),
        (("origin", "http://127.0.0.1:8080"), 403),
        (("origin", "https://127.0.0.1:9180"), 403),
        (("origin", "null"), 403),
        (("sec-fetch-site", "cross-site"), 403),
        (("sec-fetch-site", "same-origin"), 200),
        (("sec-fetch-site", "none"), 200),
    ] {
        assert_eq!(status(tcp(), &Method::GET, &[host, field], None), expected, "{field:?}");
    }
}

#[test]
fn changes_need_the_token_over_tcp() {
    let host = ("host", "localhost");
    let json = ("content-type", "application/json; charset=utf-8");
    let put = |fields: &[(&'static str, &'static str)], token| status(tcp(), &Method::PUT, fields, token);
    assert_eq!(put(&[host, json], None), 403);
    assert_eq!(put(&[host, json, ("authorization", "Bearer ")], Some(" \n")), 403);
    assert_eq!(put(&[host, json], Some("secret")), 401);
    assert_eq!(
        put(&[host, json, ("authorization", "Bearer secrets")], Some("secret")),
        401
    );
    assert_eq!(
        put(&[host, json, ("authorization", "Bearer secreT")], Some("secret")),
        401
    );
    assert_eq!(
        put(&[host, json, ("authorization", "Basic secret")], Some("secret")),
        401
    );
    assert_eq!(
        put(&[host, json, ("authorization", "bearer secret")], Some("secret\n")),
        200
    );
    assert_eq!(put(&[host, ("authorization", "Bearer secret")], Some("secret")), 200);
}

#[test]
fn the_socket_needs_nothing() {
    assert_eq!(status(Side::Socket, &Method::GET, &[], None), 200);
    assert_eq!(status(Side::Socket, &Method::DELETE, &[], None), 200);
    assert_eq!(status(Side::Socket, &Method::PUT, &[], None), 200);
    let form = ("content-type", "application/x-www-form-urlencoded");
    assert_eq!(
        status(Side::Socket, &Method::PUT, &[form], None),
        200,
        "what curl -d sends"
    );
}
