//! The files of a listener's or a pool's `tls`, read together.

use crate::client::{self, ClientContent, Trust};
use crate::file::{self, Pair, Trouble};
use crate::roots;
use crate::server::{self, Clients, ServerContent};
use crate::tickets::TicketKeys;
use evenkeel_config::{Complaint, Step};
use evenkeel_model::{ListenerTls, Name, Pool, PoolTls};
use std::path::PathBuf;
use std::sync::Arc;

/// A certificate as operators know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Its first name.
    pub(crate) name: String,
    /// Seconds since 1970.
    pub(crate) not_after: i64,
}

impl Shown {
    fn of(pair: &Pair) -> Shown {
        let file = || pair.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        Shown {
            name: pair.leaf.label().or_else(file).unwrap_or_default(),
            not_after: pair.leaf.not_after,
        }
    }
}

/// The files of a listener, read.
pub(crate) struct ListenerFiles {
    pairs: Vec<Pair>,
    clients: Option<Clients>,
    /// What decides whose certificates are taken: sessions of clients outlive no change of it.
    pub(crate) authority: Option<Vec<u8>>,
    pub(crate) shown: Vec<Shown>,
    /// Certificates that are not valid now.
    pub(crate) untimely: Vec<Complaint>,
}

/// Reads them all; everything that is wrong is told. Blocks.
pub(crate) fn listener(name: &Name, tls: &ListenerTls) -> Result<ListenerFiles, Vec<Complaint>> {
    let at = |rest: &[Step]| way("listener", name, rest);
    let (mut complaints, mut pairs, mut untimely) = (Vec::new(), Vec::new(), Vec::new());
    for (index, files) in tls.certificates.iter().enumerate() {
        let at = |trouble: &Trouble| at(&[key("certificates"), Step::Item(index), key(trouble.part.key())]);
        match file::pair(files) {
            Ok(pair) => {
                untimely.extend(pair.untimely().map(|trouble| complaint(at(&trouble), trouble)));
                pairs.push(pair);
            }
            Err(trouble) => complaints.push(complaint(at(&trouble), trouble)),
        }
    }
    let (mut clients, mut authority) = (None, None);
    if let Some(client) = &tls.client {
        match roots::read(&client.ca) {
            Ok((roots, text)) => {
                clients = Some((Arc::new(roots), client.auth));
                authority = Some(text);
            }
            Err(trouble) => complaints.push(complaint(at(&[key("client_ca")]), trouble)),
        }
    }
    if !complaints.is_empty() {
        return Err(complaints);
    }
    Ok(ListenerFiles {
        shown: pairs.iter().map(Shown::of).collect(),
        pairs,
        clients,
        authority,
        untimely,
    })
}

impl ListenerFiles {
    pub(crate) fn content(
        self,
        name: &Name,
        tls: &ListenerTls,
        tickets: Arc<TicketKeys>,
    ) -> Result<ServerContent, Vec<Complaint>> {
        server::content(tls, self.pairs, self.clients, tickets)
            .map_err(|trouble| vec![complaint(way("listener", name, &[]), trouble)])
    }
}

/// The files of a pool, read.
pub(crate) struct PoolFiles {
    pub(crate) content: ClientContent,
    pub(crate) shown: Vec<Shown>,
    pub(crate) untimely: Vec<Complaint>,
}

/// Reads them all; everything that is wrong is told. Blocks.
pub(crate) fn pool(pool: &Pool, tls: &PoolTls) -> Result<PoolFiles, Vec<Complaint>> {
    let at = |rest: &[Step]| way("pool", &pool.name, rest);
    let mut complaints = Vec::new();
    let trust = trust(tls).unwrap_or_else(|trouble| {
        complaints.push(complaint(at(&[key("ca")]), trouble));
        Trust::Anybody
    });
    let mut own = None;
    if let Some(files) = &tls.client {
        match file::pair(files) {
            Ok(pair) => own = Some(pair),
            Err(trouble) => complaints.push(complaint(at(&[key("client"), key(trouble.part.key())]), trouble)),
        }
    }
    let server_name = tls.server_name.as_deref().map(client::server_name);
    if server_name == Some(None) {
        let trouble = Trouble::new("this is no name that a certificate can have".to_owned());
        complaints.push(complaint(at(&[key("server_name")]), trouble));
    }
    if !complaints.is_empty() {
        return Err(complaints);
    }
    let untimely = own.as_ref().and_then(Pair::untimely);
    let untimely = untimely.map(|trouble| complaint(at(&[key("client"), key("cert")]), trouble));
    let shown = own.iter().map(Shown::of).collect();
    let content = client::content(pool.protocol, trust, own, server_name.flatten())
        .map_err(|trouble| vec![complaint(at(&[]), trouble)])?;
    Ok(PoolFiles {
        content,
        shown,
        untimely: untimely.into_iter().collect(),
    })
}

fn trust(tls: &PoolTls) -> Result<Trust, Trouble> {
    if !tls.verify {
        return Ok(Trust::Anybody);
    }
    let path = tls.ca.clone().or_else(roots::system_bundle).ok_or_else(|| Trouble {
        help: Some("install the package ca-certificates, or name a file with `ca`".to_owned()),
        ..Trouble::new("this system has no bundle of root certificates".to_owned())
    })?;
    let (roots, _) = roots::read(&path)?;
    let pinned = match &tls.ca {
        Some(path) => file::authorities(path)?.0,
        None => Vec::new(),
    };
    Ok(Trust::Roots(roots, pinned))
}

/// The files of a listener, to be watched.
pub(crate) fn listener_paths(tls: &ListenerTls) -> Vec<PathBuf> {
    let certificates = tls.certificates.iter().flat_map(|files| {
        let key = (files.key != files.cert).then(|| files.key.clone());
        [Some(files.cert.clone()), key, files.ocsp.clone()]
    });
    let authority = tls.client.as_ref().map(|client| client.ca.clone());
    certificates.flatten().chain(authority).collect()
}

/// The files of a pool, to be watched.
pub(crate) fn pool_paths(tls: &PoolTls) -> Vec<PathBuf> {
    let own = tls.client.iter().flat_map(|files| {
        let key = (files.key != files.cert).then(|| files.key.clone());
        [Some(files.cert.clone()), key]
    });
    let roots = if tls.verify {
        tls.ca.clone().or_else(roots::system_bundle)
    } else {
        None
    };
    own.flatten().chain(roots).collect()
}

fn key(key: &str) -> Step {
    Step::Key(key.to_owned())
}

/// The way to a value below `tls`.
fn way(section: &str, name: &Name, rest: &[Step]) -> Vec<Step> {
    let mut steps = vec![key(section), key(name), key("tls")];
    steps.extend_from_slice(rest);
    steps
}

fn complaint(at: Vec<Step>, trouble: Trouble) -> Complaint {
    Complaint {
        at,
        message: trouble.message,
        help: trouble.help,
    }
}
