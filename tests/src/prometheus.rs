//! Prometheus' text format, read strictly: a family's HELP and TYPE before its samples, each family and each series
//! once, labels quoted and escaped.

use std::collections::{BTreeMap, BTreeSet};

/// Labels in order of their names.
pub type Labels = BTreeMap<String, String>;

/// One scrape.
#[derive(Debug, Default)]
pub struct Scrape {
    samples: BTreeMap<(String, Labels), f64>,
}

impl Scrape {
    /// Reads one.
    ///
    /// # Errors
    /// The first line that breaks a rule, and which.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut scrape = Self::default();
        let mut seen = BTreeSet::new();
        let mut family = Family::default();
        if !text.ends_with('\n') {
            return Err("the last line has no end".into());
        }
        for line in text.lines() {
            let broken = |rule: &str| Err(format!("{rule}: {line}"));
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, text) = help.split_once(' ').unwrap_or((help, ""));
                if text.is_empty() || !seen.insert(name.to_owned()) {
                    return broken("each family has one HELP with a text");
                }
                family = Family {
                    name: name.to_owned(),
                    kind: String::new(),
                };
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                match kind.split_once(' ') {
                    Some((name, kind)) if name == family.name && is_kind(kind) => kind.clone_into(&mut family.kind),
                    Some(_) | None => return broken("a known TYPE follows HELP"),
                }
            } else {
                let ((name, labels), value) = sample(line).ok_or_else(|| format!("not a sample: {line}"))?;
                if family.kind.is_empty() || !family.has(&name, &labels) {
                    return broken("a sample is below its family's HELP and TYPE");
                }
                if scrape.samples.insert((name, labels), value).is_some() {
                    return broken("a series comes once");
                }
            }
        }
        Ok(scrape)
    }

    /// The sum of the samples of this name that have all of these labels.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted = |own: &Labels| {
            labels
                .iter()
                .all(|(label, value)| own.get(*label).is_some_and(|own| own == value))
        };
        let matching = self
            .samples
            .iter()
            .filter(|((own, labels), _)| own == name && wanted(labels));
        matching.map(|(_, value)| value).sum()
    }

    /// Whether there is a sample of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.samples.keys().any(|(own, _)| own == name)
    }

    /// Every series of this name.
    pub fn series(&self, name: &str) -> impl Iterator<Item = (&Labels, f64)> {
        let matching = self.samples.iter().filter(move |((own, _), _)| own == name);
        matching.map(|((_, labels), value)| (labels, *value))
    }
}

#[derive(Default)]
struct Family {
    name: String,
    kind: String,
}

impl Family {
    fn has(&self, sample: &str, labels: &Labels) -> bool {
        match (self.kind.as_str(), sample.strip_prefix(self.name.as_str())) {
            ("histogram", Some("_bucket")) => labels.contains_key("le"),
            ("histogram", Some("_sum" | "_count")) => true,
            ("histogram", _) => false,
            (_, rest) => rest == Some(""),
        }
    }
}

fn is_kind(kind: &str) -> bool {
    matches!(kind, "counter" | "gauge" | "histogram")
}

fn sample(line: &str) -> Option<((String, Labels), f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, labels)) = series.split_once('{') else {
        return Some(((series.to_owned(), Labels::new()), value));
    };
    Some(((name.to_owned(), read_labels(labels.strip_suffix('}')?)?), value))
}

fn read_labels(mut text: &str) -> Option<Labels> {
    let mut labels = Labels::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = rest.char_indices();
        let end = loop {
            match characters.next()? {
                (end, '"') => break end,
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    same @ ('\\' | '"') => same,
                    _ => return None,
                }),
                (_, character) => value.push(character),
            }
        };
        if labels.insert(name.to_owned(), value).is_some() {
            return None;
        }
        text = &rest[end + 1..];
        text = text.strip_prefix(',').unwrap_or(text);
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_right() {
        let text = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1,\\\"}\",y=\"2\"} 3\na_total{x=\"2\"} 4\n";
        let scrape = Scrape::read(text).unwrap();
        assert_eq!(scrape.sum("a_total", &[]), 7.0);
        assert_eq!(scrape.sum("a_total", &[("x", "1,\"}")]), 3.0);
    }

    #[test]
    fn refuses_what_is_not() {
        for text in [
            "a_total 3\n",
            "# HELP a A.\na 3\n",
            "# HELP a A.\n# TYPE a counter\na 3\na 3\n",
            "# HELP a A.\n# TYPE a counter\nb 3\n",
            "# HELP a A.\n# TYPE a histogram\na_bucket 3\n",
            "# HELP a A.\n# TYPE a counter\na{x=\"1} 3\n",
            "# HELP a A.\n# TYPE a counter\na 3",
        ] {
            assert!(Scrape::read(text).is_err(), "{text}");
        }
    }
}
