//! WebSocket by an independent library on both sides, over either version of HTTP.

use std::fmt::Write as _;

use evenkeel_tests::program::Service;
use evenkeel_tests::python::script;

use crate::front::{Front, Outcome, SOON, all_hold, serve, wait_for};

/// A server, and a balancer in front of it.
fn start() -> Result<(Service, Front), Box<dyn std::error::Error>> {
    let (server, port) = serve("websocket_server.py", &["ws0"])?;
    let front = Front::start(
        "",
        |_| format!("backends = [{{ address = \"127.0.0.1:{port}\", name = \"ws0\" }}]"),
        &[],
    )?;
    Ok((server, front))
}

#[test]
fn over_http_1() -> Outcome {
    let (_server, front) = start()?;
    all_hold(script("websocket_client.py")?.arg(format!("ws://{}", front.plain())))?;
    front.wait_for_backends(|backend| backend["in_flight"] == 0)
}

#[test]
fn over_http_1_and_tls() -> Outcome {
    let (_server, front) = start()?;
    all_hold(
        script("websocket_client.py")?
            .arg(format!("wss://{}", front.tls()))
            .arg(front.authority()),
    )
}

#[test]
fn over_http_2() -> Outcome {
    let (_server, front) = start()?;
    all_hold(script("websocket_over_h2.py")?.arg(front.plain()))?;
    front.wait_for_backends(|backend| backend["in_flight"] == 0)
}

#[test]
fn over_http_2_and_tls() -> Outcome {
    let (_server, front) = start()?;
    all_hold(
        script("websocket_over_h2.py")?
            .arg(front.tls())
            .args([&front.authority(), "localhost"]),
    )
}

/// A client that stays, in each way.
fn stay(name: &str, arguments: &[&str]) -> Result<Service, Box<dyn std::error::Error>> {
    let service = Service::start(script(name)?.args(arguments).arg("stay"))?;
    assert_eq!(service.line(SOON)?, "open");
    Ok(service)
}

#[test]
fn a_conversation_that_is_silent_for_too_long_is_ended() -> Outcome {
    let (_server, port) = serve("websocket_server.py", &["ws0"])?;
    let limit = "timeouts = { tunnel = \"200ms\" }";
    let front = Front::start(limit, |_| format!("backends = [\"127.0.0.1:{port}\"]"), &[])?;
    let _clients = [
        stay("websocket_client.py", &[&format!("ws://{}", front.plain())])?,
        stay("websocket_over_h2.py", &[&front.plain()])?,
    ];
    // The line of a conversation is written when it ends.
    wait_for(|| Ok(front.log()?.iter().filter(|line| line["status"] == 101).count() == 2))
        .map_err(|error| format!("{error}: {:?}", front.log()))?;
    front.wait_for_backends(|backend| backend["in_flight"] == 0)
}

#[test]
fn a_drain_and_reloads_leave_conversations_alone() -> Outcome {
    let (_server, front) = start()?;
    let authority = front.authority();
    let mut clients = [
        stay("websocket_client.py", &[&format!("ws://{}", front.plain())])?,
        stay("websocket_client.py", &[&format!("wss://{}", front.tls()), &authority])?,
        stay("websocket_over_h2.py", &[&front.plain()])?,
        stay("websocket_over_h2.py", &[&front.tls(), &authority, "localhost"])?,
    ];
    let mut word = String::from("w");
    let mut all_answer = |when: &str| -> Outcome {
        for client in &mut clients {
            // Another word each time, so that no old echo is taken for a new one.
            write!(word, "{}", when.len())?;
            client.say(&word)?;
            assert_eq!(client.line(SOON)?, word, "{when}");
        }
        Ok(())
    };
    all_answer("at first")?;
    front.command(&["drain", "web/ws0"])?;
    front.wait_for_backends(|backend| backend["state"] == "drain")?;
    all_answer("while their backend is drained")?;
    front.command(&["ready", "web/ws0"])?;
    let file = front.balancer.configuration();
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(
        &file,
        text.replace("[pool.web]\n", "[pool.web]\nbalance = \"random\"\n"),
    )?;
    front.command(&["reload", "-c", &file.to_string_lossy()])?;
    all_answer("after a reload that changes their pool")?;
    std::fs::write(
        &file,
        text.replace("pool = \"web\"\n", "pool = \"web\"\nmax_body_size = \"1MB\"\n"),
    )?;
    front.command(&["reload", "-c", &file.to_string_lossy()])?;
    all_answer("after a reload that changes their listener")
}
