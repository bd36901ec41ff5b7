//! TLS to the backends, with HAProxy as the backend: it says what it was offered.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use evenkeel_tests::authority::{Authority, Wanted};
use evenkeel_tests::client::Client;
use evenkeel_tests::message::Response;
use evenkeel_tests::program::{Service, program};
use evenkeel_tests::scratch::free_ports;

use crate::house::{House, Outcome, SOON, Served, wait_for};

/// An HAProxy whose certificate is `backend.pem`.
pub(crate) struct Backend {
    port: u16,
    _service: Service,
}

impl Backend {
    /// `bind`: what more it is to know of TLS.
    pub(crate) fn start(house: &House, bind: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let mut last = String::new();
        // Somebody may take the port before HAProxy has it.
        for _ in 0..4 {
            let port = free_ports(1)?[0];
            let file = house.path(&format!("haproxy-{port}.cfg"));
            std::fs::write(&file, configuration(house, port, bind))?;
            let service = Service::start(program("haproxy")?.arg("-db").arg("-f").arg(&file))?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            match wait_for(|| Ok(TcpStream::connect(address).is_ok())) {
                Ok(()) => {
                    return Ok(Self {
                        port,
                        _service: service,
                    });
                }
                Err(error) => last = format!("{error}: {:?}", service.line(SOON)),
            }
        }
        Err(last.into())
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn configuration(house: &House, port: u16, bind: &str) -> String {
    let crt = house.path("backend.pem");
    house.placed(&format!(
        "defaults\n mode http\n timeout client 60s\n timeout server 60s\n timeout connect 5s\n\
         frontend f\n bind 127.0.0.1:{port} ssl crt {} {bind}\n\
         http-request return status 200 content-type text/plain lf-string \
         \"sni=%[ssl_fc_sni] alpn=%[ssl_fc_alpn] client=%[ssl_c_s_dn(CN)] tls=%sslv version=%HV host=%[req.hdr(host)]\"\n",
        crt.display()
    ))
}

/// A plain door to that backend.
fn door(house: &House, backend: &Backend, pool: &str) -> String {
    let port = backend.port;
    let log = house.path("access.log");
    let log = log.display();
    format!(
        "[listener.web]\nbind = \"127.0.0.1:@1\"\npool = \"app\"\naccess_log = \"{log}\"\n\
         [pool.app]\nbackends = [\"127.0.0.1:{port}\"]\neject = false\n{pool}\n"
    )
}

fn start(house: &House, backend: &Backend, pool: &str) -> Result<Served, Box<dyn std::error::Error>> {
    house.start(1, &door(house, backend, pool))
}

/// One without checks, which then get them: a balancer whose only backend is down would not be ready.
fn start_unchecked(house: &House, backend: &Backend, pool: &str) -> Result<Served, Box<dyn std::error::Error>> {
    start(house, backend, &format!("check = false\n{pool}"))
}

fn begin_checks(house: &House, backend: &Backend, pool: &str, served: &Served) -> Outcome {
    let checked = format!("check = {{ http = \"/\", every = \"100ms\" }}\n{pool}");
    served.change(house, &door(house, backend, &checked))?;
    served.wait_until_usable(false)
}

fn ask(served: &Served) -> Result<Response, Box<dyn std::error::Error>> {
    ask_with(served, "")
}

fn ask_with(served: &Served, fields: &str) -> Result<Response, Box<dyn std::error::Error>> {
    let mut client = Client::connect(served.address(1))?;
    client.send(format!("GET / HTTP/1.1\r\nhost: shop.test\r\n{fields}\r\n").as_bytes())?;
    Ok(client.response(SOON, false)?)
}

/// What the backend says of the connection.
fn told(served: &Served) -> Result<String, Box<dyn std::error::Error>> {
    let answer = ask(served)?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.status == 200 {
        Ok(text)
    } else {
        Err(format!("{} {text}\n{}", answer.status, served.balancer.stderr()).into())
    }
}

fn internal() -> Wanted<'static> {
    Wanted {
        names: &["app.internal"],
        ..Wanted::default()
    }
}

#[test]
fn an_authority_of_ones_own_and_the_name() -> Outcome {
    let house = House::new()?;
    house.issue("backend", &internal())?;
    let backend = Backend::start(&house, "alpn http/1.1")?;
    let pool = "tls = { ca = \"%/ca.pem\", server_name = \"app.internal\" }";
    let served = start(&house, &backend, pool)?;
    served.wait_until_usable(true)?;
    // Host is the client's, SNI the pool's; the second request goes over the same connection.
    for _ in 0..2 {
        let told = told(&served)?;
        assert_eq!(
            told,
            "sni=app.internal alpn= client= tls=TLSv1.3 version=HTTP/1.1 host=shop.test"
        );
    }
    let labels = [("pool", "app"), ("version", "1.3")];
    assert!(served.metric("evenkeel_backend_tls_handshakes_total", &labels)? >= 1.0);
    Ok(())
}

#[test]
fn without_a_name_the_address_counts() -> Outcome {
    let house = House::new()?;
    house.issue("backend", &Wanted::default())?;
    let backend = Backend::start(&house, "ssl-max-ver TLSv1.2")?;
    let served = start(&house, &backend, "tls = { ca = \"%/ca.pem\" }")?;
    served.wait_until_usable(true)?;
    let told = told(&served)?;
    assert!(told.starts_with("sni= "), "an address is no name: {told}");
    assert!(told.contains("tls=TLSv1.2"), "{told}");
    Ok(())
}

#[test]
fn whom_we_do_not_trust_gets_nothing() -> Outcome {
    let house = House::new()?;
    let strangers = Authority::new("Somebody else")?;
    let old = Wanted {
        years: (2020, 2021),
        ..internal()
    };
    let good = "tls = { ca = \"%/ca.pem\", server_name = \"app.internal\" }";
    let cases = [
        (house.authority.issue(&Wanted::default())?, "certificate-name"),
        (house.authority.issue(&old)?, "certificate-expired"),
        (strangers.issue(&internal())?, "certificate-unknown"),
    ];
    for (issued, reason) in &cases {
        issued.write(house.scratch.path(), "backend")?;
        let backend = Backend::start(&house, "")?;
        let served = start_unchecked(&house, &backend, good)?;
        let answer = ask(&served)?;
        assert_eq!(answer.status, 502, "{reason}");
        let labels = [("pool", "app"), ("reason", reason)];
        assert!(
            served.metric("evenkeel_backend_tls_handshake_failures_total", &labels)? >= 1.0,
            "{reason}"
        );
        let by_reason = [("listener", "web"), ("reason", "tls-failed")];
        // Counted once the answer has gone.
        wait_for(|| Ok(served.metric("evenkeel_requests_by_reason_total", &by_reason)? == 1.0))?;
        let log = house.path("access.log");
        wait_for(|| Ok(std::fs::read_to_string(&log)?.contains("\"reason\":\"tls-failed\"")))?;
        std::fs::remove_file(&log)?;
        // Checks see it too.
        begin_checks(&house, &backend, good, &served)?;
        assert_eq!(ask(&served)?.status, 503, "{reason}");
        // Without verification any of them is taken, which the operator has asked for.
        let lax = start(
            &house,
            &backend,
            "tls = { verify = false, server_name = \"app.internal\" }",
        )?;
        lax.wait_until_usable(true)?;
        assert!(told(&lax)?.starts_with("sni=app.internal"), "{reason}");
    }
    Ok(())
}

#[test]
fn our_own_certificate() -> Outcome {
    let house = House::new()?;
    house.issue("backend", &internal())?;
    let client = Wanted {
        names: &["balancer.internal"],
        client: true,
        ..Wanted::default()
    };
    house.issue("client", &client)?;
    for versions in ["", "ssl-max-ver TLSv1.2"] {
        let backend = Backend::start(&house, &format!("ca-file %/ca.pem verify required {versions}"))?;
        let tls = "ca = \"%/ca.pem\", server_name = \"app.internal\"";
        let served = start(
            &house,
            &backend,
            &format!("tls = {{ {tls}, client = {{ cert = \"%/client.pem\" }} }}\ncheck = {{ http = \"/\" }}"),
        )?;
        served.wait_until_usable(true)?;
        assert!(told(&served)?.contains("client=balancer.internal"));
        let without = format!("tls = {{ {tls} }}");
        let nobody = start_unchecked(&house, &backend, &without)?;
        assert_eq!(ask(&nobody)?.status, 502, "{versions}");
        begin_checks(&house, &backend, &without, &nobody)?;
    }
    Ok(())
}

#[test]
fn http_2_where_it_is_demanded_or_offered() -> Outcome {
    let house = House::new()?;
    house.issue("backend", &internal())?;
    let both = Backend::start(&house, "alpn h2,http/1.1")?;
    let one = Backend::start(&house, "alpn http/1.1")?;
    let tls = "tls = { ca = \"%/ca.pem\", server_name = \"app.internal\" }";
    let new = "alpn=h2 client= tls=TLSv1.3 version=HTTP/2.0";
    let old = "version=HTTP/1.1";
    for (protocol, backend, expected) in [
        ("h2", &both, Some(new)),
        ("auto", &both, Some(new)),
        ("http1", &both, Some(old)),
        ("auto", &one, Some(old)),
        ("h2", &one, None),
    ] {
        let pool = format!("{tls}\nprotocol = \"{protocol}\"\n");
        let Some(expected) = expected else {
            let served = start_unchecked(&house, backend, &pool)?;
            assert_eq!(ask(&served)?.status, 502, "{protocol}");
            begin_checks(&house, backend, &pool, &served)?;
            continue;
        };
        // Checks speak as the traffic does.
        let served = start(&house, backend, &format!("{pool}check = {{ http = \"/\" }}"))?;
        served.wait_until_usable(true)?;
        for _ in 0..3 {
            let told = told(&served)?;
            assert!(told.contains(expected), "{protocol}: {told}");
            assert!(told.ends_with("host=shop.test"), "{protocol}: {told}");
        }
    }
    Ok(())
}

/// Most servers of HTTP/2 take WebSocket over HTTP/1.1 only.
#[test]
fn upgrades_are_asked_for_over_http_1_where_it_is_offered() -> Outcome {
    const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                           sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let house = House::new()?;
    house.issue("backend", &internal())?;
    let pool = "tls = { ca = \"%/ca.pem\", server_name = \"app.internal\" }\nprotocol = \"auto\"\ncheck = false\n";
    let backend = Backend::start(&house, "alpn h2,http/1.1")?;
    let served = start(&house, &backend, pool)?;
    for _ in 0..2 {
        assert!(told(&served)?.contains("version=HTTP/2.0"));
        let answer = ask_with(&served, UPGRADE)?;
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.contains("version=HTTP/1.1"), "{} {text}", answer.status);
    }
    // One that refuses HTTP/1.1.
    let served = house.start(
        2,
        &format!(
            "[listener.web]\nbind = \"127.0.0.1:@1\"\npool = \"app\"\n\
             [listener.behind]\nbind = \"127.0.0.1:@2\"\ntls = {{ certificates = \"%/backend.pem\", alpn = \"h2\" }}\n\
             [[listener.behind.route]]\nrespond = {{ status = 403, body = \"behind\" }}\n\
             [pool.app]\nbackends = [\"127.0.0.1:@2\"]\n{pool}"
        ),
    )?;
    let answer = ask_with(&served, UPGRADE)?;
    assert_eq!((answer.status, &answer.body[..]), (403, &b"behind"[..]));
    Ok(())
}

