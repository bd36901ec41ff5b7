//! What others find wrong with a configuration that reads well: files that it names.

use crate::problem::{Fault, Problems};
use crate::report::Report;
use crate::syntax;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Something that is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The way to the value from the top. What the text writes shorter (one value instead of an array or a table) is
    /// found all the same.
    pub at: Vec<Step>,
    /// What is wrong, one line without a full stop.
    pub message: String,
    /// What to do, one line.
    pub help: Option<String>,
}

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Step {
    Key(String),
    Item(usize),
}

/// The complaints at their places in `text`.
pub fn complain(text: &str, complaints: &[Complaint]) -> Problems {
    let mut report = Report::new(text);
    let tree = syntax::tree(&mut report, text);
    for complaint in complaints {
        let fault = Fault::new(complaint.message.clone()).maybe_help(complaint.help.clone());
        report.add(find(tree.get_ref(), &complaint.at), fault);
    }
    match report.finish() {
        Err(problems) => problems,
        Ok(()) => Problems {
            list: Vec::new(),
            omitted: 0,
        },
    }
}

/// The place of the last step that there is.
fn find<'a>(root: &'a DeTable<'a>, at: &[Step]) -> Range<usize> {
    let mut place = 0..0;
    let mut table = Some(root);
    let mut array = None;
    for step in at {
        let next = match step {
            Step::Key(key) => table.and_then(|table| table.get(key.as_str())),
            Step::Item(index) => array.and_then(|array: &'a toml::de::DeArray<'a>| array.get(*index)),
        };
        let Some(next) = next else { continue };
        place = next.span();
        (table, array) = match next.get_ref() {
            DeValue::Table(table) => (Some(table), None),
            DeValue::Array(items) => (None, Some(items)),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => (None, None),
        };
    }
    place
}
