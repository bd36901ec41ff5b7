//! Many clients at once, each on a kept connection, who count everything that is not as it should be.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::client::Client;

/// How long a client waits for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// What the clients do.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Where to.
    pub address: SocketAddr,
    /// How many of them, each with one request at a time.
    pub clients: usize,
    /// Every how many-th request is a POST with a body; 0 = none.
    pub post_every: u64,
    /// Whether each request has a connection of its own.
    pub closing: bool,
    /// What is asked for; `None` = something else each time.
    pub target: Option<&'static str>,
}

impl Plan {
    /// GETs only, each client on one kept connection.
    #[must_use]
    pub fn gets(address: SocketAddr, clients: usize) -> Self {
        Self {
            address,
            clients,
            post_every: 0,
            closing: false,
            target: None,
        }
    }
}

/// What happened.
#[derive(Debug, Default)]
pub struct Tally {
    /// GETs answered with 200.
    pub gets: u64,
    /// What else became of a GET.
    pub get_failures: Vec<String>,
    /// What became of each POST, by its target, which no other has: a status or a sentence.
    pub posts: BTreeMap<String, Result<u16, String>>,
    /// Connections that were opened; one for each client if all were kept.
    pub connections: u64,
    /// GETs answered, by the body (the backend's name).
    pub by_body: BTreeMap<String, u64>,
}

impl Tally {
    /// POSTs that were answered with this status.
    #[must_use]
    pub fn posts_with(&self, status: u16) -> usize {
        self.posts.values().filter(|outcome| **outcome == Ok(status)).count()
    }

    fn add(&mut self, other: Self) {
        self.gets += other.gets;
        self.get_failures.extend(other.get_failures);
        self.posts.extend(other.posts);
        self.connections += other.connections;
        for (body, count) in other.by_body {
            *self.by_body.entry(body).or_default() += count;
        }
    }
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Tally>>,
}

impl Load {
    /// Sets them to work.
    #[must_use]
    pub fn start(plan: Plan) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let client = |number| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || work(number, plan, &stop, &answered))
        };
        let clients = (0..plan.clients).map(client).collect();
        Self {
            stop,
            answered,
            clients,
        }
    }

    /// Requests answered so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits until so many more requests have been answered; false when `wait` was over first.
    #[must_use]
    pub fn go_on(&self, more: u64, wait: Duration) -> bool {
        let (goal, deadline) = (self.answered() + more, Instant::now() + wait);
        while self.answered() < goal {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// Lets each client finish its request, and adds up.
    ///
    /// # Panics
    /// A client has.
    #[must_use]
    pub fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut tally = Tally::default();
        for client in self.clients {
            match client.join() {
                Ok(own) => tally.add(own),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        tally
    }
}

fn work(number: usize, plan: Plan, stop: &AtomicBool, answered: &AtomicU64) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        count += 1;
        let post = plan.post_every > 0 && count % plan.post_every == 0;
        let target = plan.target.map_or_else(|| format!("/{number}-{count}"), str::to_owned);
        let outcome = exchange(&mut connection, &plan, post, &target, &mut tally);
        answered.fetch_add(1, Ordering::Relaxed);
        if outcome.is_err() {
            connection = None;
        }
        match (post, outcome) {
            (true, outcome) => {
                tally.posts.insert(target, outcome.map(|(status, _)| status));
            }
            (false, Ok((200, body))) => {
                tally.gets += 1;
                *tally.by_body.entry(body).or_default() += 1;
            }
            (false, Ok((status, body))) => tally.get_failures.push(format!("GET {target}: {status} {body}")),
            (false, Err(problem)) => tally.get_failures.push(format!("GET {target}: {problem}")),
        }
    }
    tally
}

fn exchange(
    connection: &mut Option<Client>,
    plan: &Plan,
    post: bool,
    target: &str,
    tally: &mut Tally,
) -> Result<(u16, String), String> {
    let mut client = match connection.take() {
        Some(client) => client,
        None => {
            tally.connections += 1;
            Client::connect(plan.address).map_err(|error| format!("connect: {error}"))?
        }
    };
    let last = if plan.closing { "connection: close\r\n" } else { "" };
    let request = if post {
        format!("POST {target} HTTP/1.1\r\nhost: test\r\n{last}content-length: 5\r\n\r\nhello")
    } else {
        format!("GET {target} HTTP/1.1\r\nhost: test\r\n{last}\r\n")
    };
    client
        .send(request.as_bytes())
        .map_err(|error| format!("send: {error}"))?;
    let response = client.response(ANSWER_WITHIN, false)?;
    let closes = response
        .fields
        .members("connection")
        .iter()
        .any(|member| member == "close");
    if !closes {
        *connection = Some(client);
    }
    Ok((response.status, String::from_utf8_lossy(&response.body).into_owned()))
}
