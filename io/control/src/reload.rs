//! Taking a configuration: at the start, and again while traffic flows. All or nothing.

use crate::clock;
use crate::control::{Control, Phase, Source};
use crate::file::{self, Unusable};
use crate::hearts::{Happening, wait_probed};
use crate::{log, systemd};
use evenkeel_config::{Change, Complaint};
use evenkeel_model::{Admin, Config, Pool};
use evenkeel_pool::Saved;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How long new pools may take to prove their backends before clients are sent there all the same.
const PROVE_LIMIT: Duration = Duration::from_secs(1);

/// How the last reload went.
#[derive(Debug, Clone)]
pub(crate) struct LastReload {
    /// Since 1970.
    pub(crate) at: Duration,
    pub(crate) error: Option<String>,
}

impl LastReload {
    pub(crate) fn good() -> LastReload {
        LastReload {
            at: clock::since_1970(),
            error: None,
        }
    }
}

/// A reload that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// What is different now, a line each; empty if nothing is.
    pub changes: Vec<String>,
    /// What is different in the file but not in this process.
    pub notes: Vec<String>,
}

/// A reload that was refused; nothing changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// One line.
    pub error: String,
    /// For people: the rendered problems, or what to do.
    pub help: String,
    /// For scripts: the file's problems, if it is the file.
    pub problems: Option<Value>,
}

impl Refusal {
    fn new(error: impl Into<String>, help: impl Into<String>) -> Refusal {
        Refusal {
            error: error.into(),
            help: help.into(),
            problems: None,
        }
    }

    fn of_file(unusable: &Unusable) -> Refusal {
        Refusal {
            error: format!("{}; nothing was changed", unusable.summary()),
            help: unusable.render(false),
            problems: Some(unusable.to_json()),
        }
    }

    fn of_doors(failures: &[String]) -> Refusal {
        Refusal::new(
            "the configuration cannot be applied; nothing was changed",
            failures.join("\n"),
        )
    }

    /// They were good a moment ago, when the file was read.
    fn of_certificates(complaints: &[Complaint]) -> Refusal {
        let lines: Vec<&str> = complaints.iter().map(|complaint| complaint.message.as_str()).collect();
        Refusal::new("the certificates cannot be used; nothing was changed", lines.join("\n"))
    }

    fn stopping() -> Refusal {
        Refusal::new("the balancer is stopping; nothing was changed", "")
    }
}

impl Control {
    /// Reads the file again and takes it, or refuses it whole.
    pub async fn reload(&self) -> Result<Taken, Refusal> {
        let _one_at_a_time = self.reloading.lock().await;
        if self.phase() == Phase::Stopping {
            return Err(Refusal::stopping());
        }
        systemd::reloading();
        let result = self.reload_file().await;
        match &result {
            Ok(_) => systemd::ready(&systemd::serving(&self.config.load())),
            Err(refusal) => systemd::ready(&format!("serving; the last reload was refused: {}", refusal.error)),
        }
        let (word, error) = match &result {
            Ok(taken) => {
                log::info("reloaded", &[("changes", &taken.changes.len())]);
                for change in &taken.changes {
                    log::info(change, &[]);
                }
                for note in &taken.notes {
                    log::warn(note, &[]);
                }
                (format!("reloaded, {} changes", taken.changes.len()), None)
            }
            Err(refusal) => {
                log::error(&format!("{}\n{}", refusal.error, refusal.help), &[]);
                (refusal.error.clone(), Some(refusal.error.clone()))
            }
        };
        *self.last_reload.lock().unwrap_or_else(PoisonError::into_inner) = LastReload {
            error,
            ..LastReload::good()
        };
        self.hearts.announce(Happening::plain("reload", word));
        result
    }

