//! What a change of a backend may say, in JSON.

use evenkeel_model::{AdminState, BackendAddress};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// The largest weight and cap, as in the configuration.
const WEIGHT_MAX: u32 = 1000;
const CONNECTIONS_MAX: u32 = 1_000_000;

/// For the help of every error.
pub(super) const EXAMPLES: &str =
    "for example {\"state\": \"drain\"}, {\"weight\": 2} or {\"address\": \"10.0.0.1:80\"}";

/// At least one of state, weight and address is asked for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wish {
    pub(super) state: Option<AdminState>,
    pub(super) weight: Option<u32>,
    pub(super) address: Option<BackendAddress>,
    pub(super) max_connections: Option<u32>,
    pub(super) backup: Option<bool>,
}

impl Wish {
    /// The error is for people.
    pub(super) fn read(body: &[u8]) -> Result<Wish, String> {
        if body.is_empty() {
            return Err("the body is empty: expected a JSON object with state, weight or address".to_owned());
        }
        let value: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
        let Value::Object(keys) = value else {
            return Err("the body: expected a JSON object with state, weight or address".to_owned());
        };
        let mut wish = Wish::default();
        for (key, value) in keys.iter().filter(|(_, value)| !value.is_null()) {
            match key.as_str() {
                "state" => wish.state = Some(state(value)?),
                "weight" => wish.weight = Some(number(key, value, 0, WEIGHT_MAX)?),
                "address" => wish.address = Some(address(value)?),
                "max_connections" => wish.max_connections = Some(number(key, value, 1, CONNECTIONS_MAX)?),
                "backup" => wish.backup = Some(value.as_bool().ok_or("backup must be true or false")?),
                _ => {
                    let known = "state, weight, address, max_connections and backup";
                    return Err(format!("unknown key {key:?}: there are {known}"));
                }
            }
        }
        if wish.state.is_none() && wish.weight.is_none() && wish.address.is_none() {
            return Err("the body asks for nothing: expected state, weight or address".to_owned());
        }
        Ok(wish)
    }
}

fn state(value: &Value) -> Result<AdminState, String> {
    let states = [AdminState::Ready, AdminState::Drain, AdminState::Maintain];
    let found = states.into_iter().find(|state| value.as_str() == Some(state.as_str()));
    found.ok_or_else(|| "state must be \"ready\", \"drain\" or \"maintain\"".to_owned())
}

fn number(key: &str, value: &Value, least: u32, most: u32) -> Result<u32, String> {
    let found = value.as_u64().and_then(|value| u32::try_from(value).ok());
    found
        .filter(|found| (least..=most).contains(found))
        .ok_or_else(|| format!("{key} must be a whole number from {least} to {most}"))
}

fn address(value: &Value) -> Result<BackendAddress, String> {
    match value.as_str() {
        Some(text) => evenkeel_config::backend_address(text),
        None => Err("address must be text, for example \"10.0.0.1:8080\" or \"unix:/run/app.sock\"".to_owned()),
    }
}
