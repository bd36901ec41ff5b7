//! gRPC's own library on both sides, with every kind of call.

use evenkeel_tests::program::Service;
use evenkeel_tests::python::script;

use crate::front::{Front, Outcome, SOON, all_hold, serve};

const CHECK: &str = "check = { grpc = \"test.Kinds\", every = \"100ms\" }";

#[test]
fn every_kind_of_call_without_encryption() -> Outcome {
    let (_server, port) = serve("grpc_server.py", &["g0"])?;
    let front = Front::start(
        "",
        |_| format!("backends = [\"127.0.0.1:{port}\"]\nprotocol = \"h2\"\n{CHECK}"),
        &[],
    )?;
    all_hold(script("grpc_client.py")?.arg(front.plain()))?;
    // The ends of a deadline and of a cancellation were the client's doing; no backend is blamed for anything.
    front.wait_for_backends(|backend| backend["in_flight"] == 0 && backend["usable"] == true)
}

#[test]
fn every_kind_of_call_encrypted_on_both_sides() -> Outcome {
    let scratch = evenkeel_tests::scratch::Scratch::new()?;
    let theirs = evenkeel_tests::certificate::Certificate::make(scratch.path())?;
    let (chain, key) = (theirs.chain.display().to_string(), theirs.key.display().to_string());
    let (_server, port) = serve("grpc_server.py", &["g0", "--tls", &chain, &key])?;
    let front = Front::start(
        "",
        |_| {
            let authority = theirs.authority.display();
            format!(
                "backends = [\"127.0.0.1:{port}\"]\nprotocol = \"h2\"\n\
                 tls = {{ ca = \"{authority}\", server_name = \"localhost\" }}\n{CHECK}"
            )
        },
        &[],
    )?;
    let mut client = script("grpc_client.py")?;
    all_hold(client.arg(front.tls()).args(["--tls", &front.authority(), "localhost"]))
}

#[test]
fn drains_and_reloads_cost_no_call_and_no_stream() -> Outcome {
    let (_first, one) = serve("grpc_server.py", &["g0"])?;
    let (_second, other) = serve("grpc_server.py", &["g1"])?;
    let front = Front::start(
        "",
        |_| {
            format!(
                "backends = [{{ address = \"127.0.0.1:{one}\", name = \"g0\" }}, \
                 {{ address = \"127.0.0.1:{other}\", name = \"g1\" }}]\nprotocol = \"h2\"\n{CHECK}"
            )
        },
        &[],
    )?;
    let mut client = Service::start(script("grpc_client.py")?.arg(front.plain()).arg("--steady"))?;
    assert_eq!(client.line(SOON)?, "steady");
    let file = front.balancer.configuration();
    let text = std::fs::read_to_string(&file)?;
    let mut all_is_well = |when: &str| -> Outcome {
        client.say(&when.replace(' ', "-"))?;
        assert_eq!(client.line(SOON)?, "0 failed []", "{when}");
        Ok(())
    };
    all_is_well("at first")?;
    for name in ["g0", "g1"] {
        front.command(&["drain", &format!("web/{name}")])?;
        all_is_well("while one is drained")?;
        front.command(&["ready", &format!("web/{name}")])?;
        all_is_well("when it is back")?;
    }
    for (from, to) in [
        ("[pool.web]\n", "[pool.web]\nbalance = \"random\"\n"),
        ("[listener.plain]\n", "[listener.plain]\nmax_body_size = \"1GB\"\n"),
        ("[pool.web]\n", "[pool.web]\ntimeouts = { idle = \"30s\" }\n"),
    ] {
        std::fs::write(&file, text.replace(from, to))?;
        front.command(&["reload", "-c", &file.to_string_lossy()])?;
        all_is_well("after a reload")?;
    }
    Ok(())
}

#[test]
fn who_does_not_serve_gets_nothing() -> Outcome {
    let (mut well, first) = serve("grpc_server.py", &["g0"])?;
    let (_sick, second) = serve("grpc_server.py", &["sick"])?;
    let front = Front::start(
        "",
        |_| {
            format!(
                "backends = [{{ address = \"127.0.0.1:{first}\", name = \"g0\" }}, \
                 {{ address = \"127.0.0.1:{second}\", name = \"sick\" }}]\nprotocol = \"h2\"\npanic = \"0%\"\n{CHECK}"
            )
        },
        &["sick"],
    )?;
    front.wait_for_backends(|backend| backend["health"] == if backend["name"] == "sick" { "down" } else { "up" })?;
    all_hold(script("grpc_client.py")?.arg(front.plain()))?;
    for (word, health) in [("sick", "down"), ("well", "up")] {
        well.say(word)?;
        front.wait_for_backends(|backend| backend["name"] == "sick" || backend["health"] == health)?;
    }
    Ok(())
}
