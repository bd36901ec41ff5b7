use super::*;

fn question(url: &str, headers: &[&str]) -> Question {
    Question {
        method: "POST".into(),
        url: url.into(),
        headers: headers.iter().map(|header| (*header).to_owned()).collect(),
        from: String::new(),
    }
}

fn text(url: &str, headers: &[&str]) -> Result<String, String> {
    let uri = url.parse().unwrap();
    head(&question(url, headers), &uri).map(|head| String::from_utf8(head).unwrap())
}

#[test]
fn questions_become_requests() {
    assert_eq!(
        text("https://example.com:8443/a?b", &["X-A:  b "]).unwrap(),
        "POST /a?b HTTP/1.1\r\nhost: example.com:8443\r\nX-A: b\r\n\r\n"
    );
    assert_eq!(
        text("/a", &["Host: other"]).unwrap(),
        "POST /a HTTP/1.1\r\nHost: other\r\n\r\n"
    );
    assert_eq!(text("/", &[]).unwrap(), "POST / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(text("/", &["a b"]).is_err());
    assert!(text("/", &["a: b\r\nc: d"]).is_err());
}

#[test]
fn questions_are_read() {
    let plain = |text: &str| Some(text.to_owned()).filter(|text| text != "%");
    let read = Question::read("method=POST&url=/a&header=a:b&header=c:d&from=::1", plain).unwrap();
    assert_eq!(
        (read.url.as_str(), read.from.as_str(), read.headers.len()),
        ("/a", "::1", 2)
    );
    for wrong in ["", "method=GET", "url=%", "url=/&who=me"] {
        assert!(Question::read(wrong, plain).is_err(), "{wrong}");
    }
    let many = format!("url=/{}", "&header=a:b".repeat(HEADERS_LIMIT + 1));
    assert!(Question::read(&many, plain).is_err());
}

#[test]
fn the_listener_is_the_one_at_the_port() {
    let text = "[listener.plain]\nbind = ':80'\nredirect = 'https'\n\
                [listener.web]\nbind = [':8443', ':9443']\nredirect = 'https'\n";
    let config = evenkeel_config::parse(text, std::path::Path::new("/")).unwrap();
    let found = |url: &str| {
        let (listener, why) = listener(&config.listeners, &url.parse().unwrap()).unwrap();
        (listener.name.to_string(), why)
    };
    assert_eq!(found("http://a/"), ("plain".into(), "it has port 80".into()));
    assert_eq!(found("https://a:9443/"), ("web".into(), "it has port 9443".into()));
    assert_eq!(found("https://a/").1, "none has port 443; it is the first");
    assert_eq!(found("/").1, "it is the first that does not encrypt");
    assert!(listener(&[], &"/".parse().unwrap()).is_err());
}
