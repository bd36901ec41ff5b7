use super::*;

const TIME: Duration = Duration::from_millis(1_709_210_096_007);

#[test]
fn text_names_time_level_and_fields() {
    let line = text(
        TIME,
        LogLevel::Warn,
        "backend is down",
        &[("pool", &"web"), ("why", &"2 of 3")],
    );
    assert_eq!(
        line,
        "2024-02-29T12:34:56.007Z warn  backend is down pool=web why=\"2 of 3\"\n"
    );
}

#[test]
fn json_is_one_object_a_line() {
    let line = json(TIME, LogLevel::Error, "a \"quoted\"\nmessage", &[("pool", &"we\u{1}b")]);
    assert_eq!(line.matches('\n').count(), 1);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["message"], "a \"quoted\"\nmessage");
    assert_eq!(value["level"], "error");
    assert_eq!(value["pool"], "we\u{1}b");
}

#[test]
fn control_bytes_never_reach_the_terminal() {
    let line = text(
        TIME,
        LogLevel::Info,
        "evil \u{1b}[2J",
        &[("pool", &"\u{1b}[2J"), ("other", &"a\nb")],
    );
    assert!(!line.contains('\u{1b}'), "{line:?}");
    assert_eq!(line.matches('\n').count(), 1);
}

#[test]
fn flush_comes_back() {
    info("hello", &[]);
    flush();
}
