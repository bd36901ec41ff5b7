//! A client that stays with its backend: what its request shows, and what the answer gives it.

use crate::exchange::Exchange;
use crate::facts;
use crate::stats::StickyCounts;
use crate::world::World;
use evenkeel_http::Edits;
use evenkeel_model::{Config, Name, Sticky};
use evenkeel_pool::{BackendId, Permit, Stay, View, Wish};
use evenkeel_route::sticky::{Bond, CLIENT_BYTES, Cookie, Found, Homes, SECRET_MOST, Secret, Stretched};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a secret or token file that are read: one more than a secret may have and the blanks around it.
const FILE_BYTES: u64 = SECRET_MOST as u64 + 64;

/// The cookies of pools, by the pool's name.
pub(crate) type Cookies = HashMap<Name, Arc<Cookie>>;

/// Makes the cookies of a configuration; reads their secrets. Blocks, and takes its time where there is an admin token.
pub(crate) fn cookies(config: &Config, problems: &mut Vec<String>) -> Cookies {
    let mut token = None;
    let mut cookies = HashMap::new();
    for pool in &config.pools {
        let Some(Sticky::Cookie {
            name,
            duration,
            secret_file,
        }) = &pool.sticky
        else {
            continue;
        };
        let secret = match secret_file {
            Some(path) => match secret_of(path) {
                Ok(secret) => secret,
                Err(error) => {
                    problems.push(format!("pool {}: secret_file {}: {error}", pool.name, path.display()));
                    continue;
                }
            },
            None => {
                let stretched = token.get_or_insert_with(|| stretched_token(config));
                Secret::derived(&pool.name, name.as_deref(), stretched.as_ref())
            }
        };
        let cookie = Cookie::new(&pool.name, name.as_ref(), *duration, &secret);
        cookies.insert(pool.name.clone(), Arc::new(cookie));
    }
    cookies
}

fn secret_of(path: &Path) -> Result<Secret, String> {
    let content = read(path).map_err(|error| error.to_string())?;
    Secret::from_file(&content).map_err(|error| error.to_string())
}

/// A token that cannot be read is told of elsewhere, and is none here either.
fn stretched_token(config: &Config) -> Option<Stretched> {
    let content = read(config.admin.token_file.as_deref()?).ok()?;
    let token = content.trim_ascii();
    (!token.is_empty()).then(|| Stretched::new(token))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(FILE_BYTES).read_to_end(&mut content)?;
    Ok(content)
}

/// How a pool knows its clients again, on one worker.
#[derive(Default)]
pub(crate) struct StickySide {
    how: How,
    homes: Homes<BackendId>,
    counts: Arc<StickyCounts>,
    /// Room for a request's cookies without ours.
    others: Vec<u8>,
}

#[derive(Default)]
enum How {
    #[default]
    Not,
    Cookie(Arc<Cookie>),
    Header(Name),
    Source,
}

/// What a request shows of its client, and what becomes of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Visit {
    /// Where the client belongs.
    pub(crate) wish: Wish,
    cookie: CookieSeen,
    client: [u8; CLIENT_BYTES],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum CookieSeen {
    /// Clients of this pool are known by something else, or not at all.
    #[default]
    NotAsked,
    /// There was none.
    None,
    /// None of those that came was ours.
    Refused,
    /// Its backend has left the pool.
    Lost,
    /// It is good.
    Good(Bond),
}

/// How a visit went, for the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    New,
    Home,
    Away,
    Lost,
    Refused,
}

impl Outcome {
    pub(crate) const ALL: [Outcome; 5] = [
        Outcome::New,
        Outcome::Home,
        Outcome::Away,
        Outcome::Lost,
        Outcome::Refused,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Outcome::New => "new",
            Outcome::Home => "home",
            Outcome::Away => "away",
            Outcome::Lost => "lost",
            Outcome::Refused => "refused",
        }
    }
}

impl StickySide {
    /// `cookie`: the pool's, if its clients are known by one.
    pub(crate) fn new(sticky: Option<&Sticky>, cookie: Option<&Arc<Cookie>>, counts: Arc<StickyCounts>) -> StickySide {
        let how = match (sticky, cookie) {
            (None, _) | (Some(Sticky::Cookie { .. }), None) => How::Not,
            (Some(Sticky::Cookie { .. }), Some(cookie)) => How::Cookie(cookie.clone()),
            (Some(Sticky::Header(name)), _) => How::Header(name.clone()),
            (Some(Sticky::Source), _) => How::Source,
        };
        StickySide {
            how,
            counts,
            ..StickySide::default()
        }
    }

    /// The pool's backends are these now.
    pub(crate) fn update(&mut self, view: &View) {
        if let How::Cookie(cookie) = &self.how {
            let members = view.members.iter().filter(|member| !member.leaving);
            self.homes
                .update(cookie, members.map(|member| (member.id, &member.name)));
        }
    }

