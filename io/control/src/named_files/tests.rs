use super::*;

fn complaints(folder: &Path, listener: &str, pool: &str) -> Vec<String> {
    let text = format!(
        "[listener.web]\nbind = ':8080'\npool = 'app'\n{listener}\n[pool.app]\nbackends = ['127.0.0.1:1']\n{pool}\n"
    );
    let config = evenkeel_config::parse(&text, folder).unwrap();
    let problems = evenkeel_config::complain(&text, &examine(&config));
    let shown = |problem: &evenkeel_config::Problem| {
        let message = problem.message.replace(&folder.display().to_string(), "FOLDER");
        format!("{}:{}: {message}", problem.line, problem.column)
    };
    problems.list.iter().map(shown).collect()
}

#[test]
fn a_secret_must_be_there_and_long_enough() {
    let folder = tempfile::tempdir().unwrap();
    let with = |name: &str| complaints(folder.path(), "", &format!("sticky = {{ secret_file = '{name}' }}"));
    assert_eq!(with("none"), ["7:26: there is no file FOLDER/none"]);
    std::fs::write(folder.path().join("short"), "fifteen bytes !\n").unwrap();
    assert_eq!(
        with("short"),
        ["7:26: FOLDER/short: a secret has 16 to 4096 bytes, this has 15"]
    );
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    assert!(with("folder")[0].contains("FOLDER/folder cannot be read"));
    std::fs::write(folder.path().join("good"), "sixteen bytes !!\n").unwrap();
    assert!(with("good").is_empty());
}

#[test]
fn a_log_needs_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let with = |path: &str| complaints(folder.path(), &format!("access_log = '{path}'"), "");
    assert_eq!(with("none/access.log"), ["4:14: there is no folder FOLDER/none"]);
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    assert_eq!(with("logs"), ["4:14: FOLDER/logs is a folder"]);
    assert!(with("logs/access.log").is_empty());
    assert!(with("access.log").is_empty());
    assert!(with("stdout").is_empty());
}
