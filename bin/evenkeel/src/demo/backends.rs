//! The demo's backends as child processes: started, killed, and started again.

use std::io::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a killed backend stays away.
pub(crate) const AWAY: Duration = Duration::from_secs(5);

/// Name of each, and how long it works on a request; one request at a time, so that the
/// fastest has others to leave some to, and the slowest can carry the usual rate alone.
const CREW: [(&str, &str); 3] = [("anna", "8ms"), ("boris", "12ms"), ("carla", "18ms")];

/// One of them.
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    latency: &'static str,
    life: Life,
}

enum Life {
    Running(Child),
    /// Since when.
    Dead(Instant),
}

/// Starts all.
pub(crate) fn start() -> Result<Vec<Backend>, Error> {
    let mut backends = Vec::new();
    for (name, latency) in CREW {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let life = Life::Running(spawn(name, latency, address)?);
        backends.push(Backend {
            name,
            address,
            latency,
            life,
        });
    }
    Ok(backends)
}

fn spawn(name: &str, latency: &str, address: SocketAddr) -> Result<Child, Error> {
    Command::new(std::env::current_exe()?)
        .args([
            "demo-backend",
            "--name",
            name,
            "--latency",
            latency,
            "--port",
            &address.port().to_string(),
        ])
        .stdin(Stdio::piped())
        // A terminal's Ctrl-C is for the balancer and its clients first.
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

impl Backend {
    /// Its process, while it has one.
    pub(crate) fn process(&self) -> Option<u32> {
        match &self.life {
            Life::Running(child) => Some(child.id()),
            Life::Dead(_) => None,
        }
    }

    /// How long until it comes back by itself.
    pub(crate) fn back_in(&self) -> Option<Duration> {
        match &self.life {
            Life::Running(_) => None,
            Life::Dead(since) => Some(AWAY.saturating_sub(since.elapsed())),
        }
    }

    /// Kills it with -9 if it runs, starts it if not.
    pub(crate) fn toggle(&mut self) -> Result<(), Error> {
        match &mut self.life {
            Life::Running(child) => {
                // Dead already: what we wanted.
                let _ = child.kill();
                child.wait()?;
                self.life = Life::Dead(Instant::now());
                Ok(())
            }
            Life::Dead(_) => self.revive(),
        }
    }

    /// Notices that somebody killed it, and starts it again when its time has come.
    pub(crate) fn tend(&mut self) -> Result<(), Error> {
        match &mut self.life {
            Life::Running(child) => {
                if child.try_wait()?.is_some() {
                    self.life = Life::Dead(Instant::now());
                }
                Ok(())
            }
            Life::Dead(since) if since.elapsed() >= AWAY => self.revive(),
            Life::Dead(_) => Ok(()),
        }
    }

    fn revive(&mut self) -> Result<(), Error> {
        self.life = Life::Running(spawn(self.name, self.latency, self.address)?);
        Ok(())
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Life::Running(child) = &mut self.life {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
