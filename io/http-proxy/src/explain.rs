//! Which way a request would go, in words. Asked by people; the answer is found by what requests use themselves.

use crate::door::{Action, Answer, Way, Ways};
use crate::exchange::Exchange;
use crate::facts::{self, AddressText};
use crate::pool_side::PoolSide;
use crate::proxy;
use crate::rules;
use crate::world::World;
use evenkeel_http::Parsed;
use evenkeel_model::{RedirectTo, RouteAction};
use evenkeel_net::reactor;
use evenkeel_pool::{Preview, View};
use std::net::IpAddr;

/// A request that somebody asks about.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where it arrives.
    pub listener: String,
    /// Its head as HTTP/1.1 text.
    pub head: Vec<u8>,
    /// Who sends it.
    pub from: IpAddr,
}

/// What would become of it. Sentences are for people.
#[derive(Debug, Clone, Default)]
pub struct Explained {
    /// The believed client.
    pub client: String,
    /// It is no request that is taken: why not.
    pub refused: Option<String>,
    /// The route's name; none matched if there is none.
    pub route: Option<String>,
    /// Why that one, or why none.
    pub why: String,
    /// More specific routes that did not match.
    pub missed: Vec<String>,
    /// What the route does.
    pub does: String,
    /// The path that is sent on, or looked for, where it is another.
    pub path: Option<String>,
    /// The pool, where it is known.
    pub pool: Option<String>,
    /// How the pool knows this client again, if it keeps any.
    pub sticky: Option<String>,
    /// The backend, where it is known.
    pub backend: Option<String>,
    /// Why that one, or who else.
    pub why_backend: String,
}

/// Explains on a worker.
pub(crate) fn explain(world: &World, asked: &Asked) -> Result<Explained, String> {
    let doors = world.doors.borrow();
    let door = doors.iter().find(|(name, _)| ***name == *asked.listener);
    let ways = door.map(|(_, door)| door.now()).ok_or("there is no such listener")?;
    let mut exchange = Exchange::begin(reactor::now());
    exchange.input.extend_from_slice(&asked.head);
    let explained = read(&mut exchange, &ways, asked).unwrap_or_else(|refused| Explained {
        client: asked.from.to_string(),
        refused: Some(refused),
        ..Explained::default()
    });
    let explained = match explained.refused {
        None => judge(world, &ways, &exchange, explained, asked.from),
        Some(_) => explained,
    };
    exchange.end();
    Ok(explained)
}

fn read(exchange: &mut Exchange, ways: &Ways, asked: &Asked) -> Result<Explained, String> {
    match exchange.head.parse(&asked.head, &ways.limits) {
        Ok(Parsed::Whole) => Ok(Explained::default()),
        Ok(Parsed::Partial) => Err("its head does not end".to_owned()),
        Err(refused) => Err(format!("{} ({})", refused.reason.text(), refused.status)),
    }
}

fn judge(world: &World, ways: &Ways, exchange: &Exchange, mut explained: Explained, from: IpAddr) -> Explained {
    let believed = facts::believed(Some(from), ways.trusts(Some(from)), ways, exchange);
    let client = AddressText::new(believed);
    explained.client = String::from_utf8_lossy(client.as_bytes()).into_owned();
    let words = proxy::as_routed(exchange, believed, |request| ways.router.explain(request));
    explained.why = words.why;
    explained.missed = words.missed.into_iter().map(|missed| missed.why).collect();
    let (Some(index), Some(route)) = (
        words.route,
        words.route.and_then(|index| ways.listener.routes.get(index)),
    ) else {
        explained.does = "answers 404".to_owned();
        return explained;
    };
    let way = &ways.ways[index];
    explained.route = Some(way.name.to_string());
    explained.path = changed_path(way, exchange);
    let pool = match &way.action {
        Action::Pool(target) => {
            explained.does = "forwards to a pool".to_owned();
            Some(&target.pool)
        }
        Action::Split(fork) => {
            explained.does = split_words(&route.action, fork.by.is_some());
            let key = fork.by.as_ref().map(|by| rules::split_key(by, exchange, believed));
            key.map(|key| &fork.target(key).pool)
        }
        Action::Own(answer) => {
            explained.does = own_words(answer, way, exchange);
            None
        }
    };
    if let Some(pool) = pool {
        explained.pool = Some(pool.shared.name.to_string());
        backend(world, pool, exchange, believed, &mut explained);
    }
    explained
}

