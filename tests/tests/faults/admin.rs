//! The admin API as strangers meet it: the socket's mode, and the TCP side's rules.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;

use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::client::Client;

use crate::house::{Outcome, SOON};

const TOKEN: &str = "open-sesame";
const CHANGE: &str = "/api/v1/pools/web/backends/b0";

struct Admin {
    balancer: Balancer,
}

impl Admin {
    fn start() -> Result<Admin, Box<dyn std::error::Error>> {
        let balancer = Balancer::start(3, |ports| {
            format!(
                "[listener.web]\nbind = \"127.0.0.1:{}\"\npool = \"web\"\n\
                 [pool.web]\nbackends = [{{ address = \"127.0.0.1:{}\", name = \"b0\" }}]\ncheck = false\n\
                 [admin]\nsocket = \"evenkeel.sock\"\nstate = \"state\"\ntoken_file = \"token\"\nbind = \"127.0.0.1:{}\"\n",
                ports[0], ports[1], ports[2]
            )
        })?;
        std::fs::write(balancer.directory().join("token"), format!("{TOKEN}\n"))?;
        Ok(Admin { balancer })
    }

    /// Asks over TCP; the answer's status and body.
    fn ask(
        &self,
        method: &str,
        path: &str,
        fields: &str,
        body: &str,
    ) -> Result<(u16, String), Box<dyn std::error::Error>> {
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, self.balancer.ports()[2]).into();
        let mut client = Client::connect(address)?;
        let length = body.len();
        client.send(
            format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n{fields}content-length: {length}\r\n\r\n{body}")
                .as_bytes(),
        )?;
        let response = client.response(SOON, method == "HEAD")?;
        Ok((response.status, String::from_utf8_lossy(&response.body).into_owned()))
    }

    fn host(&self) -> String {
        format!("host: 127.0.0.1:{}\r\n", self.balancer.ports()[2])
    }

    fn state(&self) -> Result<String, Box<dyn std::error::Error>> {
        let (_, body) = self.balancer.admin("GET", "/api/v1/pools/web", "")?;
        let pool: serde_json::Value = serde_json::from_str(&body)?;
        Ok(pool["backends"][0]["state"].as_str().unwrap_or_default().to_owned())
    }
}

#[test]
fn the_socket_is_its_owners_alone() -> Outcome {
    let admin = Admin::start()?;
    let mode = std::fs::metadata(admin.balancer.socket())?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    Ok(())
}

#[test]
fn over_tcp_reading_is_free_and_changing_needs_the_token() -> Outcome {
    let admin = Admin::start()?;
    let host = admin.host();
    for path in ["/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/pools/web"] {
        assert_eq!(admin.ask("GET", path, &host, "")?.0, 200, "{path}");
    }
    let json = format!("{host}content-type: application/json\r\n");
    let form = format!("{host}content-type: application/x-www-form-urlencoded\r\n");
    let drain = "{\"state\": \"drain\"}";
    assert_eq!(admin.ask("PUT", CHANGE, &json, drain)?.0, 401);
    let wrong = format!("{json}authorization: Bearer open-sesami\r\n");
    assert_eq!(admin.ask("PUT", CHANGE, &wrong, drain)?.0, 401);
    assert_eq!(admin.ask("POST", "/api/v1/reload", &json, "{}")?.0, 401);
    assert_eq!(admin.ask("DELETE", CHANGE, &json, "")?.0, 401);
    assert_eq!(admin.state()?, "ready", "nothing has changed");
    let right = format!("authorization: Bearer {TOKEN}\r\n");
    assert_eq!(admin.ask("PUT", CHANGE, &format!("{json}{right}"), drain)?.0, 200);
    assert_eq!(admin.state()?, "drain");
    let ready = "{\"state\": \"ready\"}";
    assert_eq!(admin.ask("PUT", CHANGE, &form, ready)?.0, 401, "what a form can send");
    assert_eq!(admin.state()?, "drain");
    assert_eq!(
        admin.ask("PUT", CHANGE, &format!("{form}{right}"), ready)?.0,
        200,
        "what curl -d sends"
    );
    assert_eq!(admin.state()?, "ready");
    Ok(())
}

#[test]
fn a_refused_change_is_answered_also_when_its_body_comes_late() -> Outcome {
    let admin = Admin::start()?;
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, admin.balancer.ports()[2]).into();
    let mut client = Client::connect(address)?;
    client.send(format!("PUT {CHANGE} HTTP/1.1\r\n{}content-length: 18\r\n\r\n", admin.host()).as_bytes())?;
    client.send(b"{\"state\": ")?;
    client.send(b"\"drain\"}")?;
    assert_eq!(client.response(SOON, false)?.status, 401);
    client.send(format!("GET /healthz HTTP/1.1\r\n{}\r\n", admin.host()).as_bytes())?;
    assert_eq!(client.response(SOON, false)?.status, 200, "the connection lives on");
    Ok(())
}

#[test]
fn other_sites_cannot_ask_through_a_visitors_browser() -> Outcome {
    let admin = Admin::start()?;
    let port = admin.balancer.ports()[2];
    for host in [
        "evil.example",
        &format!("evil.example:{port}"),
        "localhost.evil.example",
        "",
    ] {
        let (status, _) = admin.ask("GET", "/api/v1/status", &format!("host: {host}\r\n"), "")?;
        assert!(status == 421 || status == 400, "Host {host:?}: {status}");
    }
    let host = admin.host();
    for field in [
        "origin: http://evil.example",
        "origin: null",
        "sec-fetch-site: cross-site",
    ] {
        let (status, _) = admin.ask("GET", "/api/v1/status", &format!("{host}{field}\r\n"), "")?;
        assert_eq!(status, 403, "{field}");
    }
    let own = format!("{host}origin: http://127.0.0.1:{port}\r\nsec-fetch-site: same-origin\r\n");
    assert_eq!(admin.ask("GET", "/api/v1/status", &own, "")?.0, 200);
    Ok(())
}
