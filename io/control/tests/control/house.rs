//! A control plane over doors that only remember, and a client that writes bytes.

use evenkeel_control::explain::{Asked, Explanation};
use evenkeel_control::{Control, Doors, Source, Start, file};
use evenkeel_model::Config;
use evenkeel_pool::Shared;
use evenkeel_tls::Sides;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Far more than anything here needs: only a fault waits so long.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Doors that carry nothing.
#[derive(Default)]
pub(crate) struct Memory {
    /// The pools' names of each configuration that was applied.
    pub(crate) applied: Mutex<Vec<Vec<String>>>,
    /// What the next `apply` fails with.
    pub(crate) refuse: Mutex<Vec<String>>,
    pub(crate) stopped: Mutex<Option<Duration>>,
}

impl Doors for Memory {
    fn apply(&self, config: &Arc<Config>, pools: &[Arc<Shared>], _tls: &Sides) -> Result<(), Vec<String>> {
        let refuse = std::mem::take(&mut *self.refuse.lock().unwrap());
        if !refuse.is_empty() {
            return Err(refuse);
        }
        let names: Vec<String> = pools.iter().map(|pool| pool.name.to_string()).collect();
        assert_eq!(
            names,
            config
                .pools
                .iter()
                .map(|pool| pool.name.to_string())
                .collect::<Vec<_>>()
        );
        self.applied.lock().unwrap().push(names);
        Ok(())
    }

    fn write_metrics(&self, out: &mut String) {
        out.push_str("evenkeel_of_the_doors 7\n");
    }

    fn connections(&self, listener: &str) -> u64 {
        if listener == "web" { 3 } else { 0 }
    }

    fn sticky(&self, pool: &str) -> Vec<(&'static str, u64)> {
        if pool == "web" {
            vec![("new", 2), ("home", 5)]
        } else {
            Vec::new()
        }
    }

    fn explain(&self, asked: &Asked) -> Result<Explanation, String> {
        Ok(Explanation {
            client: asked.from.to_string(),
            why: String::from_utf8(asked.head.clone()).unwrap(),
            ..Explanation::default()
        })
    }

    fn stop(&self, limit: Duration) -> bool {
        *self.stopped.lock().unwrap() = Some(limit);
        true
    }
}

/// A folder with a configuration, and backends that accept.
pub(crate) struct Plan {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) backends: Vec<TcpListener>,
}

impl Plan {
    pub(crate) fn new() -> Plan {
        let backends = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let plan = Plan {
            folder: tempfile::tempdir().unwrap(),
            backends,
        };
        plan.write(&plan.text(""));
        std::fs::write(plan.path("token"), "secret\n").unwrap();
        plan
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn address(&self, index: usize) -> SocketAddr {
        self.backends[index].local_addr().unwrap()
    }

    /// A configuration with these further lines for pool web.
    pub(crate) fn text(&self, more: &str) -> String {
        let (one, two) = (self.address(0), self.address(1));
        format!(
            "[listener.web]\nbind = \"127.0.0.1:1\"\npool = \"web\"\n\
             [pool.web]\nbackends = [{{ address = \"{one}\", name = \"one\" }}, \"{two}\"]\n{more}\n\
             [admin]\nsocket = \"control.sock\"\ntoken_file = \"token\"\nstate = \"state\"\n"
        )
    }

    pub(crate) fn write(&self, text: &str) {
        std::fs::write(self.path("evenkeel.toml"), text).unwrap();
    }

    pub(crate) fn start(&self) -> House {
        self.try_start().unwrap()
    }

    pub(crate) fn try_start(&self) -> Result<House, String> {
        let path = self.path("evenkeel.toml");
        let mut config = file::load(&path).map_err(|unusable| unusable.render(false))?;
        config.admin.bind = Some("127.0.0.1:0".parse().unwrap());
        let doors = Arc::new(Memory::default());
        let start = Start {
            config: Arc::new(config),
            source: Source::File(path),
            doors: doors.clone(),
            version: "1.2.3",
            socket: None,
            may_share: false,
            stop_limit: Duration::from_secs(7),
            before_stop: None,
        };
        let (sender, serving) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            let serving = |control, socket: Option<&Path>| sender.send((control, socket.unwrap().to_owned())).unwrap();
            evenkeel_control::run(start, serving).map_err(|failure| failure.to_string())
        });
        match serving.recv_timeout(LONG) {
            Ok((control, socket)) => Ok(House {
                socket,
                tcp: control.admin_address().unwrap(),
                control,
                doors,
                thread: Some(thread),
            }),
            Err(_) => Err(thread.join().unwrap().unwrap_err()),
        }
    }
}

/// A running control plane; stopped when dropped.
pub(crate) struct House {
    pub(crate) control: Arc<Control>,
    pub(crate) socket: PathBuf,
    pub(crate) tcp: SocketAddr,
    pub(crate) doors: Arc<Memory>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl House {
    pub(crate) fn stop(mut self) {
        self.control.stop();
        self.thread.take().unwrap().join().unwrap().unwrap();
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, "", "")
    }

    /// Over the socket, as JSON.
    pub(crate) fn send(&self, method: &str, target: &str, fields: &str, body: &str) -> Answer {
        let head = format!("{method} {target} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{fields}");
        exchange(UnixStream::connect(&self.socket).unwrap(), &head, body)
    }

    /// Over TCP, with these fields only.
    pub(crate) fn send_tcp(&self, method: &str, target: &str, fields: &str, body: &str) -> Answer {
        let head = format!("{method} {target} HTTP/1.1\r\n{fields}");
        exchange(TcpStream::connect(self.tcp).unwrap(), &head, body)
    }

    pub(crate) fn backend(&self, name: &str) -> Value {
        let pool = self.get("/api/v1/pools/web").json();
        let backends = pool["backends"].as_array().unwrap();
        backends
            .iter()
            .find(|backend| backend["name"] == name)
            .cloned()
            .unwrap_or(Value::Null)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.control.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn exchange(mut stream: impl Read + Write, head: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!("{head}connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    // An answer may come before everything was sent.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    Answer {
        status: head[9..12].parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}