#[test]
fn a_backend_that_speaks_no_tls() -> Outcome {
    let house = House::new()?;
    let origin = evenkeel_tests::origin::Origin::start()?;
    let served = house.start(
        1,
        &format!(
            "[listener.web]\nbind = \"127.0.0.1:@1\"\npool = \"app\"\n\
             [pool.app]\nbackends = [\"{}\"]\ncheck = false\ntls = {{ verify = false }}\ntimeouts = {{ connect = \"1s\" }}\n",
            origin.address()
        ),
    )?;
    // It waits for the end of a head that never comes, as we do for its hello.
    assert_eq!(ask(&served)?.status, 504);
    let labels = [("pool", "app"), ("reason", "timeout")];
    assert!(served.metric("evenkeel_backend_tls_handshake_failures_total", &labels)? >= 1.0);
    Ok(())
}

#[test]
fn whom_we_trust_changes_with_the_file() -> Outcome {
    let house = House::new()?;
    let next = Authority::new("The next authority")?;
    next.issue(&internal())?.write(house.scratch.path(), "backend")?;
    let backend = Backend::start(&house, "")?;
    let pool = "tls = { ca = \"%/ca.pem\", server_name = \"app.internal\" }";
    let served = start_unchecked(&house, &backend, pool)?;
    assert_eq!(ask(&served)?.status, 502);
    house.write("ca.pem", &next.pem())?;
    wait_for(|| Ok(ask(&served)?.status == 200))?;
    // One that is no good changes nothing.
    house.write("ca.pem", "rubbish")?;
    wait_for(|| Ok(served.metric("evenkeel_certificates_refused", &[])? == 1.0))?;
    assert_eq!(ask(&served)?.status, 200);
    Ok(())
}
