//! Everything that is encrypted in this process, as the control plane holds it.

use crate::client::{ClientContent, ClientTls};
use crate::moment;
use crate::read::{self, ListenerFiles, Shown};
use crate::server::{ServerContent, ServerTls};
use crate::stamp::{Stamp, stamps};
use crate::tickets::TicketKeys;
use evenkeel_config::Complaint;
use evenkeel_model::{Config, Listener, ListenerTls, Name, Pool, PoolTls};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What doors need for their connections.
#[derive(Debug, Clone, Default)]
pub struct Sides {
    /// By the listener's name; of those that have `tls`.
    pub listeners: HashMap<Name, Arc<ServerTls>>,
    /// By the pool's name; of those that have `tls`.
    pub pools: HashMap<Name, Arc<ClientTls>>,
}

/// Holds what was made of every certificate, and notices when files change.
///
/// A reload is [`Vault::prepare`], then, when everybody else has agreed, [`Vault::commit`]. Between reloads
/// [`Vault::look`] is called about twice a second. All of them read files and block.
#[derive(Default)]
pub struct Vault {
    held: Mutex<Held>,
}

#[derive(Default)]
pub(crate) struct Held {
    pub(crate) listeners: BTreeMap<Name, ListenerSide>,
    pub(crate) pools: BTreeMap<Name, PoolSide>,
    /// Changes on disk that were taken, and those that were refused.
    pub(crate) changes: [u64; 2],
}

pub(crate) struct ListenerSide {
    model: ListenerTls,
    pub(crate) shared: Arc<ServerTls>,
    /// What is in use.
    read: ListenerFiles,
    tickets: Arc<TicketKeys>,
    pub(crate) files: Watched,
}

pub(crate) struct PoolSide {
    model: Pool,
    pub(crate) shared: Arc<ClientTls>,
    pub(crate) files: Watched,
}

/// The files behind one side.
pub(crate) struct Watched {
    paths: Vec<PathBuf>,
    /// As they were when they were read.
    taken: Vec<Option<Stamp>>,
    /// As they were at the last look.
    seen: Vec<Option<Stamp>>,
    /// As they were when they were found to be no good.
    pub(crate) refused: Option<Vec<Option<Stamp>>>,
    pub(crate) shown: Vec<Shown>,
}

/// What a look at the files asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Nothing,
    /// They are others than those that were read, and have been so for two looks: whoever writes them has finished.
    Reading,
}

impl Watched {
    /// Before the files are read: what is written meanwhile is noticed by the next look.
    fn new(paths: Vec<PathBuf>) -> Watched {
        let now = stamps(&paths);
        Watched {
            paths,
            taken: now.clone(),
            seen: now,
            refused: None,
            shown: Vec::new(),
        }
    }

    fn look(&mut self) -> Wanted {
        let now = stamps(&self.paths);
        let is_settled = now == self.seen;
        self.seen = now;
        if self.seen == self.taken {
            self.refused = None;
            return Wanted::Nothing;
        }
        if !is_settled || self.refused.as_ref() == Some(&self.seen) {
            return Wanted::Nothing;
        }
        Wanted::Reading
    }

    /// Whether they were written while they were read.
    fn moved(&self) -> bool {
        stamps(&self.paths) != self.seen
    }

    fn took(&mut self, shown: Vec<Shown>) {
        self.taken = self.seen.clone();
        self.refused = None;
        self.shown = shown;
    }
}

/// A configuration's certificates, read and not yet in use.
pub struct Prepared {
    sides: Sides,
    listeners: BTreeMap<Name, (ListenerSide, ServerContent)>,
    pools: BTreeMap<Name, (PoolSide, ClientContent)>,
    /// What the operator should know although it stops nothing: one sentence each.
    pub warnings: Vec<String>,
    /// Certificates that take the place of others in listeners and pools that were there already: a line each.
    pub renewed: Vec<String>,
}

impl Prepared {
    /// For the doors.
    pub fn sides(&self) -> &Sides {
        &self.sides
    }
}

/// What a look at the files found, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// New files are in use; otherwise they are no good and those of before stay.
    pub is_good: bool,
    /// One line.
    pub message: String,
}

/// Everything that is wrong with the files that a configuration names. `dates`: also certificates that have expired or
/// are not valid yet. Blocks.
pub fn examine(config: &Config, dates: bool) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (listener, tls) in encrypted_listeners(config) {
        match read::listener(&listener.name, tls) {
            Ok(files) if dates => complaints.extend(files.untimely(&listener.name)),
            Ok(_) => {}
            Err(found) => complaints.extend(found),
        }
    }
    for (pool, tls) in encrypted_pools(config) {
        match read::pool(pool, tls) {
            Ok(files) if dates => complaints.extend(files.untimely),
            Ok(_) => {}
            Err(found) => complaints.extend(found),
        }
    }
    complaints
}

fn encrypted_listeners(config: &Config) -> impl Iterator<Item = (&Listener, &ListenerTls)> {
    config
        .listeners
        .iter()
        .filter_map(|listener| Some((listener, listener.tls.as_ref()?)))
}

