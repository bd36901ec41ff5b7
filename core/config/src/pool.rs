//! `[pool.NAME]`

use crate::atom::{address, http, name};
use crate::problem::{Fault, shown};
use crate::reading::Reading;
use crate::report::Report;
use crate::slot::{Slot, Switched};
use crate::sticky;
use crate::tls;
use crate::view::View;
use evenkeel_model::{
    AdminState, Backend, BackendAddress, Balance, Check, CheckKind, Eject, Expect, GrpcCheck, HashKey, HttpCheck, Pool,
    PoolTimeouts, ProxyProtocol, Queue, Retry,
};
use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;
use toml::Spanned;

/// Backends of one pool: choosing looks at them, checks visit each.
const BACKENDS_LIMIT: usize = 4096;

/// `None` when its name is not sound (then that has been told).
pub(crate) fn read(reading: &mut Reading<'_>, key: &Spanned<Cow<'_, str>>, view: &View<'_>) -> Option<Pool> {
    let name = match name::name(key.get_ref()) {
        Ok(name) => Some(name),
        Err(fault) => {
            reading.report.add(key.span(), fault);
            None
        }
    };
    let backends = backends(reading, view);
    let mut pool = Pool::new(name.unwrap_or_default(), backends);
    let report = &mut reading.report;
    pool.balance = balance(report, view);
    if let Some(checked) = view.get("check").and_then(|slot| slot.switched(report)) {
        pool.check = match checked {
            Switched::On(inner) => Some(check(report, &inner, &pool.backends)),
            Switched::Off => None,
        };
    }
    if let Some(ejected) = view.get("eject").and_then(|slot| slot.switched(report)) {
        pool.eject = match ejected {
            Switched::On(inner) => Some(eject(report, &inner)),
            Switched::Off => None,
        };
    }
    let base = reading.base;
    pool.sticky = view.get("sticky").and_then(|slot| sticky::read(report, base, &slot));
    pool.max_connections = view.count(report, "max_connections");
    if let Some(inner) = view.table(report, "queue") {
        pool.queue = queue(report, &inner);
    }
    if let Some(inner) = view.table(report, "retry") {
        pool.retry = retry(report, &inner);
    }
    pool.warmup = view.duration(report, "warmup").unwrap_or(Duration::ZERO);
    if let Some(inner) = view.table(report, "timeouts") {
        pool.timeouts = timeouts(report, &inner);
    }
    pool.send_proxy_protocol = match view.word(report, "send_proxy_protocol") {
        Some("v1") => Some(ProxyProtocol::V1),
        Some("v2") => Some(ProxyProtocol::V2),
        Some(_) | None => None,
    };
    if let Some(check) = pool.check.as_mut().filter(|check| check.port.is_none()) {
        check.send_proxy_protocol = pool.send_proxy_protocol;
    }
    if let Some(inner) = view.table(report, "tls") {
        pool.tls = Some(tls::pool(report, &inner, reading.base));
    }
    pool.protocol = tls::protocol(report, view);
    if let Some(share) = view.share(report, "panic") {
        pool.panic = share;
    }
    (!pool.name.is_empty()).then_some(pool)
}

fn backends(reading: &mut Reading<'_>, view: &View<'_>) -> Vec<Backend> {
    let Some(slot) = view.get("backends") else {
        return Vec::new();
    };
    let items = slot.items(&mut reading.report);
    if items.len() > BACKENDS_LIMIT {
        let message = format!("a pool has at most {BACKENDS_LIMIT} backends, this has {}", items.len());
        slot.fault(&mut reading.report, Fault::new(message));
        return Vec::new();
    }
    let mut backends = Vec::new();
    // Names and addresses in one: commands take either, so one may not mean two backends.
    let mut taken: HashMap<String, usize> = HashMap::new();
    for item in items {
        let Some(backend) = backend(reading, &item) else {
            continue;
        };
        let line = reading.report.line(item.span().start);
        let address = backend.address.to_string();
        if let Some(earlier) = taken.get(&address) {
            let fault = Fault::new(format!(
                "{} is in this pool twice, first in line {earlier}",
                shown(&address)
            ));
            item.fault(&mut reading.report, fault.help("`weight = 2` gives it twice the work"));
            continue;
        }
        if let Some(earlier) = taken.get(backend.name.as_ref()) {
            let message = format!("the name `{}` is taken in this pool, in line {earlier}", backend.name);
            item.fault(&mut reading.report, Fault::new(message));
            continue;
        }
        taken.insert(address, line);
        taken.insert(backend.name.to_string(), line);
        backends.push(backend);
    }
    backends
}

fn backend(reading: &mut Reading<'_>, item: &Slot<'_>) -> Option<Backend> {
    let base = reading.base;
    let report = &mut reading.report;
    if item.is_text() {
        return item
            .parsed(report, |text| address::backend(text, base))
            .map(Backend::new);
    }
    let view = item.table(report)?;
    let name = view.parsed(report, "name", name::name);
    let weight = view.count(report, "weight");
    let max_connections = view.count(report, "max_connections");
    let backup = view.flag(report, "backup");
    let state = view.word(report, "state");
    let mut backend = Backend::new(view.parsed(report, "address", |text| address::backend(text, base))?);
    if let Some(name) = name {
        backend.name = name;
    }
    if let Some(weight) = weight {
        backend.weight = weight;
    }
    backend.max_connections = max_connections;
    backend.backup = backup.unwrap_or(false);
    backend.state = match state {
        Some("drain") => AdminState::Drain,
        Some("maintain") => AdminState::Maintain,
        Some(_) | None => AdminState::Ready,
    };
    Some(backend)
}

