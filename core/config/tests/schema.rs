//! The schema against the reader: what the reader takes, the schema takes, and it refuses what an editor can see.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(
    clippy::disallowed_methods,
    reason = "the ban on reading files is for the library; a test may read its examples"
)]

use serde_json::{Value, json};
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// What of a schema `value` fails, as paths; the keywords that ours uses, and no other.
fn failures(root: &Value, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                failures(root, target, value, at, out);
                true
            }
            "type" => has_type(value, rule.as_str().unwrap()),
            "const" => value == rule,
            "pattern" => value
                .as_str()
                .is_none_or(|text| pattern(rule).is_match(text.as_bytes())),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "anyOf" => rule.as_array().unwrap().iter().any(|rule| is_valid(root, rule, value)),
            "oneOf" => {
                rule.as_array()
                    .unwrap()
                    .iter()
                    .filter(|rule| is_valid(root, rule, value))
                    .count()
                    == 1
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    failures(root, rule, item, &format!("{at}/{index}"), out);
                }
                true
            }
            "required" => {
                let has = |key: &Value| value.get(key.as_str().unwrap()).is_some();
                rule.as_array().unwrap().iter().all(has)
            }
            "properties" | "additionalProperties" => {
                properties(root, schema, value, at, keyword, out);
                true
            }
            "propertyNames" => value
                .as_object()
                .unwrap()
                .keys()
                .all(|key| is_valid(root, rule, &json!(key))),
            "$schema" | "$defs" | "title" | "description" | "default" => true,
            other => panic!("the schema has the keyword {other}"),
        };
        if !holds {
            out.push(format!("{at}: {keyword}"));
        }
    }
}

fn properties(root: &Value, schema: &Value, value: &Value, at: &str, keyword: &str, out: &mut Vec<String>) {
    for (key, item) in value.as_object().into_iter().flatten() {
        let at = format!("{at}/{key}");
        let known = schema.get("properties").and_then(|properties| properties.get(key));
        match (keyword, known, &schema["additionalProperties"]) {
            ("properties", Some(rule), _) => failures(root, rule, item, &at, out),
            ("additionalProperties", None, Value::Bool(false)) => out.push(format!("{at}: unknown")),
            ("additionalProperties", None, rule) => failures(root, rule, item, &at, out),
            _ => {}
        }
    }
}

/// Our patterns are ECMA-262, of which `regex` lacks only the look-ahead that durations use.
fn pattern(rule: &Value) -> regex::bytes::Regex {
    let text = rule.as_str().unwrap().replace("(?=[0-9])", "");
    regex::bytes::RegexBuilder::new(&text).unicode(false).build().unwrap()
}

fn is_valid(root: &Value, schema: &Value, value: &Value) -> bool {
    let mut out = Vec::new();
    failures(root, schema, value, "", &mut out);
    out.is_empty()
}

fn has_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("the schema has the type {other}"),
    }
}

fn json_of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(integer) => json!(i64::from_str_radix(integer.as_str(), integer.radix()).unwrap()),
        DeValue::Float(float) => json!(float.as_str().parse::<f64>().unwrap()),
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Datetime(datetime) => json!(datetime.to_string()),
        DeValue::Array(array) => array.iter().map(|item| json_of(item.get_ref())).collect(),
        DeValue::Table(table) => json_of_table(table),
    }
}

fn json_of_table(table: &DeTable<'_>) -> Value {
    Value::Object(
        table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), json_of(value.get_ref())))
            .collect(),
    )
}

fn schema_failures(text: &str) -> Vec<String> {
    let schema = evenkeel_config::schema();
    let mut out = Vec::new();
    failures(
        &schema,
        &schema,
        &json_of_table(DeTable::parse(text).unwrap().get_ref()),
        "",
        &mut out,
    );
    out
}

#[test]
fn takes_every_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(schema_failures(&text), Vec::<String>::new(), "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 8);
}

#[test]
fn refuses_what_an_editor_can_see() {
    let cases = [
        ("listeners = {}", "/listeners: unknown"),
        ("vip = {}", "/vip: unknown"),
        ("listener.a = {}", "/listener/a: required"),
        ("listener.a = { bind = '8080' }", "/listener/a/bind: anyOf"),
        (
            "listener.a = { bind = ':80', protocol = 'tcp' }",
            "/listener/a/protocol: oneOf",
        ),
        (
            "listener.a = { bind = ':80', max_connections = 0 }",
            "/listener/a/max_connections: minimum",
        ),
        (
            "listener.a = { bind = ':80', timeouts = { idle = '5 s' } }",
            "/listener/a/timeouts/idle: pattern",
        ),
        (
            "listener.a = { bind = ':80', route = [{ path = 'x' }] }",
            "/listener/a/route/0/path: pattern",
        ),
        (
            "listener.a = { bind = ':80', routes = { 'a b' = 'x' } }",
            "/listener/a/routes: propertyNames",
        ),
        ("listener.'a b' = { bind = ':80' }", "/listener: propertyNames"),
        (
            "pool.a = { backends = ['http://10.0.0.1'] }",
            "/pool/a/backends/0: anyOf",
        ),
        ("pool.a = { backends = [], check = true }", "/pool/a/check: anyOf"),
        ("pool.a = { backends = [], panic = '5' }", "/pool/a/panic: pattern"),
        ("log.level = 5", "/log/level: oneOf"),
    ];
    for (text, expected) in cases {
        assert_eq!(schema_failures(text), [expected], "{text}");
    }
}

#[test]
fn explains_every_key_and_its_defaults_are_sound() {
    let schema = evenkeel_config::schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let sections = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for section in sections {
        assert_eq!(section["additionalProperties"], false);
        for (key, rule) in section["properties"].as_object().unwrap() {
            assert!(
                rule["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{key}"
            );
            if let Some(default) = rule.get("default") {
                assert!(is_valid(&schema, rule, default), "{key} = {default}");
            }
        }
    }
    assert_eq!(
        schema["$defs"]["pool"]["properties"]["balance"]["default"],
        "least-latency"
    );
    assert_eq!(schema["$defs"]["check"]["properties"]["fall"]["maximum"], 100);
}
