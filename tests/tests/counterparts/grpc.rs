//! gRPC's own library on both sides, with every kind of call.

use evenkeel_tests::python::script;

use crate::front::{Front, Outcome, all_hold, serve};

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
