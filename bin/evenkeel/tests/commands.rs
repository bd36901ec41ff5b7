//! The command from outside: exit codes, and what is said where.
#![allow(clippy::unwrap_used)]

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// Far more than anything here needs: only a fault waits so long.
const LONG: Duration = Duration::from_secs(30);

fn evenkeel(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env_remove("EVENKEEL_SOCKET").env("XDG_RUNTIME_DIR", folder);
    command
}

fn output(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = evenkeel(folder, arguments).output().unwrap();
    (
        status.code(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

/// A folder with a good configuration, and the backend that it names.
struct Place {
    folder: tempfile::TempDir,
    backend: TcpListener,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
            backend: TcpListener::bind("127.0.0.1:0").unwrap(),
        };
        place.write("");
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, more: &str) {
        let backend = self.backend.local_addr().unwrap();
        let text = format!(
            "[listener.web]\nbind = \"unix:web.sock\"\npool = \"web\"\n\
             [pool.web]\nbackends = [{{ address = \"{backend}\", name = \"b1\" }}]\n{more}\n\
             [admin]\nsocket = \"control.sock\"\nstate = \"state\"\n"
        );
        std::fs::write(self.path().join("evenkeel.toml"), text).unwrap();
    }

    fn socket(&self) -> PathBuf {
        self.path().join("control.sock")
    }

    fn run(&self) -> Running {
        self.run_by(evenkeel(self.path(), &["run"]))
    }

    fn run_by(&self, mut command: Command) -> Running {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("\"serving\"") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended: {:?}", child.wait());
        }
        // Keeps reading, so that the pipe never fills.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Running(child)
    }
}

struct Running(Child);

impl Running {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn end(mut self) -> ExitStatus {
        let deadline = Instant::now() + LONG;
        loop {
            match self.0.try_wait().unwrap() {
                Some(status) => return status,
                None if Instant::now() > deadline => panic!("it does not end"),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn wrong_usage_is_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["nonsense"][..],
        &[],
        &["drain"],
        &["drain", "web"],
        &["drain", "web/b1", "--wait", "soon"],
        &["proxy"],
        &["proxy", "--to", "not an address"],
        &["proxy", "--to", "127.0.0.1:1", "--check", "healthz"],
        &["demo", "--rate", "0"],
    ] {
        let (code, stdout, stderr) = output(folder.path(), arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stdout.is_empty() && !stderr.is_empty(), "{arguments:?}: {stdout}");
    }
}

#[test]
fn later_commands_say_so() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["top"][..],
        &["deploy", "web", "--each", "ssh {address}"],
        &["upgrade"],
    ] {
        let (code, _, stderr) = output(folder.path(), arguments);
        assert_eq!(code, Some(1), "{arguments:?}");
        assert!(stderr.contains("not in this version yet"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn check_says_everything_at_once() {
    let place = Place::new();
    let (code, stdout, _) = output(place.path(), &["check"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("evenkeel.toml: good"), "{stdout}");
    assert_eq!(output(place.path(), &["check", "--json"]).1.trim(), "[]");

    place.write("blance = \"random\"\nsticky = 7");
    let (code, stdout, stderr) = output(place.path(), &["check"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.contains("evenkeel.toml:6:1: error:") && stderr.contains("evenkeel.toml:7:"),
        "{stderr}"
    );
    assert!(stderr.contains("did you mean `balance`?"), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
    let (code, stdout, _) = output(place.path(), &["check", "--json", "-c", "evenkeel.toml"]);
    let problems: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, problems[0]["line"].as_u64()), (Some(1), Some(6)));
    assert_eq!(output(place.path(), &["run"]).0, Some(1));
    assert_eq!(output(place.path(), &["check", "-c", "missing.toml"]).0, Some(1));
}

#[test]
fn without_a_balancer_it_is_said_where_it_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere.sock");
    let nowhere = nowhere.to_str().unwrap();
    for command in [&["status"][..], &["reload"], &["drain", "web/b1"]] {
        let (code, stdout, stderr) = output(folder.path(), &[&["--socket", nowhere], command].concat());
        assert_eq!((code, stdout.as_str()), (Some(1), ""));
        assert!(stderr.contains(nowhere) && stderr.contains("evenkeel run"), "{stderr}");
    }
    let by_environment = evenkeel(folder.path(), &["status"])
        .env("EVENKEEL_SOCKET", nowhere)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&by_environment.stderr).contains(nowhere));
}

#[test]
fn a_broken_file_keeps_nobody_from_the_balancer() {
    let place = Place::new();
    let running = place.run();
    let file = place.path().join("evenkeel.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    for broken in [
        format!("{good}x = 1\n"),
        format!("x = \n{good}"),
        good.replace("[pool.web]", "[pool.web"),
    ] {
        std::fs::write(&file, broken).unwrap();
        assert_eq!(output(place.path(), &["status"]).0, Some(0));
        assert_eq!(output(place.path(), &["drain", "web/b1"]).0, Some(0));
        let (code, _, stderr) = output(place.path(), &["reload"]);
        assert_eq!(code, Some(1));
        assert!(
            stderr.contains("evenkeel.toml:") && stderr.contains(": error: "),
            "{stderr}"
        );
    }
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0));
    // Now there is none; but whether that is so only a good file could tell.
    let named = &["status", "--socket", "control.sock"];
    for command in [&["status"][..], named, &["drain", "web/b1"], &["reload"]] {
        let (code, _, stderr) = output(place.path(), command);
        assert_eq!(code, Some(1));
        assert!(
            stderr.contains("control.sock") && stderr.contains("1 error"),
            "{stderr}"
        );
        assert!(!stderr.contains("evenkeel run"), "{stderr}");
        assert_eq!(stderr.contains(": error: "), command == ["reload"], "{stderr}");
    }
}

