use super::*;

#[tokio::test]
async fn made_private_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evenkeel.sock");
    let (listener, file) = listen(&path).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    UnixStream::connect(&path).await.unwrap();
    drop((listener, file));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_living_process_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evenkeel.sock");
    let (_listener, _file) = listen(&path).await.unwrap();
    let error = listen(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert_eq!(
        error.to_string(),
        format!("already running (process {})", std::process::id())
    );
}

#[tokio::test]
async fn a_dead_process_loses_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evenkeel.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let (_listener, _file) = listen(&path).await.unwrap();
    UnixStream::connect(&path).await.unwrap();
}

#[tokio::test]
async fn other_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evenkeel.sock");
    std::fs::write(&path, "precious").unwrap();
    assert_eq!(listen(&path).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_successor_keeps_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evenkeel.sock");
    let (listener, first) = listen(&path).await.unwrap();
    drop(listener);
    let (_listener, _second) = listen(&path).await.unwrap();
    drop(first);
    assert!(path.exists());
}
