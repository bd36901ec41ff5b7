use super::*;

fn received(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 64];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn paths_and_abstract_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    send(path.as_os_str(), "READY=1\n").unwrap();
    assert_eq!(received(&socket), "READY=1\n");

    let name = format!("evenkeel-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    send(OsStr::new(&format!("@{name}")), "READY=1\n").unwrap();
    assert_eq!(received(&socket), "READY=1\n");

    assert!(send(OsStr::new("@evenkeel-test-nobody"), "READY=1\n").is_err());
}