#[test]
fn help_and_version_are_commands_too() {
    let folder = tempfile::tempdir().unwrap();
    let (code, version, _) = output(folder.path(), &["version"]);
    assert_eq!(
        (code, version.as_str()),
        (Some(0), output(folder.path(), &["--version"]).1.as_str())
    );
    assert_eq!(version.trim_end(), concat!("evenkeel ", env!("CARGO_PKG_VERSION")));
    assert_eq!(output(folder.path(), &["help"]), output(folder.path(), &["--help"]));
    let (code, help, _) = output(folder.path(), &["help", "drain"]);
    assert_eq!(code, Some(0));
    assert!(help.contains("--wait") && help.contains("30s"), "{help}");
    assert!(!output(folder.path(), &["help", "proxy"]).1.contains("Dashboard"));
}

#[test]
fn check_takes_a_name_or_standard_input() {
    let place = Place::new();
    let file = place.path().join("evenkeel.toml");
    let other = place.path().join("other.toml");
    std::fs::rename(&file, &other).unwrap();
    assert_eq!(output(place.path(), &["check"]).0, Some(1));
    let (code, stdout, _) = output(place.path(), &["check", "other.toml"]);
    assert_eq!(
        (code, stdout.as_str()),
        (Some(0), "other.toml: good (1 listener, 1 pool)\n")
    );
    assert_eq!(
        output(place.path(), &["check", "other.toml", "-c", "other.toml"]).0,
        Some(2)
    );
    for arguments in [&["check", "-"][..], &["check", "-c", "-"]] {
        let from_stdin = |path: &Path| {
            let mut command = evenkeel(place.path(), arguments);
            command.stdin(std::fs::File::open(path).unwrap()).output().unwrap()
        };
        assert_eq!(from_stdin(&other).status.code(), Some(0));
        let broken = place.path().join("broken.toml");
        std::fs::write(&broken, "x = 1").unwrap();
        let Output { status, stderr, .. } = from_stdin(&broken);
        assert_eq!(status.code(), Some(1));
        let stderr = String::from_utf8(stderr).unwrap();
        assert!(stderr.contains("stdin:1:1: error:"), "{stderr}");
    }
}

