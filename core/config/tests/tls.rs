//! `tls` of listeners and pools: what is read, what is refused, and where complaints of others are put.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use evenkeel_config::{Complaint, Step, complain, diff, parse};
use evenkeel_model::{
    Alpn, CertificateFiles, ClientAuth, ClientCertificates, ClientHeader, Config, ListenerTls, PoolProtocol, PoolTls,
    TlsVersion,
};
use std::path::Path;

fn text(listener: &str, pool: &str) -> String {
    format!("[listener.web]\nbind = ':443'\npool = 'web'\n{listener}\n[pool.web]\nbackends = []\n{pool}\n")
}

fn config(text: &str) -> Config {
    parse(text, Path::new("/etc/evenkeel")).unwrap()
}

fn told(text: &str) -> Vec<String> {
    let problems = parse(text, Path::new("/etc/evenkeel")).unwrap_err();
    let line = |problem: &evenkeel_config::Problem| format!("{}:{} {}", problem.line, problem.column, problem.message);
    problems.list.iter().map(line).collect()
}

fn one_file(path: &str) -> CertificateFiles {
    CertificateFiles {
        cert: path.into(),
        key: path.into(),
        ocsp: None,
    }
}

#[test]
fn the_short_form_has_the_defaults() {
    let read = config(&text(
        "tls = { certificates = 'certs/a.pem' }",
        "tls = {}\nprotocol = 'auto'",
    ));
    let expected = ListenerTls {
        certificates: vec![one_file("/etc/evenkeel/certs/a.pem")],
        client: None,
        min_version: TlsVersion::Tls12,
        alpn: vec![Alpn::H2, Alpn::Http1],
    };
    assert_eq!(read.listeners[0].tls, Some(expected));
    assert_eq!(read.pools[0].tls, Some(PoolTls::default()));
    assert_eq!(read.pools[0].protocol, PoolProtocol::Auto);
}

#[test]
fn the_long_form_has_everything() {
    let listener = "
        [listener.web.tls]
        certificates = ['/a.pem', { cert = 'b.crt', key = 'b.key', ocsp = 'b.ocsp' }, { cert = 'c.pem' }]
        client_ca = 'ca.pem'
        client_auth = 'optional'
        client_header = ['x-ssl-client', 'client-cert', 'x-ssl-client']
        min_version = '1.3'
        alpn = 'http/1.1'";
    let pool = "protocol = 'h2'\ntls = { ca = 'ca.pem', server_name = 'App.internal', client = { cert = 'd.pem', key = 'd.key' } }";
    let read = config(&text(listener, pool));
    let expected = ListenerTls {
        certificates: vec![
            one_file("/a.pem"),
            CertificateFiles {
                cert: "/etc/evenkeel/b.crt".into(),
                key: "/etc/evenkeel/b.key".into(),
                ocsp: Some("/etc/evenkeel/b.ocsp".into()),
            },
            one_file("/etc/evenkeel/c.pem"),
        ],
        client: Some(ClientCertificates {
            ca: "/etc/evenkeel/ca.pem".into(),
            auth: ClientAuth::Optional,
            headers: vec![ClientHeader::XSslClient, ClientHeader::ClientCert],
        }),
        min_version: TlsVersion::Tls13,
        alpn: vec![Alpn::Http1],
    };
    assert_eq!(read.listeners[0].tls, Some(expected));
    let expected = PoolTls {
        ca: Some("/etc/evenkeel/ca.pem".into()),
        server_name: Some("app.internal".into()),
        verify: true,
        client: Some(CertificateFiles {
            cert: "/etc/evenkeel/d.pem".into(),
            key: "/etc/evenkeel/d.key".into(),
            ocsp: None,
        }),
    };
    assert_eq!(read.pools[0].tls, Some(expected));
    assert_eq!(read.pools[0].protocol, PoolProtocol::H2);
}

#[test]
fn backends_are_told_of_clients_unless_they_shall_not_be() {
    let standard = vec![ClientHeader::ClientCert, ClientHeader::XSslClient];
    for (written, expected) in [
        ("", standard),
        (", client_header = []", vec![]),
        (", client_header = 'client-cert'", vec![ClientHeader::ClientCert]),
    ] {
        let listener = format!("tls = {{ certificates = 'a.pem', client_ca = 'ca.pem'{written} }}");
        let tls = config(&text(&listener, "")).listeners[0].tls.clone();
        assert_eq!(
            tls.and_then(|tls| tls.client).map(|client| client.headers),
            Some(expected)
        );
    }
}

