//! Configurations that change under load.

use std::io;
use std::path::Path;

use evenkeel_tests::load::{Load, Plan};

use crate::house::{House, Outcome, SOON, alone, list, open_files, wait_for};

const NAMES: [&str; 4] = ["b0", "b1", "b2", "b3"];
const CLIENTS: usize = 16;

#[test]
fn ten_reloads_cost_no_request_and_no_connection() -> Outcome {
    let _alone = alone();
    let house = House::start(&NAMES, "", "")?;
    house.wait_until_usable()?;
    let kept = Load::start(Plan {
        post_every: 4,
        ..Plan::gets(house.address(), CLIENTS)
    });
    let fresh = Load::start(Plan {
        closing: true,
        ..Plan::gets(house.address(), 4)
    });
    for round in 0..10 {
        assert!(
            kept.go_on(200, SOON) && fresh.go_on(50, SOON),
            "traffic flows in round {round}"
        );
        house.balancer.write_configuration(&configuration(&house, round))?;
        if round % 2 == 0 {
            house.balancer.signal("HUP")?;
        } else {
            let printed = house.reload()?;
            assert!(printed.contains("reloaded:\n"), "{printed}");
        }
        wait_for(|| Ok(backends(&house)? == expected(round)))?;
    }
    assert!(
        kept.go_on(200, SOON) && fresh.go_on(50, SOON),
        "traffic flows after the last"
    );
    let (kept, fresh) = (kept.stop(), fresh.stop());
    assert!(kept.get_failures.is_empty(), "{:#?}", kept.get_failures);
    assert!(fresh.get_failures.is_empty(), "{:#?}", fresh.get_failures);
    assert_eq!(kept.posts_with(200), kept.posts.len(), "{:?}", kept.posts);
    assert_eq!(
        kept.connections as usize, CLIENTS,
        "every connection was kept through all reloads"
    );
    assert_eq!(
        kept.by_body.keys().collect::<Vec<_>>(),
        NAMES,
        "everybody had work at some time"
    );
    Ok(())
}

#[test]
fn a_bad_file_changes_nothing() -> Outcome {
    let house = House::start(&NAMES[..1], "", "")?;
    house.wait_until_usable()?;
    let before = backends(&house)?;
    house.reconfigure("[pool.web]", "[pool.web]\nbalance = \"rond-robin\"")?;
    let file = house.balancer.configuration();
    let output = house.balancer.command(&["reload", "-c", &file.to_string_lossy()])?;
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("did you mean") && message.contains("round-robin"),
        "{message}"
    );
    assert_eq!(backends(&house)?, before);
    assert_eq!(house.status()?["config"]["last_reload_success"], false);
    assert_eq!(house.metrics()?.sum("evenkeel_config_last_reload_success", &[]), 0.0);
    assert_eq!(house.body("/")?, "b0");
    house.reconfigure("balance = \"rond-robin\"", "balance = \"round-robin\"")?;
    house.reload()?;
    assert_eq!(house.metrics()?.sum("evenkeel_config_last_reload_success", &[]), 1.0);
    Ok(())
}

#[test]
fn a_removed_listener_ends_its_kept_connections_after_their_request() -> Outcome {
    let house = House::start(&["b0"], "", "")?;
    let socket = house.balancer.directory().join("second.sock");
    let second = format!(
        "[listener.second]\nbind = \"unix:{}\"\npool = \"web\"\n",
        socket.display()
    );
    house.reconfigure("[pool.web]", &format!("{second}\n[pool.web]"))?;
    house.reload()?;
    let mut client = second_client(&socket)?;
    assert!(converse(&mut client)?.starts_with("HTTP/1.1 200 "));
    let mut other = house.connect()?;
    crate::house::ask(&mut other, "/")?;
    house.reconfigure(&second, "")?;
    house.reload()?;
    // The idle one is ended, that of the listener that stayed is not.
    assert_eq!(io::Read::read(&mut client, &mut [0; 16])?, 0);
    assert_eq!(crate::house::ask(&mut other, "/")?.status, 200);
    Ok(())
}

#[test]
fn nobody_who_waits_is_forgotten_when_caps_change() -> Outcome {
    let _alone = alone();
    let house = House::start(&NAMES[..2], "", "max_connections = 1\nqueue = { timeout = \"60s\" }")?;
    house.wait_until_usable()?;
    let load = Load::start(Plan {
        target: Some("/slow?ms=2"),
        ..Plan::gets(house.address(), CLIENTS)
    });
    let mut now = "max_connections = 1";
    for next in [
        "max_connections = 3",
        "max_connections = 1000",
        "max_connections = 2",
        "max_connections = 1",
    ]
    .iter()
    .cycle()
    .take(12)
    {
        assert!(load.go_on(60, SOON), "with {now}");
        house.reconfigure(now, next)?;
        house.reload()?;
        now = next;
    }
    for name in ["b0", "b1"] {
        house.command(&["drain", &format!("web/{name}"), "--wait", "20s"])?;
        assert!(load.go_on(60, SOON), "while {name} is drained");
        house.command(&["ready", &format!("web/{name}"), "--wait", "20s"])?;
    }
    let flows = load.go_on(60, SOON);
    let tally = load.stop();
    assert!(flows && tally.get_failures.is_empty(), "{:#?}", tally.get_failures);
    house.wait_until_quiet()?;
    assert_eq!(house.status()?["pools"][0]["queued"], 0);
    Ok(())
}