#[test]
fn schema_and_completions_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, _) = output(folder.path(), &["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, Some(0));
    assert!(schema["properties"]["pool"].is_object(), "{stdout}");
    for shell in ["bash", "zsh", "fish"] {
        let (code, stdout, _) = output(folder.path(), &["completions", shell]);
        assert_eq!(code, Some(0));
        assert!(stdout.contains("evenkeel"), "{shell}");
    }
}

#[test]
fn a_running_balancer_is_operated() {
    let place = Place::new();
    let running = place.run();
    let (code, stdout, stderr) = output(place.path(), &["status"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stdout.contains("pool web") && stdout.contains("checks pass") && !stdout.contains('\u{1b}'),
        "{stdout}"
    );
    let (_, stdout, _) = output(place.path(), &["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(status["pools"][0]["backends"][0]["name"], "b1");

    let address = place.backend.local_addr().unwrap();
    let (code, stdout, _) = output(place.path(), &["drain", &format!("web/{address}"), "--wait", "20s"]);
    assert_eq!(
        (code, stdout.as_str()),
        (
            Some(0),
            &*format!("web/{address} is in drain and has no request left\n")
        )
    );
    assert_eq!(output(place.path(), &["maintain", "web/b1"]).0, Some(0));
    let (code, stdout, _) = output(place.path(), &["ready", "web/b1", "--wait", "20s"]);
    assert_eq!((code, stdout.as_str()), (Some(0), "web/b1 is ready and usable\n"));
    let (code, _, stderr) = output(place.path(), &["drain", "web/b2"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("did you mean \"b1\"?"), "{stderr}");

    place.write("balance = \"random\"");
    let (code, stdout, _) = output(place.path(), &["reload"]);
    assert_eq!(
        (code, stdout.as_str()),
        (Some(0), "reloaded:\n  pool web: changed balance\n")
    );
    place.write("blance = \"random\"");
    let control = place.socket();
    let (code, _, stderr) = output(place.path(), &["reload", "--socket", control.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("nothing was changed") && stderr.contains(":6:1: error:"),
        "{stderr}"
    );
    drop(running);
}

#[test]
fn signals_reload_and_stop() {
    let place = Place::new();
    let running = place.run();
    place.write("balance = \"random\"");
    // What others reload by is no reason to die.
    running.signal(Signal::USR1);
    running.signal(Signal::USR2);
    running.signal(Signal::HUP);
    let deadline = Instant::now() + LONG;
    while !output(place.path(), &["status"]).1.contains("random") {
        assert!(Instant::now() < deadline, "it does not reload");
    }
    let (code, _, stderr) = output(place.path(), &["run"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("already running (process"), "{stderr}");
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0));
    assert!(!place.socket().exists());
    // A second life finds the socket's place free, and after a hard end it takes over what is left.
    let running = place.run();
    running.signal(Signal::KILL);
    running.end();
    assert!(place.socket().exists());
    let running = place.run();
    running.signal(Signal::INT);
    assert_eq!(running.end().code(), Some(0));
}

#[test]
fn systemd_is_told() {
    let place = Place::new();
    let path = place.path().join("notify.sock");
    let notify = UnixDatagram::bind(&path).unwrap();
    notify.set_read_timeout(Some(LONG)).unwrap();
    let told = || {
        let mut buffer = [0; 1024];
        let length = notify.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let mut command = evenkeel(place.path(), &["run"]);
    command.env("NOTIFY_SOCKET", &path);
    let running = place.run_by(command);
    assert!(told().contains("READY=1\n"));
    running.signal(Signal::HUP);
    let reloading = told();
    assert!(
        reloading.contains("RELOADING=1\n") && reloading.contains("MONOTONIC_USEC="),
        "{reloading}"
    );
    assert!(told().contains("READY=1\nSTATUS=serving 1 listener and 1 pool\n"));
    place.write("blance = 1");
    running.signal(Signal::HUP);
    assert!(told().contains("RELOADING=1\n"));
    let refused = told();
    assert!(
        refused.contains("READY=1\nSTATUS=serving; the last reload was refused: ") && refused.contains("1 error"),
        "{refused}"
    );
    running.signal(Signal::TERM);
    assert!(told().contains("STOPPING=1\n"));
    assert_eq!(running.end().code(), Some(0));
}

#[test]
fn systemd_sees_that_it_lives() {
    let place = Place::new();
    let name = format!("evenkeel-commands-{}", std::process::id());
    let notify = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    notify.set_read_timeout(Some(LONG)).unwrap();
    let mut command = evenkeel(place.path(), &["run"]);
    command
        .env("NOTIFY_SOCKET", format!("@{name}"))
        .env("WATCHDOG_USEC", "20000");
    let running = place.run_by(command);
    let (mut signs, mut ready) = (0, false);
    while signs < 3 || !ready {
        let mut buffer = [0; 1024];
        let length = notify.recv(&mut buffer).unwrap();
        signs += usize::from(&buffer[..length] == b"WATCHDOG=1\n");
        ready |= buffer[..length].starts_with(b"READY=1\n");
    }
    drop(running);
}

/// Demos look for the same free ports: one at a time, however many processes run tests. It ends with the file that is
/// returned.
fn alone() -> File {
    let file = File::create(std::env::temp_dir().join("evenkeel-demo-tests.lock")).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn the_demo_balances_and_ends() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = output(folder.path(), &["demo", "--for", "2s", "--rate", "30"]);
    assert_eq!(code, Some(0), "{stderr}");
    let words: Vec<&str> = stdout.split_whitespace().collect();
    let answers = words.windows(2).rev().find(|pair| pair[1] == "answers").unwrap()[0];
    assert!(answers.parse::<u32>().unwrap() > 0, "{stdout}");
    assert!(stdout.contains(" and 0 errors."), "{stdout}");
}

#[test]
fn the_demo_ends_its_clients_before_what_they_talk_to() {
    let _alone = alone();
    for signal in [Signal::INT, Signal::TERM] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = evenkeel(folder.path(), &["demo", "--rate", "400"]);
        // A terminal's Ctrl-C reaches every process of the group, the backends too.
        let mut demo = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
        let group = Pid::from_child(&demo);
        let mut lines = BufReader::new(demo.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let busy = |line: &String| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words
                .windows(2)
                .any(|pair| pair[1] == "answers," && pair[0].parse().is_ok_and(|count: u32| count > 100))
        };
        assert!(lines.by_ref().any(|line| busy(&line)), "no traffic");
        kill_process_group(group, signal).unwrap();
        let last: Vec<String> = lines.collect();
        assert!(demo.wait().unwrap().success(), "{last:?}");
        assert!(last.iter().any(|line| line.contains(" and 0 errors.")), "{last:?}");
    }
}
