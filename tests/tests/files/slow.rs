//! Files that nobody can open at once.

use crate::site::{Outcome, SOON, Site, ask};
use evenkeel_tests::client::Client;
use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program that holds a lease on a file, so that whoever opens it waits until it ends (fcntl(2)).
struct Lease(Child);

impl Lease {
    fn hold(path: &Path) -> Result<Lease, Box<dyn Error>> {
        const PROGRAM: &str = "import fcntl, signal, sys\n\
             signal.signal(signal.SIGIO, signal.SIG_IGN)\n\
             file = open(sys.argv[1], 'r+')\n\
             fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
             print('held', flush=True)\n\
             sys.stdin.read()\n";
        let mut child = Command::new("python3")
            .args(["-c", PROGRAM])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        assert_eq!(line, "held\n");
        Ok(Lease(child))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn metric(site: &Site, name: &str) -> Result<u64, Box<dyn Error>> {
    let (_, metrics) = site.balancer.admin("GET", "/metrics", "")?;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.ok_or_else(|| format!("no {name}"))?.parse()?)
}

#[test]
fn a_file_that_cannot_be_opened_yet_keeps_nobody_else_waiting() -> Outcome {
    /// More than a machine has workers.
    const OTHERS: usize = 64;
    let site = Site::open("")?;
    site.write("held", "held")?;
    site.write("free", "free")?;
    let lease = Lease::hold(&site.www.join("held"))?;
    let mut waiting = Vec::new();
    // One at least on each worker.
    for _ in 0..OTHERS {
        let mut client = Client::connect(site.address())?;
        client.send(b"GET /held HTTP/1.1\r\nhost: site.test\r\n\r\n")?;
        waiting.push(client);
    }
    let deadline = Instant::now() + SOON;
    while metric(&site, "evenkeel_disk_waiting")? < OTHERS as u64 {
        assert!(Instant::now() < deadline, "nobody waits");
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut others = (0..OTHERS)
        .map(|_| Client::connect(site.address()))
        .collect::<Result<Vec<_>, _>>()?;
    for client in &mut others {
        assert_eq!(ask(client, "GET", "/free", "")?.body, b"free");
    }
    drop(lease);
    for mut client in waiting {
        assert_eq!(client.response(SOON, false)?.body, b"held");
    }
    assert_eq!(metric(&site, "evenkeel_disk_waiting")?, 0);
    assert!(metric(&site, "evenkeel_disk_waits_total")? >= OTHERS as u64);
    Ok(())
}
