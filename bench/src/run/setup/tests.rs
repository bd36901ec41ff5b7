use super::super::scenario;
use super::*;

/// Every configuration of every scenario, with what it was made for.
fn all() -> Vec<(Door, [String; 3])> {
    let directory = Directory::create().expect("there is room for a directory");
    let backends = [
        SocketAddr::from(([127, 0, 0, 1], 9001)),
        SocketAddr::from(([127, 0, 0, 1], 9002)),
    ];
    let scenarios = scenario::of_a_whole_run().into_iter();
    scenarios
        .map(|scenario| {
            let setup = Setup {
                listen: SocketAddr::from(([127, 0, 0, 1], 9000)),
                backends: &backends,
                scenario,
                directory: &directory,
            };
            let texts = [setup.evenkeel(), setup.haproxy(false), setup.nginx("least_conn")];
            (scenario.door, texts)
        })
        .collect()
}

#[test]
fn every_word_is_filled_in() {
    for (door, texts) in all() {
        for text in texts {
            let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            let left: Vec<&str> = lines.filter(|line| line.contains('@')).collect();
            assert!(left.is_empty(), "{door:?}: {left:?}");
            assert!(text.contains("127.0.0.1:9000"), "{door:?}: {text}");
        }
    }
}

#[test]
fn the_certificate_is_shown_where_clients_speak_tls_and_nowhere_else() {
    for (door, texts) in all() {
        for text in texts {
            assert_eq!(text.contains("/bench.pem"), door.is_encrypted(), "{door:?}: {text}");
        }
    }
}

#[test]
fn files_are_served_without_backends() {
    for (door, [evenkeel, _, nginx]) in all() {
        let is_files = door.is_files();
        assert_eq!(evenkeel.contains("files = "), is_files, "{door:?}: {evenkeel}");
        assert_eq!(nginx.contains("proxy_pass"), !is_files, "{door:?}: {nginx}");
    }
}
