use super::*;

#[test]
fn wishes() {
    let read = |body: &str| Wish::read(body.as_bytes()).unwrap();
    assert_eq!(read(r#"{"state": "maintain"}"#).state, Some(AdminState::Maintain));
    assert_eq!(read(r#"{"weight": 1000, "state": null}"#).weight, Some(1000));
    for (text, shown) in [
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("localhost:80", "127.0.0.1:80"),
        ("[::1]:80", "[::1]:80"),
        ("unix:/run/app.sock", "unix:/run/app.sock"),
    ] {
        let address = read(&format!("{{\"address\": \"{text}\"}}")).address.unwrap();
        assert_eq!(address.to_string(), shown);
    }
}

#[test]
fn errors_are_for_people() {
    for (body, expected) in [
        ("", "expected a JSON object with"),
        ("[]", "expected a JSON object with"),
        ("\"drain\"", "expected a JSON object with"),
        ("{", "not JSON"),
        ("{}", "asks for nothing"),
        (r#"{"backup": true}"#, "asks for nothing"),
        (r#"{"state": 1}"#, "\"maintain\""),
        (r#"{"state": "drian"}"#, "\"maintain\""),
        (r#"{"weight": -1}"#, "whole number from 0 to 1000"),
        (r#"{"weight": 1.5}"#, "whole number from 0 to 1000"),
        (r#"{"weight": 1e30}"#, "whole number from 0 to 1000"),
        (
            r#"{"address": "10.0.0.1:80", "max_connections": 0}"#,
            "from 1 to 1000000",
        ),
        (r#"{"address": "10.0.0.1:80", "backup": "yes"}"#, "true or false"),
        (r#"{"address": 80}"#, "unix:/"),
        (r#"{"address": "nonsense!"}"#, "unix:/"),
        (r#"{"address": "unix:relative"}"#, "unix:/"),
        (r#"{"address": "10.0.0.1"}"#, "no port"),
        (r#"{"color": 1}"#, "unknown key \"color\""),
    ] {
        let error = Wish::read(body.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{body}: {error}");
        for rust in ["u32", "struct", "enum", "Wish", "sequence"] {
            assert!(!error.contains(rust), "{body}: {error}");
        }
    }
}