#[test]
fn reloads_leave_nothing_behind() -> Outcome {
    let house = House::start(&["b0"], "", "")?;
    house.wait_until_usable()?;
    let pid = house.balancer.pid();
    let threads =
        || -> Result<usize, Box<dyn std::error::Error>> { Ok(std::fs::read_dir(format!("/proc/{pid}/task"))?.count()) };
    let plain = std::fs::read_to_string(house.balancer.configuration())?;
    let directory = house.balancer.directory().display().to_string();
    let rich = format!(
        "{plain}\n[listener.second]\nbind = \"unix:{directory}/second.sock\"\npool = \"other\"\n\
         access_log = \"{directory}/second.log\"\n[pool.other]\nbackends = [\"127.0.0.1:9\"]\n"
    );
    let mut before = (0, 0);
    for round in 0..12 {
        std::fs::write(house.balancer.configuration(), &rich)?;
        house.reload()?;
        std::fs::write(house.balancer.configuration(), &plain)?;
        house.reload()?;
        if round == 1 {
            before = (open_files(pid)?, threads()?);
        }
    }
    // The control plane may keep a thread or a connection a while; twelve of them would be a leak.
    wait_for(|| Ok(open_files(pid)? <= before.0 + 3 && threads()? <= before.1 + 3))
        .map_err(|error| format!("{error}: {before:?} became {:?}", (open_files(pid), threads())).into())
}

#[test]
fn an_address_that_goes_to_another_listener_loses_nobody_who_comes() -> Outcome {
    let house = House::start(&["b0", "b1"], "", "")?;
    house.wait_until_usable()?;
    let fresh = Load::start(Plan {
        closing: true,
        ..Plan::gets(house.address(), 4)
    });
    for (from, to) in [("web", "other"), ("other", "third"), ("third", "web")] {
        assert!(fresh.go_on(100, SOON));
        house.reconfigure(&format!("[listener.{from}]"), &format!("[listener.{to}]"))?;
        house.reload()?;
    }
    assert!(fresh.go_on(100, SOON));
    let fresh = fresh.stop();
    assert!(fresh.get_failures.is_empty(), "{:#?}", fresh.get_failures);
    // Nobody came between two reloads: the next ones still find the new listener.
    for name in ["fourth", "fifth"] {
        house.reconfigure("[listener.", &format!("[listener.{name}-"))?;
        house.reload()?;
    }
    for _ in 0..16 {
        house.body("/")?;
    }
    let log = house.access_log(0)?;
    assert_eq!(
        log.last().map(|line| &line["listener"]),
        Some(&"fifth-fourth-web".into())
    );
    Ok(())
}

fn second_client(socket: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    let client = std::os::unix::net::UnixStream::connect(socket)?;
    client.set_read_timeout(Some(SOON))?;
    Ok(client)
}

fn converse(client: &mut std::os::unix::net::UnixStream) -> io::Result<String> {
    use io::{Read, Write};
    client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while !answer.ends_with(b"\r\n\r\nb0") {
        match client.read(&mut buffer)? {
            0 => break,
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Each round one other backend is missing, and a second listener comes and goes and changes.
fn configuration(house: &House, round: usize) -> String {
    let port = house.address().port();
    let all = list(&house.backends);
    let missing = list(std::slice::from_ref(&house.backends[round % NAMES.len()]));
    let backends = all.replace(&missing, "");
    let socket = house.balancer.directory().join("second.sock");
    let second = match round % 3 {
        0 => String::new(),
        odd => format!(
            "[listener.second]\nbind = \"unix:{}\"\npool = \"web\"\nmax_connections = {odd}00\n",
            socket.display()
        ),
    };
    let header = 1 + round;
    format!(
        "[listener.web]\nbind = \"127.0.0.1:{port}\"\npool = \"web\"\ntimeouts = {{ header = \"{header}s\" }}\n\
         {second}[pool.web]\nbackends = [{backends}]\n"
    )
}

fn expected(round: usize) -> Vec<String> {
    let missing = NAMES[round % NAMES.len()];
    NAMES
        .iter()
        .filter(|name| **name != missing)
        .map(ToString::to_string)
        .collect()
}

/// Who belongs to the pool: those who leave only finish what they have.
fn backends(house: &House) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let status = house.status()?;
    let backends = status["pools"][0]["backends"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> = backends
        .iter()
        .filter(|backend| backend["leaving"] == false)
        .filter_map(|backend| backend["name"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}
