//! The JSON Schema, made from the tables of keys.

use crate::keys::{Key, Kind, ROOT, Section, Text, Word, sections};
use serde_json::{Map, Value, json};
use toml::de::DeValue;

/// Durations as `atom::amount` reads them.
const DURATION: &str = "^(0|(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$";
const SIZE: &str = "^[0-9]+(B|[kK]B|[MGT]B|[KMGTP]iB)?$";
const SHARE: &str = r"^[0-9]+(\.[0-9]+)?%$";

/// The configuration's JSON Schema (2020-12) for editors: every key that this version supports with its explanation,
/// type, default, words and range, and nothing else.
pub fn schema() -> Value {
    let definitions: Map<String, Value> = sections()
        .into_iter()
        .filter(|section| !std::ptr::eq(*section, &ROOT))
        .map(|section| (section.id.to_string(), self::section(section)))
        .collect();
    let mut root = section(&ROOT);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("Evenkeel");
    root["$defs"] = Value::Object(definitions);
    root
}

fn section(section: &Section) -> Value {
    let properties: Map<String, Value> = section
        .ready()
        .map(|key| (key.name.to_string(), self::key(key)))
        .collect();
    let required: Vec<&str> = section
        .ready()
        .filter(|key| key.required.is_some())
        .map(|key| key.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": section.doc,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn key(key: &Key) -> Value {
    let mut schema = kind(&key.kind);
    schema["description"] = json!(key.doc);
    if let Some(default) = default(key.default) {
        schema["default"] = default;
    }
    schema
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Only(value) => json!({"const": value}),
        Kind::Integer { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Number { least, most } => json!({"type": "number", "minimum": least, "maximum": most}),
        Kind::Duration { .. } => json!({"type": "string", "pattern": DURATION}),
        Kind::Size { least, most } => json!({"anyOf": [
            {"type": "string", "pattern": SIZE},
            {"type": "integer", "minimum": least, "maximum": most},
        ]}),
        Kind::Share { .. } => json!({"type": "string", "pattern": SHARE}),
        Kind::Word(words) => json!({"oneOf": words.iter().filter(|word| word.ready).map(word).collect::<Vec<_>>()}),
        Kind::Text(text) => self::text(text),
        Kind::List(kind) => json!({"type": "array", "items": self::kind(kind)}),
        Kind::OneOrMore(kind) => json!({"anyOf": [self::kind(kind), {"type": "array", "items": self::kind(kind)}]}),
        Kind::Map { keys, values } => json!({
            "type": "object",
            "propertyNames": text(keys),
            "additionalProperties": self::kind(values),
        }),
        Kind::Table(section) => reference(section),
        Kind::Tables(section) => json!({"type": "array", "items": reference(section)}),
        Kind::Named(section) => json!({
            "type": "object",
            "propertyNames": {"pattern": "^[^\\s/\\\\\"'`]+$"},
            "additionalProperties": reference(section),
        }),
        Kind::Either(kinds) => json!({"anyOf": kinds.iter().map(self::kind).collect::<Vec<_>>()}),
    }
}

fn reference(section: &Section) -> Value {
    json!({"$ref": format!("#/$defs/{}", section.id)})
}

fn word(word: &Word) -> Value {
    json!({"const": word.word, "description": word.doc})
}

fn text(text: &Text) -> Value {
    if text.pattern.is_empty() {
        return json!({"type": "string"});
    }
    json!({"type": "string", "pattern": text.pattern})
}

/// The default, from TOML text to JSON.
fn default(text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    DeValue::parse(text)
        .ok()
        .as_ref()
        .map(|value| json_value(value.get_ref()))
}

pub(crate) fn json_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(integer) => {
            json!(crate::atom::number::integer(integer).and_then(|found| i64::try_from(found).ok()))
        }
        DeValue::Float(float) => json!(float.as_str().parse::<f64>().ok()),
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Datetime(datetime) => json!(datetime.to_string()),
        DeValue::Array(array) => array.iter().map(|item| json_value(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let pairs = table
                .iter()
                .map(|(name, item)| (name.get_ref().to_string(), json_value(item.get_ref())));
            Value::Object(pairs.collect())
        }
    }
}