fn balance(report: &mut Report<'_>, view: &View<'_>) -> Balance {
    let word = view.word(report, "balance");
    let hash = view.table(report, "hash").map(|inner| hash(report, &inner));
    if let (Some(slot), true) = (view.get("hash"), word != Some("hash")) {
        let fault = Fault::new("`hash` means nothing without `balance = \"hash\"`");
        // When the word is not sound, that has been told.
        if word.is_some() || !view.has("balance") {
            report.add(slot.key_span, fault);
        }
    }
    match word {
        Some("round-robin") => Balance::RoundRobin,
        Some("least-connections") => Balance::LeastConnections,
        Some("random") => Balance::Random,
        Some("first") => Balance::First,
        Some("hash") => hash.unwrap_or(Balance::Hash {
            on: HashKey::Source,
            bounded: None,
        }),
        Some(_) | None => Balance::LeastLatency,
    }
}

fn hash(report: &mut Report<'_>, view: &View<'_>) -> Balance {
    Balance::Hash {
        on: view.parsed(report, "on", http::hash_key).unwrap_or(HashKey::Source),
        bounded: view.get("bounded").and_then(|slot| slot.number(report)),
    }
}

fn check(report: &mut Report<'_>, view: &View<'_>, backends: &[Backend]) -> Check {
    let default = Check::default();
    let port = view.integer(report, "port").and_then(|port| u16::try_from(port).ok());
    if let (Some(_), Some(unix)) = (port, backends.iter().find(|backend| is_unix(backend))) {
        let message = format!("{} has no ports to probe", shown(&unix.address.to_string()));
        view.blame(report, "port", Fault::new(message));
    }
    Check {
        kind: check_kind(report, view),
        every: view.duration(report, "every").unwrap_or(default.every),
        timeout: view.duration(report, "timeout").unwrap_or(default.timeout),
        fall: view.count(report, "fall").unwrap_or(default.fall),
        rise: view.count(report, "rise").unwrap_or(default.rise),
        port,
        send_proxy_protocol: None,
    }
}

fn is_unix(backend: &Backend) -> bool {
    match backend.address {
        BackendAddress::Unix(_) => true,
        BackendAddress::Tcp(_) => false,
    }
}

fn check_kind(report: &mut Report<'_>, view: &View<'_>) -> CheckKind {
    view.flag(report, "tcp");
    let path = view.parsed(report, "http", http::check_target);
    let service = view.parsed(report, "grpc", http::grpc_service);
    let host = view.parsed(report, "host", http::check_host).flatten();
    let body = view.parsed(report, "body", http::check_body);
    let expect = expect(report, view);
    let mut kinds = ["http", "grpc", "tcp"].iter().filter_map(|kind| view.get(kind));
    kinds.next();
    for slot in kinds {
        let fault = Fault::new("a check has one of `http`, `grpc` and `tcp`");
        report.add(slot.key_span, fault);
    }
    let mut needs = |names: &[&str], kinds: &[&str], means: &str| {
        if !kinds.iter().any(|kind| view.has(kind)) {
            for slot in names.iter().filter_map(|name| view.get(name)) {
                let fault = Fault::new(format!("`{}` means nothing without {means}", slot.name));
                report.add(slot.key_span, fault.help("for example `http = \"/healthz\"`"));
            }
        }
    };
    needs(&["host"], &["http", "grpc"], "`http` or `grpc`");
    needs(&["body", "expect"], &["http"], "`http`");
    match (path, service) {
        (Some(path), _) => CheckKind::Http(HttpCheck {
            path,
            host,
            expect,
            body,
        }),
        (None, Some(service)) => CheckKind::Grpc(GrpcCheck { service, host }),
        (None, None) => CheckKind::Tcp,
    }
}

fn expect(report: &mut Report<'_>, view: &View<'_>) -> Vec<Expect> {
    let Some(slot) = view.get("expect") else {
        return vec![Expect::SUCCESS];
    };
    let items = slot.items(report);
    if items.is_empty() {
        slot.fault(
            report,
            Fault::new("`expect` has no status").help("for example `expect = \"2xx\"`"),
        );
    }
    let one = |item: &Slot<'_>| {
        if item.is_integer() {
            let status = item.integer(report).and_then(|status| u16::try_from(status).ok())?;
            return Some(Expect {
                first: status,
                last: status,
            });
        }
        item.parsed(report, http::expect)
    };
    items.iter().filter_map(one).collect()
}

fn eject(report: &mut Report<'_>, view: &View<'_>) -> Eject {
    let default = Eject::default();
    Eject {
        errors: view.count(report, "errors").unwrap_or(default.errors),
        window: view.duration(report, "window").unwrap_or(default.window),
        duration: view.duration(report, "for").unwrap_or(default.duration),
        max: view.share(report, "max").unwrap_or(default.max),
    }
}

fn queue(report: &mut Report<'_>, view: &View<'_>) -> Queue {
    let default = Queue::default();
    Queue {
        size: view.count(report, "size").unwrap_or(default.size),
        timeout: view.duration(report, "timeout").unwrap_or(default.timeout),
    }
}

fn retry(report: &mut Report<'_>, view: &View<'_>) -> Retry {
    let default = Retry::default();
    Retry {
        attempts: view.count(report, "attempts").unwrap_or(default.attempts),
        budget: view.share(report, "budget").unwrap_or(default.budget),
    }
}

fn timeouts(report: &mut Report<'_>, view: &View<'_>) -> PoolTimeouts {
    let default = PoolTimeouts::default();
    PoolTimeouts {
        connect: view.duration(report, "connect").unwrap_or(default.connect),
        response: view.duration(report, "response").unwrap_or(default.response),
        idle: view.duration(report, "idle").unwrap_or(default.idle),
    }
}
