//! Texts with a grammar of their own, each read by a pure function: text in, value or fault out.

pub(crate) mod address;
pub(crate) mod amount;
pub(crate) mod change;
pub(crate) mod groups;
pub(crate) mod http;
pub(crate) mod name;
pub(crate) mod network;
pub(crate) mod number;
pub(crate) mod pattern;
pub(crate) mod place;
pub(crate) mod template;

#[cfg(test)]
mod tests;
