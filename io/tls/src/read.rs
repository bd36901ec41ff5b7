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
#[derive(Debug, Clone)]
pub(crate) struct ListenerFiles {
    /// In the order of the configuration.
    pairs: Vec<Pair>,
    clients: Option<Clients>,
    /// What decides whose certificates are taken: sessions of clients outlive no change of it.
    pub(crate) authority: Option<Vec<u8>>,
}

/// Reads them all; everything that is wrong is told. Blocks.
pub(crate) fn listener(name: &Name, tls: &ListenerTls) -> Result<ListenerFiles, Vec<Complaint>> {
    let (mut complaints, mut pairs) = (Vec::new(), Vec::new());
    for read in read_pairs(name, tls) {
        match read {
            Ok(pair) => pairs.push(pair),
            Err(complaint) => complaints.push(complaint),
        }
    }
    let (clients, authority) = read_clients(name, tls).unwrap_or_else(|complaint| {
        complaints.push(complaint);
        (None, None)
    });
    if !complaints.is_empty() {
        return Err(complaints);
    }
    Ok(ListenerFiles {
        pairs,
        clients,
        authority,
    })
}

/// Reads them all again, of the same configuration. What is no good, or has become a certificate that is not valid now,
/// stays what it was `before`, and is told; the rest is new. Blocks.
pub(crate) fn listener_again(
    name: &Name,
    tls: &ListenerTls,
    before: &ListenerFiles,
) -> (ListenerFiles, Vec<Complaint>) {
    let (mut complaints, mut files) = (Vec::new(), before.clone());
    for (index, (pair, read)) in files.pairs.iter_mut().zip(read_pairs(name, tls)).enumerate() {
        match read {
            Ok(read) if read.has_leaf_of(pair) => *pair = read,
            // Nobody replaces a certificate by an expired one on purpose.
            Ok(read) => match read.untimely() {
                Some(trouble) => complaints.push(of_pair(name, index, trouble)),
                None => *pair = read,
            },
            Err(complaint) => complaints.push(complaint),
        }
    }
    match read_clients(name, tls) {
        Ok((clients, authority)) => (files.clients, files.authority) = (clients, authority),
        Err(complaint) => complaints.push(complaint),
    }
    (files, complaints)
}

fn read_pairs(name: &Name, tls: &ListenerTls) -> impl Iterator<Item = Result<Pair, Complaint>> {
    let pairs = tls.certificates.iter().enumerate();
    pairs.map(|(index, files)| file::pair(files).map_err(|trouble| of_pair(name, index, trouble)))
}

fn read_clients(name: &Name, tls: &ListenerTls) -> Result<(Option<Clients>, Option<Vec<u8>>), Complaint> {
    let Some(client) = &tls.client else {
        return Ok((None, None));
    };
    match roots::read(&client.ca) {
        Ok((roots, text)) => Ok((Some((Arc::new(roots), client.auth)), Some(text))),
        Err(trouble) => Err(complaint(way("listener", name, &[key("client_ca")]), trouble)),
    }
}

fn of_pair(name: &Name, index: usize, trouble: Trouble) -> Complaint {
    let rest = [key("certificates"), Step::Item(index), key(trouble.part.key())];
    complaint(way("listener", name, &rest), trouble)
}

impl ListenerFiles {
    pub(crate) fn content(
        &self,
        name: &Name,
        tls: &ListenerTls,
        tickets: Arc<TicketKeys>,
    ) -> Result<ServerContent, Vec<Complaint>> {
        server::content(tls, self.pairs.clone(), self.clients.clone(), tickets)
            .map_err(|trouble| vec![complaint(way("listener", name, &[]), trouble)])
    }

    pub(crate) fn shown(&self) -> Vec<Shown> {
        self.pairs.iter().map(Shown::of).collect()
    }

    /// Certificates that are not valid now.
    pub(crate) fn untimely(&self, name: &Name) -> Vec<Complaint> {
        self.untimely_beside(name, &[])
    }

    /// Certificates that are not valid now and were not in use `before`.
    pub(crate) fn newly_untimely(&self, name: &Name, before: &ListenerFiles) -> Vec<Complaint> {
        self.untimely_beside(name, &before.pairs)
    }

    fn untimely_beside(&self, name: &Name, known: &[Pair]) -> Vec<Complaint> {
        let pairs = self.pairs.iter().enumerate();
        let unknown = pairs.filter(|(_, pair)| !known.iter().any(|known| known.has_leaf_of(pair)));
        unknown
            .filter_map(|(index, pair)| Some(of_pair(name, index, pair.untimely()?)))
            .collect()
    }

    /// Certificates that were not in use `before`.
    pub(crate) fn renewed(&self, before: &ListenerFiles) -> Vec<Shown> {
        let is_new = |pair: &&Pair| !before.pairs.iter().any(|known| known.has_leaf_of(pair));
        self.pairs.iter().filter(is_new).map(Shown::of).collect()
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