fn changed_path(way: &Way, exchange: &Exchange) -> Option<String> {
    let rewrite = way.rules.as_ref()?.rewrite.as_ref()?;
    let mut path = Vec::new();
    let changes = rewrite.path(exchange.head.path.of(&exchange.input), &mut path);
    changes.then(|| path.escape_ascii().to_string())
}

fn split_words(action: &RouteAction, by_key: bool) -> String {
    let sides = match action {
        RouteAction::Split(split) => split.sides.as_slice(),
        RouteAction::Pool(_) | RouteAction::Redirect(_) | RouteAction::Respond(_) | RouteAction::Files(_) => &[],
    };
    let shares: Vec<String> = sides
        .iter()
        .map(|side| format!("{} ({})", side.pool, side.weight))
        .collect();
    let shares = shares.join(", ");
    match by_key {
        true => format!("forwards to one of {shares}, the same for the same client"),
        false => format!("forwards to one of {shares}, by chance"),
    }
}

fn own_words(answer: &Answer, way: &Way, exchange: &Exchange) -> String {
    match answer {
        Answer::Respond(respond) => format!("answers {}", respond.status),
        Answer::Files(_) => "answers with a file".to_owned(),
        Answer::Redirect(RedirectTo::Https { port: None }) => "redirects to the same place over https".to_owned(),
        Answer::Redirect(RedirectTo::Https { port: Some(port) }) => {
            format!("redirects to the same place over https, to port {port} whoever came to the listener's own")
        }
        Answer::Redirect(RedirectTo::Location(location)) => format!("redirects to {location}"),
        Answer::Redirect(RedirectTo::Groups(_)) => {
            let mut location = Vec::new();
            if let Some(rewrite) = way.rules.as_ref().and_then(|rules| rules.rewrite.as_ref()) {
                rewrite.location(exchange.head.path.of(&exchange.input), &mut location);
            }
            format!("redirects to {}", location.escape_ascii())
        }
    }
}

fn backend(world: &World, pool: &PoolSide, exchange: &Exchange, believed: Option<IpAddr>, explained: &mut Explained) {
    let view = pool.view();
    let sticky = pool.sticky.borrow();
    let visit = sticky.visit(exchange, believed, world);
    let known = sticky.words(&visit);
    let preview = view.preview(visit.wish);
    let (backend, why) = match preview {
        Preview::Nobody => (None, "no backend may be used now: 503".to_owned()),
        Preview::Anybody => (
            None,
            format!("{} chooses among {}", view.balance.as_str(), candidates(&view)),
        ),
        Preview::Home(home) => (Some(home), "its home".to_owned()),
        Preview::Away(home, other) => {
            let why = format!("for now: its home {} may not be used ({})", home.name, home.why);
            (Some(other), why)
        }
        Preview::Drawn(drawn) => (Some(drawn), "drawn for it, and remembered from then on".to_owned()),
    };
    explained.backend = backend.map(|member| member.name.to_string());
    explained.why_backend = why;
    explained.sticky = known.map(|known| match preview {
        Preview::Home(_) | Preview::Away(..) => format!("{known}, known client"),
        Preview::Nobody | Preview::Anybody | Preview::Drawn(_) => format!("{known}, new client"),
    });
}

fn candidates(view: &View) -> String {
    /// More tire the reader.
    const MOST: usize = 16;
    let names = view.candidates.iter().take(MOST);
    let names: Vec<&str> = names.map(|index| &*view.members[usize::from(*index)].name).collect();
    match view.candidates.len() {
        count if count > MOST => format!("{} and {} more", names.join(", "), count - MOST),
        _ => names.join(", "),
    }
}
