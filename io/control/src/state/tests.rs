use super::*;
use evenkeel_model::{Backend, BackendAddress, Pool};
use evenkeel_pool::Saved;

fn file(folder: &Path) -> StateFile {
    let configuration = folder.join("evenkeel.toml");
    std::fs::write(&configuration, "").unwrap();
    StateFile::open(Some(&folder.join("state")), &configuration).unwrap()
}

fn kept() -> Vec<Kept> {
    let backend = Backend::new(BackendAddress::Tcp("10.0.0.1:80".parse().unwrap()));
    let pool = Pool::new("web", vec![backend]);
    let heart = evenkeel_pool::Heart::new(&pool, None, 1, clock::now());
    vec![Kept {
        saved: heart.saved(),
        pool: Arc::new(pool),
    }]
}

#[test]
fn comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    assert!(file.load().is_empty());
    file.save(kept()).unwrap();
    assert_eq!(
        file.load(),
        BTreeMap::from([("web".to_owned(), kept().remove(0).saved)])
    );
    let files: Vec<_> = std::fs::read_dir(folder.path().join("state")).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[test]
fn what_cannot_be_understood_is_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    file.save(kept()).unwrap();
    let good = std::fs::read_to_string(&file.path).unwrap();
    let foreign = [
        good[..good.len() / 2].to_owned(),
        String::new(),
        "null".to_owned(),
        "\u{0}\u{1}".to_owned(),
        good.replace("\"format\": 1", "\"format\": 2"),
        good.replace("evenkeel.toml", "other.toml"),
    ];
    for text in foreign {
        std::fs::write(&file.path, &text).unwrap();
        assert_eq!(file.load(), BTreeMap::<String, Saved>::new(), "{text}");
        assert!(!file.path.exists());
        assert_eq!(
            std::fs::read_to_string(file.path.with_extension("json.unreadable")).unwrap(),
            text
        );
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("evenkeel.toml");
    std::fs::write(&configuration, "").unwrap();
    let error = StateFile::open(Some(&configuration), &configuration).unwrap_err();
    assert!(
        error.to_string().starts_with(configuration.to_str().unwrap()),
        "{error}"
    );
    let folders = vec![configuration.join("a"), configuration.join("b")];
    let error = first_usable(folders).unwrap_err().to_string();
    assert!(
        error.contains("evenkeel.toml/a: ") && error.contains("evenkeel.toml/b: "),
        "{error}"
    );
}

#[test]
fn each_configuration_has_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut paths = Vec::new();
    for name in ["a", "b"] {
        let inner = folder.path().join(name);
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("evenkeel.toml"), "").unwrap();
        paths.push(
            StateFile::open(Some(&state), &inner.join("evenkeel.toml"))
                .unwrap()
                .path,
        );
        // The same file by another way is the same.
        let other_way = inner.join("../").join(name).join("evenkeel.toml");
        assert_eq!(
            &StateFile::open(Some(&state), &other_way).unwrap().path,
            paths.last().unwrap()
        );
    }
    assert_ne!(paths[0], paths[1]);
}
