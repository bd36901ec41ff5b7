//! Runs corpus cases against one balancer and judges what was seen.
//!
//! The balancer has several lanes, each with an origin and listeners of its own, so that cases run side by side without
//! seeing each other; within a lane they run one after the other. After every case a probe shows that the lane still
//! serves and that nothing of the case is left in it to reach the next client.

mod judge;
mod seen;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::balancer::Balancer;
use crate::client::Client;
use crate::corpus::{Afterwards, Case, Listener, Step};
use crate::notation;
use crate::origin::{Origin, PROBE_BODY, PROBE_TARGET, contains};
use judge::judge;
use seen::{Conversation, Seen};

/// Cases that run side by side.
const LANES: usize = 4;
/// Listeners of a lane, one for each of [`Listener`].
const LISTENERS: usize = 4;
/// How long one condition of a case may take to come true. Only a failing case waits this long.
const WAIT: Duration = Duration::from_secs(5);
/// How long what a case leaves behind at the origin may take to end.
const SETTLE_WAIT: Duration = Duration::from_secs(3);
/// How often a probe on a connection of its own is sent before the lane counts as broken: the balancer may just have
/// taken an idle backend connection that the case's origin closes.
const PROBE_ATTEMPTS: usize = 3;
/// Bytes shown of what was sent or received.
const SHOWN_BYTES: usize = 700;
/// Longer bytes are not torn into single ones but into pieces of [`LONG_PIECE_BYTES`]: it would only take time.
const TORN_BYTES: usize = 2000;
/// Size of the pieces of what is long.
const LONG_PIECE_BYTES: usize = 500;

/// How the client's bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Each step's bytes at once.
    Whole,
    /// Byte by byte: no outcome may depend on how bytes arrive.
    Torn,
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many cases ran.
    pub ran: usize,
    /// One text for each case that failed, in the order of the corpus.
    pub failures: Vec<String>,
}

/// Starts a balancer and runs all `cases` through it.
///
/// # Errors
/// The balancer does not start, or a client cannot connect.
pub fn run(cases: &[Case], delivery: Delivery) -> io::Result<Report> {
    let origins = (0..LANES).map(|_| Origin::start()).collect::<io::Result<Vec<_>>>()?;
    let balancer = Balancer::start(LANES * LISTENERS, |ports| configuration(ports, &origins))?;
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let work = |lane: &Lane<'_>| -> io::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(number) else { return Ok(()) };
            if let Some(failure) = lane.run(case, delivery)? {
                failures
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((number, failure));
            }
        }
    };
    std::thread::scope(|scope| {
        let lanes = origins.iter().zip(balancer.ports().chunks(LISTENERS));
        let work = &work;
        let running: Vec<_> = lanes
            .map(|(origin, ports)| scope.spawn(move || work(&Lane { origin, ports })))
            .collect();
        running
            .into_iter()
            .try_for_each(|lane| lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort();
    Ok(Report {
        ran: cases.len(),
        failures: failures.into_iter().map(|(_, failure)| failure).collect(),
    })
}

fn configuration(ports: &[u16], origins: &[Origin]) -> String {
    let mut text = String::new();
    for (lane, (ports, origin)) in ports.chunks(LISTENERS).zip(origins).enumerate() {
        let address = origin.address();
        let [web, trusted, small, impatient] = ports else {
            continue;
        };
        let patience = r#"timeouts = { header = "20s", idle = "20s", request = "20s" }"#;
        text.push_str(&format!(
            r#"
[listener.web{lane}]
bind = "127.0.0.1:{web}"
pool = "origin{lane}"
max_header_size = "16KiB"
{patience}

[listener.trusted{lane}]
bind = "127.0.0.1:{trusted}"
pool = "origin{lane}"
trusted_proxies = ["127.0.0.0/8"]
{patience}

[listener.small{lane}]
bind = "127.0.0.1:{small}"
pool = "origin{lane}"
max_body_size = "1KiB"
{patience}

[listener.impatient{lane}]
bind = "127.0.0.1:{impatient}"
pool = "impatient{lane}"
timeouts = {{ header = "1s", idle = "1s", request = "1s" }}

[pool.origin{lane}]
backends = ["{address}"]
check = false
eject = false
retry = {{ attempts = 0 }}
timeouts = {{ connect = "2s", response = "20s", idle = "20s" }}

[pool.impatient{lane}]
backends = ["{address}"]
check = false
eject = false
retry = {{ attempts = 0 }}
timeouts = {{ connect = "2s", response = "1s", idle = "20s" }}
"#
        ));
    }
    text
}

struct Lane<'a> {
    origin: &'a Origin,
    ports: &'a [u16],
}

impl Lane<'_> {
    /// Runs one case; the text of its failure, if it failed.
    fn run(&self, case: &Case, delivery: Delivery) -> io::Result<Option<String>> {
        self.origin.begin(case.script.clone());
        let address = self.address(case.listener);
        let mut client = Some(Client::connect(address)?);
        let mut stuck = None;
        for step in &case.steps {
            if let Err(problem) = self.step(&mut client, step, case, delivery) {
                stuck = problem;
                break;
            }
        }
        let mut seen = Seen {
            stuck,
            ..Seen::default()
        };
        match &mut client {
            None => seen.ended = true,
            Some(client) => self.observe(client, case, &mut seen),
        }
        drop(client);
        if seen.probe.is_none() {
            seen.probe = Some(probe_again(address));
        }
        seen.settled = self.origin.settle(SETTLE_WAIT);
        seen.records = self.origin.records();
        let problems = judge(case, &seen);
        Ok((!problems.is_empty()).then(|| failure(case, &seen, &problems)))
    }

    fn address(&self, listener: Listener) -> SocketAddr {
        let number = match listener {
            Listener::Web => 0,
            Listener::Trusted => 1,
            Listener::Small => 2,
            Listener::Impatient => 3,
        };
        (Ipv4Addr::LOCALHOST, self.ports[number]).into()
    }

    /// Does one step. An error ends the steps; its sentence, if any, is a failure of the case. A write that fails is
    /// none by itself: the balancer may refuse before everything is sent.
    fn step(
        &self,
        client: &mut Option<Client>,
        step: &Step,
        case: &Case,
        delivery: Delivery,
    ) -> Result<(), Option<String>> {
        let Some(open) = client else { return Ok(()) };
        match step {
            Step::Send(bytes) => {
                let sent = match delivery {
                    Delivery::Whole => open.send(bytes),
                    Delivery::Torn if bytes.len() > TORN_BYTES => open.send_in_pieces(bytes, LONG_PIECE_BYTES),
                    Delivery::Torn => open.send_in_pieces(bytes, 1),
                };
                sent.map_err(|_| None)
            }
            Step::AwaitStatus(status) => {
                let has = |bytes: &[u8], ended| Conversation::of(bytes, ended, case).has_status(*status);
                // Whoever answers something else instead is judged by it.
                let enough = |bytes: &[u8], ended: bool| ended || Conversation::of(bytes, ended, case).has_final();
                open.read_until(WAIT, |bytes, ended| has(bytes, ended) || enough(bytes, ended));
                if has(open.received(), open.ended()) {
                    Ok(())
                } else if enough(open.received(), open.ended()) {
                    Err(None)
                } else {
                    Err(Some(format!("no {status} came while the client waited for it")))
                }
            }
            Step::AwaitBackend(bytes) => {
                let came = |records: &[crate::origin::Record]| records.iter().any(|own| contains(&own.bytes, bytes));
                let complaint = || format!("{:?} never reached the backend", notation::encode(bytes, SHOWN_BYTES));
                if self.origin.wait_until(WAIT, came) {
                    Ok(())
                } else {
                    Err(Some(complaint()))
                }
            }
            Step::HalfClose => open.close_write().map_err(|_| None),
            Step::Close => {
                *client = None;
                Ok(())
            }
            Step::Reset => client.take().map_or(Ok(()), Client::reset).map_err(|_| None),
        }
    }

    /// Reads until some outcome has come true as far as a client can see, or none can any more.
    fn observe(&self, client: &mut Client, case: &Case, seen: &mut Seen) {
        client.read_until(WAIT, |bytes, ended| {
            let conversation = Conversation::of(bytes, ended, case);
            ended || conversation.satisfies_some(case, bytes) || conversation.is_hopeless(case)
        });
        let conversation = Conversation::of(client.received(), client.ended(), case);
        seen.received = client.received().to_vec();
        seen.ended = client.ended();
        let used = conversation.used;
        let wants_open = !seen.ended && conversation.awaits(case, Afterwards::Open);
        seen.conversation = conversation;
        if wants_open {
            client.discard(used);
            let _ = client.send(probe_request().as_bytes());
            let answer = probe_answer(client);
            seen.stayed_open = answer.is_ok();
            // Closed without a further byte: not what this outcome wants, but another may; the lane is probed anew.
            seen.ended = client.ended() && answer.is_err() && client.received().is_empty();
            seen.probe = (!seen.ended).then_some(answer);
        }
    }
}

