//! The whole: the text is read section by section, then what refers to something else is held against it.

use crate::keys::ROOT;
use crate::problem::{Fault, Problem, Problems, shown};
use crate::report::Report;
use crate::view::View;
use crate::{admin, https, listener, pool, suggest, syntax};
use evenkeel_model::{BindAddress, Config, Name};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

/// The longest configuration, in bytes: a thousand times a large one, and bounded in what reading it can cost.
pub const TEXT_LIMIT: usize = 1 << 20;

/// Text to configuration. Paths that are relative are taken from `base`, lexically: no file is looked at.
///
/// # Errors
/// Everything that is wrong with the text, in its order.
pub fn parse(text: &str, base: &Path) -> Result<Config, Problems> {
    if text.len() > TEXT_LIMIT {
        return Err(too_long(text));
    }
    let mut report = Report::new(text);
    let tree = syntax::tree(&mut report, text);
    let mut reading = Reading {
        report,
        base,
        wanted_pools: Vec::new(),
        binds: Vec::new(),
        rates: 0,
    };
    let config = read(&mut reading, tree.get_ref());
    reading.report.finish()?;
    Ok(config)
}

/// What reading carries along.
pub(crate) struct Reading<'t> {
    pub(crate) report: Report<'t>,
    /// Relative paths are taken from here.
    pub(crate) base: &'t Path,
    /// Pools that are referred to, and where.
    wanted_pools: Vec<(Range<usize>, Name)>,
    /// Every address listened on so far.
    binds: Vec<Bound>,
    /// Routes with a `rate` so far.
    rates: usize,
}

struct Bound {
    span: Range<usize>,
    address: BindAddress,
}

impl Reading<'_> {
    /// Notes that a pool is referred to; whether it exists is known at the end.
    pub(crate) fn want_pool(&mut self, span: Range<usize>, name: &Name) {
        self.wanted_pools.push((span, name.clone()));
    }

    /// Notes that a route limits its clients.
    pub(crate) fn rate(&mut self, span: Range<usize>) {
        self.rates += 1;
        if self.rates > RATES_LIMIT {
            let message = format!("a configuration has at most {RATES_LIMIT} rates");
            self.report.add(span, Fault::new(message));
        }
    }

    /// Notes that an address is listened on; tells it when one that `clashes` already is.
    pub(crate) fn bind(
        &mut self,
        span: Range<usize>,
        address: &BindAddress,
        clashes: fn(&BindAddress, &BindAddress) -> bool,
    ) {
        let earlier = self.binds.iter().find(|bound| clashes(&bound.address, address));
        if let Some(earlier) = earlier {
            let line = self.report.line(earlier.span.start);
            let message = if earlier.address == *address {
                format!("{address} is listened on twice, first in line {line}")
            } else {
                format!("{address} is listened on twice: line {line} has {}", earlier.address)
            };
            self.report.add(span, Fault::new(message));
        } else if self.binds.len() < BINDS_LIMIT {
            self.binds.push(Bound {
                span,
                address: address.clone(),
            });
        } else {
            let message = format!("a configuration listens on at most {BINDS_LIMIT} addresses");
            self.report.add(span, Fault::new(message));
        }
    }
}

/// Routes with a `rate`: each takes half a MiB for its clients.
const RATES_LIMIT: usize = 1024;

/// Addresses listened on: each is a socket per worker.
const BINDS_LIMIT: usize = 1024;

fn read<'a>(reading: &mut Reading<'_>, tree: &'a toml::de::DeTable<'a>) -> Config {
    let root = View::open(&mut reading.report, &ROOT, tree, 0..0);
    let mut config = Config::default();
    if let Some(slot) = root.get("listener") {
        for (name, view) in slot.named(&mut reading.report) {
            config.listeners.extend(listener::read(reading, name, &view));
        }
    } else if !root.is_meant(&["listener", "vip", "dns"]) {
        let fault = Fault::new("there is no listener, so nothing is served")
            .help("write for example `[listener.web]`, `bind = \":8080\"` and `pool = \"web\"`");
        reading.report.absent(0..0, fault);
    }
    let mut pool_names = Vec::new();
    https::find(&mut config.listeners);
    if let Some(slot) = root.get("pool") {
        for (name, view) in slot.named(&mut reading.report) {
            pool_names.push(name.get_ref().as_ref());
            config.pools.extend(pool::read(reading, name, &view));
        }
    }
    if let Some(view) = root.table(&mut reading.report, "admin") {
        config.admin = admin::admin(reading, &view);
    }
    if let Some(view) = root.table(&mut reading.report, "log") {
        config.log = admin::log(reading, &view);
    }
    wanted_pools(reading, &pool_names);
    config
}

/// Every pool that is referred to must be there.
fn wanted_pools(reading: &mut Reading<'_>, names: &[&str]) {
    let known: HashMap<&str, ()> = names.iter().map(|name| (*name, ())).collect();
    for (span, wanted) in &reading.wanted_pools {
        if known.contains_key(wanted.as_ref()) || reading.report.is_full() {
            continue;
        }
        let help = suggest::did_you_mean(wanted, names.iter().copied())
            .unwrap_or_else(|| format!("write `[pool.{0}]` with `backends = [...]`", shown(wanted)));
        let fault = Fault::new(format!("there is no pool `{}`", shown(wanted))).help(help);
        reading.report.absent(span.clone(), fault);
    }
}

fn too_long(text: &str) -> Problems {
    Problems {
        list: vec![Problem {
            line: 1,
            column: 1,
            span: 0..0,
            message: format!(
                "the text has {} bytes, a configuration at most {TEXT_LIMIT}",
                text.len()
            ),
            help: None,
        }],
        omitted: 0,
    }
}
