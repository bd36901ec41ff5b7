//! `[admin]` and `[log]`

use crate::atom::{address, place};
use crate::problem::Fault;
use crate::reading::Reading;
use crate::view::View;
use evenkeel_model::{Admin, BindAddress, Log, LogFormat, LogLevel};
use std::net::SocketAddr;

pub(crate) fn admin(reading: &mut Reading<'_>, view: &View<'_>) -> Admin {
    let bind = bind(reading, view);
    let base = reading.base;
    let report = &mut reading.report;
    let socket = view.parsed(report, "socket", |text| address::socket_path(text, base));
    let token_file = view.parsed(report, "token_file", |text| place::path(text, base));
    let state = view.parsed(report, "state", |text| place::path(text, base));
    if let (Some(slot), Some(path)) = (view.get("socket"), &socket) {
        reading.bind(slot.span(), &BindAddress::Unix(path.clone()), address::overlap);
    }
    Admin {
        socket,
        bind,
        token_file,
        state,
    }
}

fn bind(reading: &mut Reading<'_>, view: &View<'_>) -> Option<SocketAddr> {
    let slot = view.get("bind")?;
    if slot.is_integer() {
        slot.wrong_port(&mut reading.report);
        return None;
    }
    let base = reading.base;
    let address = slot.parsed(&mut reading.report, |text| address::bind(text, base))?;
    match &address {
        BindAddress::Tcp {
            address: socket,
            every_address: _,
        } => {
            reading.bind(slot.span(), &address, address::overlap);
            Some(*socket)
        }
        BindAddress::Unix(_) => {
            let fault = Fault::new("`bind` of [admin] is an address and a port")
                .help("write `socket = \"...\"` for a socket file");
            slot.fault(&mut reading.report, fault);
            None
        }
    }
}

pub(crate) fn log(reading: &mut Reading<'_>, view: &View<'_>) -> Log {
    let report = &mut reading.report;
    Log {
        level: match view.word(report, "level") {
            Some("error") => LogLevel::Error,
            Some("warn") => LogLevel::Warn,
            Some("debug") => LogLevel::Debug,
            Some(_) | None => LogLevel::Info,
        },
        format: match view.word(report, "format") {
            Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(_) | None => LogFormat::Auto,
        },
    }
}
