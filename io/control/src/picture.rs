//! From Views to what people read.

use crate::clock;
use crate::control::{Control, Source};
use crate::hearts::Published;
use crate::reload::LastReload;
use crate::status::{
    BackendStatus, CheckStatus, ChecksStatus, ConfigStatus, ListenerStatus, PoolStatus, Status, StickyStatus,
};
use evenkeel_model::{Check, CheckKind, Listener, Moment, Sticky};
use evenkeel_pool::Member;
use std::sync::PoisonError;
use std::time::Duration;

pub(crate) fn status(control: &Control, last_reload: &LastReload) -> Status {
    let file = match &control.source {
        Source::File(path) => Some(path.display().to_string()),
        Source::Command => None,
    };
    let config = control.config.load();
    Status {
        version: control.version.to_owned(),
        pid: std::process::id(),
        uptime_seconds: rounded(clock::now().since(Moment::ZERO).as_secs_f64()),
        phase: control.phase().as_str().to_owned(),
        config: ConfigStatus {
            file,
            last_reload_success: last_reload.error.is_none(),
            last_reload: clock::rfc3339(last_reload.at),
            last_reload_error: last_reload.error.clone(),
        },
        listeners: config
            .listeners
            .iter()
            .map(|listener| listener_status(control, listener))
            .collect(),
        pools: pools(control),
    }
}

fn listener_status(control: &Control, listener: &Listener) -> ListenerStatus {
    ListenerStatus {
        name: listener.name.to_string(),
        bind: listener.bind.iter().map(ToString::to_string).collect(),
        protocol: "http".to_owned(),
        connections: control.doors.connections(&listener.name),
        max_connections: listener.max_connections,
    }
}

pub(crate) fn pools(control: &Control) -> Vec<PoolStatus> {
    let published = control.hearts.published();
    published.iter().map(|published| pool(control, published)).collect()
}

pub(crate) fn pool(control: &Control, published: &Published) -> PoolStatus {
    let view = published.shared.load();
    let rates = published.rates.lock().unwrap_or_else(PoisonError::into_inner);
    PoolStatus {
        name: view.pool.to_string(),
        balance: view.balance.as_str().to_owned(),
        usable: view.members.iter().filter(|member| member.usable).count(),
        panic: view.panicking,
        queued: view.waiting().into(),
        check: published.pool.check.as_ref().map(check),
        sticky: published
            .pool
            .sticky
            .as_ref()
            .map(|how| sticky(how, &view.pool, control.doors.sticky(&view.pool))),
        backends: view
            .members
            .iter()
            .map(|member| backend(member, rates.get(&member.id).copied().unwrap_or(0.0)))
            .collect(),
    }
}

fn sticky(how: &Sticky, pool: &str, counts: Vec<(&'static str, u64)>) -> StickyStatus {
    let (name, duration) = match how {
        Sticky::Cookie { name, duration, .. } => {
            let name = name
                .clone()
                .unwrap_or_else(|| evenkeel_route::sticky::default_name(pool));
            (Some(name), *duration)
        }
        Sticky::Header(name) => (Some(name.clone()), None),
        Sticky::Source => (None, None),
    };
    StickyStatus {
        by: how.as_str().to_owned(),
        name: name.map(|name| name.to_string()),
        for_ms: duration.map(millis),
        requests: counts
            .into_iter()
            .map(|(result, count)| (result.to_owned(), count))
            .collect(),
    }
}

fn backend(member: &Member, rate: f64) -> BackendStatus {
    let load = &member.load;
    let latency = load.latency();
    BackendStatus {
        name: member.name.to_string(),
        address: member.address.to_string(),
        state: member.admin.as_str().to_owned(),
        health: member.health.as_str().to_owned(),
        usable: member.usable,
        why: member.why.to_string(),
        ejected: member.ejected,
        leaving: member.leaving,
        backup: member.backup,
        in_flight: load.in_flight().into(),
        weight: member.weight,
        max_connections: (member.cap != u32::MAX).then_some(member.cap),
        requests: load.requests(),
        errors: load.errors(),
        rate: rounded(rate),
        latency_ms: (latency > Duration::ZERO).then(|| rounded(latency.as_secs_f64() * 1000.0)),
        checks: checks(member),
    }
}

fn checks(member: &Member) -> ChecksStatus {
    let probes = member.load.probes();
    ChecksStatus {
        passed: probes.passed(),
        failed: probes.failed(),
        last_ago_ms: probes.last_at().map(|at| millis(clock::now().since(at))),
        last_took_ms: (probes.passed() > 0).then(|| rounded(probes.last_took().as_secs_f64() * 1000.0)),
    }
}

fn check(check: &Check) -> CheckStatus {
    let kind = match &check.kind {
        CheckKind::Tcp => "tcp".to_owned(),
        CheckKind::Http(http) => format!("http {}", http.path),
        CheckKind::Grpc(grpc) if grpc.service.is_empty() => "grpc".to_owned(),
        CheckKind::Grpc(grpc) => format!("grpc {}", grpc.service),
    };
    CheckStatus {
        kind,
        every_ms: millis(check.every),
        timeout_ms: millis(check.timeout),
        fall: check.fall,
        rise: check.rise,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// To three places: more say nothing.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