fn probe_request() -> String {
    format!("GET {PROBE_TARGET} HTTP/1.1\r\nHost: example.com\r\n\r\n")
}

fn probe_answer(client: &mut Client) -> Result<(), String> {
    let response = client.response(WAIT, false)?;
    if response.status == 200 && response.body == PROBE_BODY.as_bytes() {
        return Ok(());
    }
    Err(format!(
        "{} {:?}",
        response.status,
        notation::encode(&response.body, SHOWN_BYTES)
    ))
}

fn probe_again(address: SocketAddr) -> Result<(), String> {
    let mut last = Err(String::new());
    for _ in 0..PROBE_ATTEMPTS {
        let mut client = Client::connect(address).map_err(|error| error.to_string())?;
        let _ = client.send(probe_request().as_bytes());
        last = probe_answer(&mut client);
        if last.is_ok() {
            return last;
        }
    }
    last
}

fn failure(case: &Case, seen: &Seen, problems: &[String]) -> String {
    let mut text = format!("{}  {}  ({})\n", case.place, case.name, case.rfc);
    for step in &case.steps {
        let shown = match step {
            Step::Send(bytes) => notation::encode(bytes, SHOWN_BYTES),
            Step::AwaitBackend(bytes) => format!("[await backend {}]", notation::encode(bytes, SHOWN_BYTES)),
            other => format!("[{other:?}]"),
        };
        text.push_str(&format!("  sent      {shown}\n"));
    }
    text.push_str(&format!("  expected  {}\n", case.expectation));
    let end = if seen.ended {
        "then the connection ended"
    } else {
        "the connection stayed"
    };
    text.push_str(&format!(
        "  received  {} [{end}]\n",
        notation::encode(&seen.received, SHOWN_BYTES)
    ));
    for record in &seen.records {
        let end = if record.ended { " [ended]" } else { "" };
        text.push_str(&format!(
            "  backend   {}{end}\n",
            notation::encode(&record.bytes, SHOWN_BYTES)
        ));
    }
    for problem in problems {
        text.push_str(&format!("  wrong     {problem}\n"));
    }
    text
}
