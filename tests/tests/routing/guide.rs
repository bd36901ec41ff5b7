//! The configurations of the guide's pages, as they stand there but for addresses, do what the pages say.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use crate::site::{Outcome, SOON, value};
use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::client::Client;
use evenkeel_tests::guide::configurations;
use evenkeel_tests::message::Response;
use evenkeel_tests::origin::Origin;

/// A balancer with a page's configuration, and an origin for each of its addresses.
struct Shown {
    balancer: Balancer,
    origins: BTreeMap<String, Origin>,
}

impl Shown {
    fn start(configuration: &str) -> Result<Shown, Box<dyn Error>> {
        let mut origins = BTreeMap::new();
        let mut text = configuration.to_owned();
        for address in configuration
            .split('"')
            .filter(|word| word.starts_with("10.") && word.ends_with(":8080"))
        {
            if !origins.contains_key(address) {
                let origin = Origin::start()?;
                text = text.replace(address, &origin.address().to_string());
                origins.insert(address.to_owned(), origin);
            }
        }
        let balancer = Balancer::start(1, |ports| {
            text.replace("\":8080\"", &format!("\"127.0.0.1:{}\"", ports[0]))
        })?;
        Ok(Shown { balancer, origins })
    }

    fn ask(&self, request: &str) -> Result<Response, Box<dyn Error>> {
        let mut client = Client::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.balancer.ports()[0])))?;
        client.send(request.as_bytes())?;
        Ok(client.response(SOON, false)?)
    }

    fn get(&self, target: &str, fields: &str) -> Result<Response, Box<dyn Error>> {
        self.ask(&format!(
            "GET {target} HTTP/1.1\r\nhost: www.example.com\r\n{fields}\r\n"
        ))
    }

    /// Whether the origin at this address of the page got something with this in it.
    fn got(&self, address: &str, text: &str) -> bool {
        let contains = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        self.origins[address]
            .records()
            .iter()
            .any(|record| contains(&record.bytes))
    }
}

#[test]
fn canary() -> Outcome {
    let pages = configurations("canary.md")?;
    let [share, copy] = &pages[..] else {
        return Err("not two configurations".into());
    };
    let shown = Shown::start(share)?;
    for number in 0..60 {
        let fields = format!("cookie: session={number}\r\n");
        for again in 0..2 {
            let target = format!("/{number}/{again}");
            assert_eq!(shown.get(&target, &fields)?.body, target.as_bytes());
        }
        let at_canary = |again: u32| shown.got("10.0.0.9:8080", &format!("GET /{number}/{again} "));
        assert_eq!(at_canary(0), at_canary(1), "{number}");
    }
    let shown = Shown::start(copy)?;
    for number in 0..20 {
        assert_eq!(shown.get(&format!("/{number}"), "")?.status, 200);
    }
    Ok(())
}

#[test]
fn rewriting() -> Outcome {
    let pages = configurations("rewriting.md")?;
    let shown = Shown::start(&pages[0])?;
    assert_eq!(shown.get("/api/users?page=2", "")?.body, b"/users?page=2");
    assert_eq!(shown.get("/v1/users", "")?.body, b"/legacy/users");
    assert!(shown.got("10.0.0.1:8080", "host: legacy.internal\r\n"));
    let page = shown.get("/", "X-Client: forged\r\nX-TLS: forged\r\nx-debug: 1\r\n")?;
    assert_eq!(value(&page.fields, "strict-transport-security"), "max-age=31536000");
    assert_eq!(page.fields.lines("link"), 2);
    assert!(shown.got("10.0.1.1:8080", "\r\nx-client: 127.0.0.1\r\n"));
    for absent in ["forged", "x-debug", "x-tls"] {
        assert!(!shown.got("10.0.1.1:8080", absent), "{absent}");
    }
    let shown = Shown::start(&pages[1])?;
    let photo = shown.get("/users/7/photos/a.jpg?small", "")?;
    assert_eq!(photo.body, b"/photos/of-7/a.jpg?small");
    assert!(shown.got("10.0.0.1:8080", "\r\nx-user: 7\r\n"));
    let blog = shown.get("/blog/2024/hello", "")?;
    assert_eq!(
        value(&blog.fields, "location"),
        "https://blog.example.com/hello?year=2024"
    );
    Ok(())
}

#[test]
fn rate_limits() -> Outcome {
    let pages = configurations("rate-limits.md")?;
    let shown = Shown::start(&pages[0])?;
    for _ in 0..5 {
        assert_eq!(shown.get("/login", "")?.status, 200);
    }
    let refused = shown.get("/login", "")?;
    assert_eq!(refused.status, 429);
    // Twelve seconds for each, of which some have passed.
    let wait: u64 = value(&refused.fields, "retry-after").parse()?;
    assert!((1..=12).contains(&wait), "{wait}");
    for _ in 0..10 {
        assert_eq!(shown.get("/api/x", "x-api-key: a\r\n")?.status, 200);
    }
    for (report, expected) in [("/reports/a", 429), ("/reports/%61", 429), ("/reports/b", 200)] {
        for _ in 0..10 {
            shown.get("/reports/a", "")?;
        }
        assert_eq!(shown.get(report, "")?.status, expected, "{report}");
    }
    let body = "x".repeat(200 << 10);
    let post = |target: &str, bytes: usize| {
        format!(
            "POST {target} HTTP/1.1\r\nhost: h\r\ncontent-length: {bytes}\r\n\r\n{}",
            &body[..bytes.min(body.len())]
        )
    };
    assert_eq!(shown.ask(&post("/form", body.len()))?.status, 200);
    assert_eq!(shown.ask(&post("/form", (256 << 10) + 1))?.status, 413);
    assert_eq!(shown.ask(&post("/", (1 << 20) + 1))?.status, 413);
    assert_eq!(shown.ask(&post("/upload", body.len()))?.status, 200);
    Ok(())
}
