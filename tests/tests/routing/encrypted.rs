//! The same over TLS and HTTP/2, with curl.

use std::error::Error;
use std::path::Path;

use crate::site::{Outcome, SOON, Site, target, value};
use evenkeel_tests::certificate::Certificate;
use evenkeel_tests::program::{program, run};
use evenkeel_tests::scratch::Scratch;

const VERSIONS: [&str; 2] = ["--http1.1", "--http2"];

struct Encrypted {
    site: Site,
    certificate: Certificate,
    _scratch: Scratch,
}

impl Encrypted {
    fn start(pools: &[&str], routes: &str) -> Result<Encrypted, Box<dyn Error>> {
        let scratch = Scratch::new()?;
        let certificate = Certificate::make(scratch.path())?;
        let shown = |path: &Path| path.display().to_string();
        let tls = format!(
            "tls = {{ certificates = [{{ cert = '{}', key = '{}' }}], client_ca = '{}', client_auth = 'optional' }}\n{routes}",
            shown(&certificate.chain),
            shown(&certificate.key),
            shown(&certificate.authority)
        );
        Ok(Encrypted {
            site: Site::start(pools, &tls, "")?,
            certificate,
            _scratch: scratch,
        })
    }

    /// The answer's body, and behind it what `--write-out` made.
    fn curl(&self, version: &str, target: &str, more: &[&str]) -> Result<String, Box<dyn Error>> {
        let mut command = program("curl")?;
        command.args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            "15",
            version,
        ]);
        command.arg("--cacert").arg(&self.certificate.authority);
        let url = format!("https://localhost:{}{target}", self.site.balancer.ports()[0]);
        command.args([
            "--resolve",
            &format!("localhost:{}:127.0.0.1", self.site.balancer.ports()[0]),
        ]);
        Ok(run(command.args(more).arg(url), "", SOON)?.good()?)
    }
}

#[test]
fn facts_of_the_encryption_are_told_and_cannot_be_forged() -> Outcome {
    let routes = "
        [[listener.web.route]]
        pool = 'a'
        [listener.web.route.request_headers.set]
        x-tls = '{tls_version} {tls_cipher} {tls_server_name} {scheme}'
        x-subject = '{client_certificate_subject}'
        x-fingerprint = '{client_certificate_fingerprint}'
    ";
    let door = Encrypted::start(&["a"], routes)?;
    let certificate = door.certificate.chain.display().to_string();
    let key = door.certificate.key.display().to_string();
    for version in VERSIONS {
        door.site.forget();
        let forged = ["--header", "X-Subject: CN=root", "--header", "x-fingerprint: 00"];
        assert_eq!(door.curl(version, "/", &forged)?, "/");
        let fields = door.site.only("a")?.fields;
        let tls = value(&fields, "x-tls");
        assert!(
            tls.starts_with("TLSv1.3 TLS_") && tls.ends_with(" localhost https"),
            "{tls}"
        );
        assert_eq!(value(&fields, "x-subject"), "(absent)");
        assert_eq!(value(&fields, "x-fingerprint"), "(absent)");
        door.site.forget();
        let shown = ["--cert", &certificate, "--key", &key, "--header", "X-Subject: CN=root"];
        assert_eq!(door.curl(version, "/", &shown)?, "/");
        let fields = door.site.only("a")?.fields;
        assert_eq!(value(&fields, "x-subject"), "CN=localhost");
        assert_eq!(value(&fields, "x-fingerprint").len(), 64);
    }
    Ok(())
}

#[test]
fn everything_works_whatever_the_client_speaks() -> Outcome {
    let routes = "
        [[listener.web.route]]
        path = '/api/*'
        pool = 'a'
        strip_prefix = '/api'
        set_host = 'inside'
        buffer = '1MiB'
        mirror = 'shadow'
        response_headers = { set = { x-by = '{request_id}' } }
        [[listener.web.route]]
        path = '/limited'
        respond = { body = 'in' }
        rate = { requests = 1, per = '24h', on = 'header:x-key' }
    ";
    let door = Encrypted::start(&["a", "shadow"], routes)?;
    for version in VERSIONS {
        door.site.forget();
        let body = "x".repeat(50_000);
        let upload = [
            "--data-binary",
            &body,
            "--write-out",
            " %header{x-by}",
            "--header",
            "x-request-id: id",
        ];
        assert_eq!(door.curl(version, "/api/a?b", &upload)?, "/a?b id");
        let seen = door.site.only("a")?;
        assert_eq!(
            (target(&seen), value(&seen.fields, "host")),
            ("/a?b".to_owned(), "inside".to_owned())
        );
        assert_eq!(
            (seen.body.len(), value(&seen.fields, "content-length")),
            (50_000, "50000".to_owned())
        );
        assert!(value(&seen.fields, "x-forwarded-host").starts_with("localhost:"));
        door.site.wait_for("shadow", 1)?;
        assert_eq!(door.site.only("shadow")?.body, seen.body);
        let key = format!("x-key: {version}");
        let code =
            |body: &str| ["--header", &key, "--write-out", " %{response_code}", "--output", body].map(str::to_owned);
        for status in [" 200", " 429"] {
            let arguments = code("/dev/null");
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            assert_eq!(door.curl(version, "/limited", &arguments)?, status, "{version}");
        }
    }
    Ok(())
}
