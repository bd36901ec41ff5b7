//! A balancer with a plain and a TLS door over one pool.

use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

use evenkeel_tests::balancer::Balancer;
use evenkeel_tests::certificate::Certificate;
use evenkeel_tests::program::{Service, run};
use evenkeel_tests::python::script;
use evenkeel_tests::scratch::Scratch;
use serde_json::Value;

/// A test's result.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// How long something may take that is expected to come: generous, for machines that do much else.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// How long a script with many checks may take.
pub(crate) const SCRIPT_WITHIN: Duration = Duration::from_secs(150);
/// Between two looks at whether something has come.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The balancer, and where its doors are.
pub(crate) struct Front {
    pub(crate) balancer: Balancer,
    pub(crate) scratch: Scratch,
    pub(crate) certificate: Certificate,
}

impl Front {
    /// `[listener.plain]` and `[listener.tls]` over `[pool.web]`, whose lines are made from the certificate; waits until
    /// every backend that is not named in `but` may have traffic.
    pub(crate) fn start(
        listener: &str,
        pool: impl Fn(&Certificate) -> String,
        but: &[&str],
    ) -> Result<Self, Box<dyn Error>> {
        let scratch = Scratch::new()?;
        let certificate = Certificate::make(scratch.path())?;
        let (chain, key) = (certificate.chain.display(), certificate.key.display());
        let pool = pool(&certificate);
        let log = scratch.path().join("access.log");
        let balancer = Balancer::start(2, |ports| {
            let [plain, tls] = [ports[0], ports[1]];
            let log = log.display();
            format!(
                "[listener.plain]\nbind = \"127.0.0.1:{plain}\"\npool = \"web\"\naccess_log = \"{log}\"\n{listener}\n\
                 [listener.tls]\nbind = \"127.0.0.1:{tls}\"\npool = \"web\"\naccess_log = \"{log}\"\n\
                 tls = {{ certificates = [{{ cert = \"{chain}\", key = \"{key}\" }}] }}\n{listener}\n\
                 [pool.web]\n{pool}\n"
            )
        })?;
        let front = Self {
            balancer,
            scratch,
            certificate,
        };
        front.wait_until_usable(but)?;
        Ok(front)
    }

    pub(crate) fn plain(&self) -> String {
        format!("127.0.0.1:{}", self.balancer.ports()[0])
    }

    pub(crate) fn tls(&self) -> String {
        format!("127.0.0.1:{}", self.balancer.ports()[1])
    }

    pub(crate) fn authority(&self) -> String {
        self.certificate.authority.display().to_string()
    }

    /// What status says of the pool's backends.
    pub(crate) fn backends(&self) -> Result<Vec<Value>, Box<dyn Error>> {
        let (status, body) = self.balancer.admin("GET", "/api/v1/status", "")?;
        if status != 200 {
            return Err(format!("status: {status} {body}").into());
        }
        let status: Value = serde_json::from_str(&body)?;
        Ok(status["pools"][0]["backends"].as_array().cloned().unwrap_or_default())
    }

    pub(crate) fn wait_until_usable(&self, but: &[&str]) -> Outcome {
        self.wait_for_backends(|backend| backend["usable"] == true || but.iter().any(|name| backend["name"] == *name))
    }

    /// Waits until this holds of every backend.
    pub(crate) fn wait_for_backends(&self, so: impl Fn(&Value) -> bool) -> Outcome {
        let mut last = Vec::new();
        wait_for(|| {
            last = self.backends()?;
            Ok(last.iter().all(&so))
        })
        .map_err(|error| format!("{error}; {last:?}\n{}", self.balancer.stderr()).into())
    }

    /// Runs `evenkeel` with these arguments; it must succeed.
    pub(crate) fn command(&self, arguments: &[&str]) -> Outcome {
        let output = self.balancer.command(arguments)?;
        if output.status.success() {
            return Ok(());
        }
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        Err(format!("{arguments:?}: {out}{err}").into())
    }

    /// Every line of the access log so far.
    pub(crate) fn log(&self) -> Result<Vec<Value>, Box<dyn Error>> {
        let text = std::fs::read_to_string(self.scratch.path().join("access.log")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

/// A script that serves: started, and its port.
pub(crate) fn serve(name: &str, arguments: &[&str]) -> Result<(Service, u16), Box<dyn Error>> {
    let service = Service::start(script(name)?.args(arguments))?;
    let port = service.port(SOON)?;
    Ok((service, port))
}

/// Runs a script that prints `ok ...` for each thing that holds and at last how many there are.
pub(crate) fn all_hold(command: &mut Command) -> Outcome {
    let printed = run(command, "", SCRIPT_WITHIN)?.good()?;
    let held = printed.lines().filter(|line| line.starts_with("ok ")).count();
    let all = printed.lines().find_map(|line| line.strip_prefix("all "));
    assert_eq!(all, Some(held.to_string().as_str()), "{printed}");
    assert!(held > 0, "{printed}");
    Ok(())
}

/// Looks until it is so, at most [`SOON`].
pub(crate) fn wait_for(mut so: impl FnMut() -> Result<bool, Box<dyn Error>>) -> Outcome {
    let deadline = Instant::now() + SOON;
    while !so()? {
        if Instant::now() >= deadline {
            return Err(format!("not so within {SOON:?}").into());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