fn encrypted_pools(config: &Config) -> impl Iterator<Item = (&Pool, &PoolTls)> {
    config.pools.iter().filter_map(|pool| Some((pool, pool.tls.as_ref()?)))
}

impl Vault {
    /// Nothing is held yet.
    pub fn new() -> Vault {
        Vault::default()
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads everything that a configuration names. Nothing changes until [`Vault::commit`].
    ///
    /// # Errors
    /// Everything that is wrong, with its place in the configuration.
    pub fn prepare(&self, config: &Config) -> Result<Prepared, Vec<Complaint>> {
        let held = self.held();
        let mut complaints = Vec::new();
        let mut prepared = Prepared {
            sides: Sides::default(),
            listeners: BTreeMap::new(),
            pools: BTreeMap::new(),
            warnings: Vec::new(),
            renewed: Vec::new(),
        };
        for (listener, tls) in encrypted_listeners(config) {
            match prepare_listener(&listener.name, tls, held.listeners.get(&listener.name), &mut prepared) {
                Ok((side, content)) => {
                    let (name, shared) = (listener.name.clone(), side.shared.clone());
                    prepared.sides.listeners.insert(name.clone(), shared);
                    prepared.listeners.insert(name, (side, content));
                }
                Err(found) => complaints.extend(found),
            }
        }
        for (pool, tls) in encrypted_pools(config) {
            match prepare_pool(pool, tls, held.pools.get(&pool.name), &mut prepared) {
                Ok((side, content)) => {
                    let (name, shared) = (pool.name.clone(), side.shared.clone());
                    prepared.sides.pools.insert(name.clone(), shared);
                    prepared.pools.insert(name, (side, content));
                }
                Err(found) => complaints.extend(found),
            }
        }
        if complaints.is_empty() {
            Ok(prepared)
        } else {
            Err(complaints)
        }
    }

    /// Everything that was prepared is in use for connections that begin now.
    pub fn commit(&self, prepared: Prepared) {
        let mut held = self.held();
        let listeners = prepared.listeners.into_iter().map(|(name, (side, content))| {
            side.shared.replace(content);
            (name, side)
        });
        held.listeners = listeners.collect();
        let pools = prepared.pools.into_iter().map(|(name, (side, content))| {
            side.shared.replace(content);
            (name, side)
        });
        held.pools = pools.collect();
    }

    /// Looks at every file, and takes those that have changed if they are good. Makes new ticket keys when it is time.
    pub fn look(&self) -> Vec<News> {
        let held = &mut *self.held();
        let mut news = Vec::new();
        for (name, side) in &mut held.listeners {
            if side.files.look() == Wanted::Reading {
                news.extend(reread_listener(name, side));
            }
            if let Err(error) = side.tickets.keep_fresh(moment::now()) {
                let message = format!("listener {name}: the keys of session tickets stay as they are: {error}");
                news.push(News {
                    is_good: false,
                    message,
                });
            }
        }
        for (name, side) in &mut held.pools {
            if side.files.look() == Wanted::Reading {
                news.extend(reread_pool(name, side));
            }
        }
        for news in &news {
            held.changes[usize::from(!news.is_good)] += 1;
        }
        news
    }
}

impl Vault {
    /// Makes new ticket keys for every listener now, whatever their age: after a key may have been seen. Sessions of
    /// the keys before the present ones begin anew.
    pub fn rotate_tickets(&self) {
        let held = self.held();
        for side in held.listeners.values() {
            // Without randomness the present keys stay; `look` tells of it.
            let _ = side.tickets.rotate(moment::now());
        }
    }
}

fn prepare_listener(
    name: &Name,
    tls: &ListenerTls,
    before: Option<&ListenerSide>,
    prepared: &mut Prepared,
) -> Result<(ListenerSide, ServerContent), Vec<Complaint>> {
    let mut watched = Watched::new(read::listener_paths(tls));
    let files = read::listener(name, tls)?;
    watched.shown = files.shown();
    if let Some(side) = before {
        let newly = files.newly_untimely(name, &side.read);
        if !newly.is_empty() {
            return Err(newly);
        }
        let renewed = files.renewed(&side.read);
        prepared.renewed.extend(renewal("listener", name, &renewed));
    }
    let untimely = files.untimely(name);
    let warnings = untimely.iter().map(|complaint| sentence("listener", name, complaint));
    prepared.warnings.extend(warnings);
    let kept = before.filter(|side| {
        side.read.authority == files.authority
            && side.model.client == tls.client
            && side.model.min_version == tls.min_version
    });
    let tickets = match kept {
        Some(side) => side.tickets.clone(),
        None => fresh_tickets(name)?,
    };
    let content = files.content(name, tls, tickets.clone())?;
    let shared = match before {
        Some(side) => side.shared.clone(),
        None => Arc::new(ServerTls::new(content.clone())),
    };
    let side = ListenerSide {
        model: tls.clone(),
        shared,
        read: files,
        tickets,
        files: watched,
    };
    Ok((side, content))
}

fn fresh_tickets(name: &Name) -> Result<Arc<TicketKeys>, Vec<Complaint>> {
    let keys = TicketKeys::new(moment::now()).map_err(|error| {
        vec![Complaint {
            at: Vec::new(),
            message: format!("listener {name}: no keys for session tickets: {error}"),
            help: None,
        }]
    })?;
    Ok(Arc::new(keys))
}

fn prepare_pool(
    pool: &Pool,
    tls: &PoolTls,
    before: Option<&PoolSide>,
    prepared: &mut Prepared,
) -> Result<(PoolSide, ClientContent), Vec<Complaint>> {
    let mut watched = Watched::new(read::pool_paths(tls));
    let files = read::pool(pool, tls)?;
    watched.shown = files.shown;
    if let Some(side) = before.filter(|side| side.files.shown != watched.shown) {
        if !files.untimely.is_empty() && !side.files.shown.is_empty() {
            return Err(files.untimely);
        }
        prepared.renewed.extend(renewal("pool", &pool.name, &watched.shown));
    }
    let warnings = files.untimely.iter();
    prepared
        .warnings
        .extend(warnings.map(|complaint| sentence("pool", &pool.name, complaint)));
    if !tls.verify {
        let warning = "`verify = false`: whoever answers at a backend's address is believed to be it";
        prepared.warnings.push(format!("pool {}: {warning}", pool.name));
    }
    let shared = match before {
        Some(side) => side.shared.clone(),
        None => Arc::new(ClientTls::new(files.content.clone())),
    };
    let side = PoolSide {
        model: pool.clone(),
        shared,
        files: watched,
    };
    Ok((side, files.content))
}

fn reread_listener(name: &Name, side: &mut ListenerSide) -> Option<News> {
    let (files, mut complaints) = read::listener_again(name, &side.model, &side.read);
    let tickets = if files.authority == side.read.authority {
        Ok(side.tickets.clone())
    } else {
        fresh_tickets(name)
    };
    let usable = tickets.and_then(|tickets| Ok((files.content(name, &side.model, tickets.clone())?, tickets)));
    if side.files.moved() {
        return None;
    }
    let mut renewed = Vec::new();
    match usable {
        Ok((content, tickets)) => {
            side.shared.replace(content);
            side.tickets = tickets;
            renewed = files.renewed(&side.read);
            side.read = files;
        }
        Err(found) => complaints.extend(found),
    }
    if complaints.is_empty() {
        side.files.took(side.read.shown());
        return Some(good("listener", name, &side.files.shown));
    }
    // Where several files have changed, those that are good wait for none that is not.
    side.files.shown = side.read.shown();
    let mut news = bad("listener", name, &complaints, &mut side.files);
    if !renewed.is_empty() {
        news.message.push_str(&format!("; in use are {}", listed(&renewed)));
    }
    Some(news)
}

fn reread_pool(name: &Name, side: &mut PoolSide) -> Option<News> {
    let tls = side.model.tls.clone()?;
    let read = read::pool(&side.model, &tls).and_then(|files| {
        if files.untimely.is_empty() {
            Ok(files)
        } else {
            Err(files.untimely)
        }
    });
    if side.files.moved() {
        return None;
    }
    match read {
        Ok(files) => {
            side.shared.replace(files.content);
            side.files.took(files.shown);
            Some(good("pool", name, &side.files.shown))
        }
        Err(complaints) => Some(bad("pool", name, &complaints, &mut side.files)),
    }
}

fn good(section: &str, name: &Name, shown: &[Shown]) -> News {
    let what = if shown.is_empty() {
        "authorities".to_owned()
    } else {
        listed(shown)
    };
    News {
        is_good: true,
        message: format!("{section} {name}: files have changed and are in use: {what}"),
    }
}

fn renewal(section: &str, name: &Name, renewed: &[Shown]) -> Option<String> {
    (!renewed.is_empty()).then(|| format!("{section} {name}: certificates: {}", listed(renewed)))
}

fn listed(shown: &[Shown]) -> String {
    let certificates = shown
        .iter()
        .map(|shown| format!("{} until {}", shown.name, moment::show(shown.not_after)));
    certificates.collect::<Vec<String>>().join(", ")
}

fn bad(section: &str, name: &Name, complaints: &[Complaint], files: &mut Watched) -> News {
    files.refused = Some(files.seen.clone());
    let sentences: Vec<String> = complaints.iter().map(said).collect();
    News {
        is_good: false,
        message: format!(
            "{section} {name}: files have changed and are refused, those of before stay in use: {}",
            sentences.join("; ")
        ),
    }
}

fn sentence(section: &str, name: &Name, complaint: &Complaint) -> String {
    format!("{section} {name}: {}", said(complaint))
}

fn said(complaint: &Complaint) -> String {
    match &complaint.help {
        Some(help) => format!("{} ({help})", complaint.message),
        None => complaint.message.clone(),
    }
}
