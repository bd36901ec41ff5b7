//! `[listener.NAME]`

use crate::atom::groups::Groups;
use crate::atom::{address, http, name, network, place};
use crate::problem::Fault;
use crate::reading::Reading;
use crate::route::{self, Placed};
use crate::slot::Slot;
use crate::suggest;
use crate::tls;
use crate::view::View;
use evenkeel_model::{AccessLog, BindAddress, Listener, ListenerTimeouts, Match, RedirectTo, Route, RouteAction};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use toml::Spanned;

/// `None` when its name or its addresses are not sound (then that has been told).
pub(crate) fn read(reading: &mut Reading<'_>, key: &Spanned<Cow<'_, str>>, view: &View<'_>) -> Option<Listener> {
    let name = match name::name(key.get_ref()) {
        Ok(name) => Some(name),
        Err(fault) => {
            reading.report.add(key.span(), fault);
            None
        }
    };
    let binds = binds(reading, view);
    // Made with any address, so that the defaults have one home; the addresses are set below.
    let anywhere = BindAddress::Tcp {
        address: SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        every_address: true,
    };
    let mut listener = Listener::new(name.unwrap_or_default(), anywhere);
    listener.bind = binds;
    listener.routes = routes(reading, view);
    let report = &mut reading.report;
    // One value each so far; the rest is told when the word is read.
    view.word(report, "protocol");
    view.word(report, "mode");
    if let Some(most) = view.count(report, "max_connections") {
        listener.max_connections = most;
    }
    if let Some(bytes) = view.size(report, "max_header_size") {
        listener.max_header_size = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    if let Some(bytes) = view.size(report, "max_body_size") {
        listener.max_body_size = bytes;
    }
    if let Some(inner) = view.table(report, "timeouts") {
        listener.timeouts = timeouts(reading, &inner);
    }
    listener.accept_proxy_protocol = networks(reading, view, "accept_proxy_protocol");
    listener.trusted_proxies = networks(reading, view, "trusted_proxies");
    let base = reading.base;
    if let Some(log) = view.parsed(&mut reading.report, "access_log", |text| access_log(text, base)) {
        listener.access_log = log;
    }
    if let Some(inner) = view.table(&mut reading.report, "tls") {
        listener.tls = tls::listener(reading, &inner);
    }
    (!listener.name.is_empty() && !listener.bind.is_empty()).then_some(listener)
}

fn binds(reading: &mut Reading<'_>, view: &View<'_>) -> Vec<BindAddress> {
    let Some(slot) = view.get("bind") else {
        return Vec::new();
    };
    if slot.is_integer() {
        slot.wrong_port(&mut reading.report);
        return Vec::new();
    }
    let items = slot.items(&mut reading.report);
    if items.is_empty() {
        slot.fault(
            &mut reading.report,
            Fault::new("`bind` has no address").help("for example `bind = \":8080\"`"),
        );
    }
    let mut binds = Vec::new();
    for item in items {
        let base = reading.base;
        if let Some(address) = item.parsed(&mut reading.report, |text| address::bind(text, base)) {
            reading.bind(item.span(), &address, address::same_bind);
            binds.push(address);
        }
    }
    binds
}

/// The networks under `key`.
pub(crate) fn networks(reading: &mut Reading<'_>, view: &View<'_>, key: &str) -> Vec<IpNet> {
    let report = &mut reading.report;
    let items = view.get(key).map(|slot| slot.items(report)).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| item.parsed(report, network::network))
        .collect()
}

fn timeouts(reading: &mut Reading<'_>, view: &View<'_>) -> ListenerTimeouts {
    let report = &mut reading.report;
    let default = ListenerTimeouts::default();
    ListenerTimeouts {
        header: view.duration(report, "header").unwrap_or(default.header),
        idle: view.duration(report, "idle").unwrap_or(default.idle),
        request: view.duration(report, "request").unwrap_or(default.request),
        tunnel: view.duration(report, "tunnel").unwrap_or(default.tunnel),
    }
}

fn access_log(text: &str, base: &Path) -> Result<AccessLog, Fault> {
    match text {
        "off" => return Ok(AccessLog::Off),
        "stdout" => return Ok(AccessLog::Stdout),
        "stderr" => return Ok(AccessLog::Stderr),
        _ => {}
    }
    // A slip must not become a file's name.
    if !text.contains(['/', '.'])
        && let Some(word) = suggest::nearest(text, ["off", "stdout", "stderr"])
    {
        return Err(Fault::new(format!("did you mean \"{word}\"?")).help(format!("for a file write \"./{text}\"")));
    }
    place::path(text, base).map(AccessLog::File)
}

/// What is done, in the order of the text; `pool` comes last, for everything else.
fn routes(reading: &mut Reading<'_>, view: &View<'_>) -> Vec<Route> {
    let mut found: Vec<Placed> = Vec::new();
    if let Some(slot) = view.get("routes") {
        found.extend(route::short_form(reading, &slot));
    }
    if let Some(slot) = view.get("route") {
        for inner in slot.tables(&mut reading.report) {
            found.extend(route::long_form(reading, &inner));
        }
    }
    found.sort_by_key(|placed| placed.span.start);
    if let Some(slot) = view.get("pool") {
        let pool = route::pool_name(reading, &slot);
        found.extend(pool.map(|pool| everywhere(&slot, everything(RouteAction::Pool(pool)))));
    }
    if let Some(slot) = view.get("redirect") {
        found.extend(redirect(reading, view, &slot).map(|route| everywhere(&slot, route)));
    }
    if !view.is_meant(&["pool", "routes", "route", "redirect", "tls_passthrough"]) {
        let fault = Fault::new("this listener does nothing: it has no pool, no routes and no redirect")
            .help("write for example `pool = \"web\"`");
        reading.report.absent(view.place.clone(), fault);
    }
    route::refuse_duplicates(reading, &found);
    found.into_iter().map(|placed| placed.route).collect()
}

fn everywhere(slot: &Slot<'_>, route: Route) -> Placed {
    Placed {
        span: slot.span(),
        route,
        is_sound: true,
    }
}

fn redirect(reading: &mut Reading<'_>, view: &View<'_>, slot: &Slot<'_>) -> Option<Route> {
    let to = slot.parsed(&mut reading.report, |text| http::redirect(text, &Groups::None))??;
    if let Some(other) = view.first_of(&["pool", "routes", "route"]) {
        let fault = Fault::new(format!("a listener has either `redirect` or `{}`", other.name))
            .help("to redirect some requests only, write a `[[listener.NAME.route]]` with `redirect`");
        reading.report.add(slot.key_span.clone(), fault);
        return None;
    }
    if matches!(to, RedirectTo::Https { .. }) && view.get("tls").is_some() {
        let fault = Fault::new("a listener with `tls` is https already: this redirect would lead back to it")
            .help("write it in the listener without `tls`");
        reading.report.add(slot.key_span.clone(), fault);
        return None;
    }
    Some(everything(RouteAction::Redirect(to)))
}

/// A route for everything.
pub(crate) fn everything(action: RouteAction) -> Route {
    Route::new("*", Match::default(), action)
}