    /// Whose request this is.
    pub(crate) fn visit(&self, exchange: &Exchange, believed: Option<IpAddr>, world: &World) -> Visit {
        let (head, input) = (&exchange.head, &exchange.input);
        let by_key = |key: Option<u64>| Visit {
            wish: key.map_or(Wish::None, Wish::Key),
            ..Visit::default()
        };
        match &self.how {
            How::Not => Visit::default(),
            How::Source => by_key(facts::network_hash(believed)),
            How::Header(name) => {
                let value = head.values(input, name.as_bytes()).find(|value| !value.is_empty());
                by_key(value.map(facts::hash_bytes))
            }
            How::Cookie(cookie) => self.visit_with(cookie.find(head.values(input, b"cookie")), world),
        }
    }

    fn visit_with(&self, found: Found, world: &World) -> Visit {
        let stranger = |cookie| Visit {
            wish: Wish::None,
            cookie,
            client: world.random().to_le_bytes(),
        };
        let bond = match found {
            Found::Nothing => return stranger(CookieSeen::None),
            Found::Refused => return stranger(CookieSeen::Refused),
            Found::Bond(bond) => bond,
        };
        let key = bond.key();
        let (wish, cookie) = match self.homes.find(bond.home) {
            Some(backend) => (Wish::Home { backend, key }, CookieSeen::Good(bond)),
            None => (Wish::Key(key), CookieSeen::Lost),
        };
        Visit {
            wish,
            cookie,
            client: bond.client,
        }
    }

    /// By what this visit's client is known, in words; `None` where clients are not kept.
    pub(crate) fn words(&self, visit: &Visit) -> Option<String> {
        let nothing = |word| if visit.wish == Wish::None { word } else { "" };
        match &self.how {
            How::Not => None,
            How::Source => Some(format!("source{}", nothing(" (it has no address)"))),
            How::Header(name) => Some(format!("header `{name}`{}", nothing(" (the request has none)"))),
            How::Cookie(cookie) => {
                let seen = match visit.cookie {
                    CookieSeen::NotAsked | CookieSeen::Good(_) => "",
                    CookieSeen::None => " (the request has none)",
                    CookieSeen::Refused => " (this pool did not sign the request's)",
                    CookieSeen::Lost => " (the backend that it names has left the pool)",
                };
                Some(format!("cookie `{}`{seen}", cookie.name()))
            }
        }
    }

    /// Counts a request that has got its first backend.
    pub(crate) fn count(&self, visit: &Visit, stay: Stay) {
        let outcome = match (visit.cookie, stay) {
            (CookieSeen::NotAsked, Stay::Free) => return,
            (_, Stay::Home) => Outcome::Home,
            (_, Stay::Away) => Outcome::Away,
            (CookieSeen::NotAsked | CookieSeen::None, Stay::Free | Stay::New) => Outcome::New,
            (CookieSeen::Refused, Stay::Free | Stay::New) => Outcome::Refused,
            (CookieSeen::Lost | CookieSeen::Good(_), Stay::Free | Stay::New) => Outcome::Lost,
        };
        self.counts.count(outcome);
    }

    /// The backend does not see our cookie: it is none of its business, and a change of it would be a change of what
    /// caches and backends compare. Of those fields all other cookies stay, in one field.
    pub(crate) fn hide(&mut self, visit: &Visit, exchange: &mut Exchange) {
        let How::Cookie(cookie) = &self.how else { return };
        match visit.cookie {
            CookieSeen::NotAsked | CookieSeen::None => return,
            CookieSeen::Refused | CookieSeen::Lost | CookieSeen::Good(_) => {}
        }
        // A route that sets the field itself has said what the backend gets.
        if !exchange.edits.drops(b"cookie") {
            self.others.clear();
            cookie.write_others(exchange.head.values(&exchange.input, b"cookie"), &mut self.others);
            exchange.edits.set(b"cookie", &self.others);
        }
    }

    /// Gives the answer the cookie, where one is due: to a client that has none of ours, or whose backend has left;
    /// with an age, always, so that it counts from the last visit.
    pub(crate) fn give(&mut self, visit: &Visit, permit: &Permit, secure: bool, edits: &mut Edits) {
        let How::Cookie(cookie) = &self.how else { return };
        let bond = match (visit.cookie, permit.stay()) {
            (CookieSeen::NotAsked, _) => return,
            (CookieSeen::Good(_), Stay::Home | Stay::Away) if !cookie.is_aging() => return,
            (CookieSeen::Good(bond), Stay::Home | Stay::Away) => bond,
            // A new client, or one whose only try at home failed just now.
            (CookieSeen::None | CookieSeen::Refused | CookieSeen::Lost | CookieSeen::Good(_), _) => {
                // It has left between the choice and now: the next answer gives another.
                let Some(home) = self.homes.tag(permit.id()) else {
                    return;
                };
                Bond {
                    client: visit.client,
                    home,
                }
            }
        };
        self.others.clear();
        cookie.write_set_cookie(&bond, secure, &mut self.others);
        edits.add(b"set-cookie", &self.others);
    }
}
