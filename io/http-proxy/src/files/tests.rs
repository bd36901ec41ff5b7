use super::double::Hang;
use crate::server::Server;
use crate::setup::Setup;
use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);
const LARGE: usize = 3 * 1024 * 1024;

/// One worker that serves a directory.
struct House {
    directory: PathBuf,
    server: Server,
}

impl House {
    fn open(name: &str) -> House {
        let directory = std::env::temp_dir().join(format!("evenkeel-files-{name}-{}", std::process::id()));
        fs::create_dir_all(directory.join("www")).unwrap();
        let text = "[listener.web]\nbind = \"unix:socket\"\n[[listener.web.route]]\npath = \"/*\"\nfiles = { root = \"www\" }\n";
        let config = evenkeel_config::parse(text, &directory).unwrap();
        let server = Server::start(1, Arc::new(|_: &str| {})).unwrap();
        let setup = Setup {
            config: Arc::new(config),
            pools: Vec::new(),
            listener_tls: HashMap::new(),
            pool_tls: HashMap::new(),
        };
        server.apply(setup).unwrap();
        House { directory, server }
    }

    fn write(&self, name: &str, content: &[u8]) -> fs::File {
        let path = self.directory.join("www").join(name);
        fs::write(&path, content).unwrap();
        fs::File::open(path).unwrap()
    }

    fn ask(&self, path: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.directory.join("socket")).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// The content of the answer.
    fn get(&self, path: &str) -> Vec<u8> {
        content(self.ask(path))
    }

    fn waiting(&self) -> bool {
        let mut metrics = String::new();
        self.server.write_metrics(&mut metrics);
        metrics.contains("\nevenkeel_disk_waiting 1\n")
    }

    fn until_one_waits(&self) {
        let deadline = Instant::now() + SOON;
        while !self.waiting() {
            assert!(Instant::now() < deadline, "nobody waits for the disk");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn content(mut stream: UnixStream) -> Vec<u8> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    answer.split_off(head + 4)
}

#[test]
fn a_read_that_hangs_keeps_nobody_else_waiting() {
    let house = House::open("hangs");
    let large: Vec<u8> = (0..LARGE).map(|at| (at / 5) as u8).collect();
    let hanging = Hang::begin(house.write("hung", &large).as_fd());
    house.write("large", &large);
    house.write("small", b"small");
    let hung = house.ask("/hung");
    house.until_one_waits();
    // On the one worker that there is.
    assert_eq!(house.get("/small"), b"small");
    assert!(house.get("/large") == large);
    assert!(house.waiting());
    drop(hanging);
    assert!(content(hung) == large);
    assert!(!house.waiting());
}

#[test]
fn who_leaves_waits_no_longer() {
    let house = House::open("leaves");
    let hanging = Hang::begin(house.write("hung", &[7; LARGE]).as_fd());
    let hung = house.ask("/hung");
    house.until_one_waits();
    drop(hung);
    let deadline = Instant::now() + SOON;
    while house.waiting() {
        assert!(Instant::now() < deadline, "it waits for ever");
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(hanging);
    assert!(house.get("/hung") == [7; LARGE]);
}

#[test]
fn a_file_that_is_cut_while_its_disk_hangs_is_not_sent_as_if_it_were_whole() {
    let house = House::open("cut");
    let file = house.write("hung", &[7; LARGE]);
    let hanging = Hang::begin(file.as_fd());
    let mut hung = house.ask("/hung");
    house.until_one_waits();
    fs::File::options()
        .write(true)
        .open(house.directory.join("www/hung"))
        .unwrap()
        .set_len(1000)
        .unwrap();
    drop(hanging);
    let mut answer = Vec::new();
    // A reset, or an end before the length that was promised.
    let _ = hung.read_to_end(&mut answer);
    assert!(answer.len() < LARGE);
}