    async fn reload_file(&self) -> Result<Taken, Refusal> {
        let path = match &self.source {
            Source::File(path) => path.clone(),
            Source::Command => {
                return Err(Refusal::new(
                    "there is no file to reload",
                    "this balancer was started by a command line; `evenkeel run` has a file",
                ));
            }
        };
        let loaded = tokio::task::spawn_blocking(move || file::load(&path)).await;
        let new = match loaded {
            Ok(Ok(new)) => Arc::new(new),
            Ok(Err(unusable)) => return Err(Refusal::of_file(&unusable)),
            Err(error) => return Err(Refusal::new("reading the file broke off", error.to_string())),
        };
        let old = self.config.load_full();
        let renewed = self.take(&new, BTreeMap::new()).await?;
        self.config.store(new.clone());
        log::configure(new.log);
        self.warn_of_token().await;
        let mut changes = changes(&old, &new);
        changes.extend(renewed);
        Ok(Taken {
            changes,
            notes: not_live(&self.started, &new.admin).into_iter().collect(),
        })
    }

    /// Gives a configuration to the hearts and the doors: both take it, or neither. `saved` is what is known of its
    /// pools from before a restart. Tells of certificates that were exchanged.
    pub(crate) async fn take(
        &self,
        config: &Arc<Config>,
        mut saved: BTreeMap<String, Saved>,
    ) -> Result<Vec<String>, Refusal> {
        let (vault, for_vault) = (self.vault.clone(), config.clone());
        let read = tokio::task::spawn_blocking(move || vault.prepare(&for_vault)).await;
        let mut certificates = match read {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(complaints)) => return Err(Refusal::of_certificates(&complaints)),
            Err(error) => return Err(Refusal::new("reading the certificates broke off", error.to_string())),
        };
        let with_saved = |pool: &Pool| (pool.clone(), saved.remove(&*pool.name));
        let pools = config.pools.iter().map(with_saved).collect();
        let shared = self
            .hearts
            .prepare(pools, certificates.sides().pools.clone())
            .await
            .map_err(|_| Refusal::stopping())?;
        // Clients of a listener that opens now shall find backends that are known to be good.
        wait_probed(&shared, PROVE_LIMIT).await;
        let (doors, for_doors, sides) = (self.doors.clone(), config.clone(), certificates.sides().clone());
        let applied = tokio::task::spawn_blocking(move || doors.apply(&for_doors, &shared, &sides)).await;
        match applied {
            Ok(Ok(())) => {
                for warning in &certificates.warnings {
                    log::warn(warning, &[]);
                }
                let renewed = std::mem::take(&mut certificates.renewed);
                self.vault.commit(certificates);
                self.hearts.commit().await.map_err(|_| Refusal::stopping())?;
                Ok(renewed)
            }
            Ok(Err(failures)) => {
                self.hearts.abandon().await;
                Err(Refusal::of_doors(&failures))
            }
            Err(error) => {
                self.hearts.abandon().await;
                Err(Refusal::new("applying the configuration broke off", error.to_string()))
            }
        }
    }
}

/// What is different now, a line each.
fn changes(old: &Config, new: &Config) -> Vec<String> {
    let lines = evenkeel_config::diff(old, new)
        .into_iter()
        .filter_map(|change| match change {
            // Of this section only the token is taken while we run; of the others `not_live` tells.
            Change::AdminChanged => {
                (old.admin.token_file != new.admin.token_file).then(|| "admin: changed token_file".to_owned())
            }
            Change::ListenerAdded(_)
            | Change::ListenerRemoved(_)
            | Change::ListenerChanged { .. }
            | Change::PoolAdded(_)
            | Change::PoolRemoved(_)
            | Change::PoolChanged { .. }
            | Change::LogChanged => Some(change.to_string()),
        });
    lines.collect()
}

/// What of `[admin]` differs from the start and stays so until a restart.
fn not_live(old: &Admin, new: &Admin) -> Option<String> {
    let differs = [
        ("socket", old.socket != new.socket),
        ("bind", old.bind != new.bind),
        ("state", old.state != new.state),
    ];
    let keys: Vec<&str> = differs
        .iter()
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| *key)
        .collect();
    (!keys.is_empty()).then(|| format!("admin: needs a restart: {}", keys.join(", ")))
}