#[test]
fn what_is_wrong_is_told() {
    for (listener, pool, expected) in [
        ("tls = {}", "", "4:1 `certificates` is missing"),
        (
            "tls = { certificates = [] }",
            "",
            "4:24 `certificates` has no certificate",
        ),
        (
            "tls = { certificates = ['a', './a'] }",
            "",
            "4:30 /etc/evenkeel/a is there twice",
        ),
        ("tls = { certificates = [{ key = 'a' }] }", "", "4:9 `cert` is missing"),
        (
            "tls = { certificates = 'a', client_auth = 'optional' }",
            "",
            "4:29 `client_auth` means nothing without `client_ca`",
        ),
        (
            "tls = { certificates = 'a', client_header = 'client-cert' }",
            "",
            "4:29 `client_header` means nothing without `client_ca`",
        ),
        (
            "tls = { certificates = 'a', min_version = '1.1' }",
            "",
            "4:43 `min_version` takes \"1.2\" or \"1.3\", not \"1.1\"",
        ),
        (
            "tls = { certificates = 'a', alpn = [] }",
            "",
            "4:36 `alpn` has no protocol",
        ),
        (
            "tls = { certificates = 'a', alpn = 'h3' }",
            "",
            "4:36 `alpn` takes \"h2\" or \"http/1.1\", not \"h3\"",
        ),
        (
            "",
            "tls = { verify = false, ca = 'a' }",
            "7:25 `ca` means nothing with `verify = false`",
        ),
        (
            "",
            "tls = { server_name = '*.a.example' }",
            "7:23 a server's name has no `*`",
        ),
        (
            "",
            "tls = { server_name = '[::1]' }",
            "7:23 an address has no brackets here",
        ),
        (
            "",
            "protocol = 'auto'",
            "7:12 `protocol = \"auto\"` needs `tls`: only there a backend says what it speaks",
        ),
    ] {
        assert_eq!(told(&text(listener, pool)), [expected]);
    }
}

#[test]
fn a_reload_notices_it() {
    let before = config(&text("tls = { certificates = 'a' }", ""));
    let after = config(&text(
        "tls = { certificates = 'a', min_version = '1.3' }",
        "protocol = 'h2'\ntls = {}",
    ));
    let changes: Vec<String> = diff(&before, &after).iter().map(ToString::to_string).collect();
    assert_eq!(
        changes,
        ["listener web: changed tls", "pool web: changed protocol, tls"]
    );
}

#[test]
fn complaints_stand_where_the_value_is() {
    let key = |key: &str| Step::Key(key.to_owned());
    let at = |rest: &[Step]| {
        let mut steps = vec![key("listener"), key("web"), key("tls")];
        steps.extend_from_slice(rest);
        steps
    };
    for (listener, steps, place) in [
        (
            "tls = { certificates = 'a' }",
            at(&[key("certificates"), Step::Item(0), key("cert")]),
            "4:24",
        ),
        (
            "tls = { certificates = ['a', 'b'] }",
            at(&[key("certificates"), Step::Item(1), key("key")]),
            "4:30",
        ),
        (
            "tls.certificates = { cert = 'a', key = 'b' }",
            at(&[key("certificates"), Step::Item(0), key("key")]),
            "4:40",
        ),
        (
            "tls = { certificates = 'a', client_ca = 'c' }",
            at(&[key("client_ca")]),
            "4:41",
        ),
        ("tls = { certificates = 'a' }", vec![key("nothing")], "1:1"),
    ] {
        let complaint = Complaint {
            at: steps,
            message: "wrong".into(),
            help: Some("right".into()),
        };
        let problems = complain(&text(listener, ""), &[complaint]);
        let [problem] = &problems.list[..] else {
            panic!("{problems}")
        };
        assert_eq!(format!("{}:{}", problem.line, problem.column), place, "{listener}");
        assert_eq!(
            (problem.message.as_str(), problem.help.as_deref()),
            ("wrong", Some("right"))
        );
    }
    assert!(complain(&text("", ""), &[]).list.is_empty());
}
