//! Clients that keep a server busy by being slow, beside honest ones.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use evenkeel_tests::load::{Load, Plan};

use crate::house::{House, Outcome, SOON, alone, cpu_time, raise_file_limit};

/// How many of each: a thousand together. Few readers, because each of them is megabytes in the kernel's buffers.
const SLOW_HEADERS: usize = 450;
const SLOW_BODIES: usize = 450;
const SLOW_READERS: usize = 100;
/// Between two bytes of a slow client.
const DRIP: Duration = Duration::from_millis(100);
const HEADER: Duration = Duration::from_secs(1);
const REQUEST: Duration = Duration::from_secs(2);
/// More than both kernels' buffers hold.
const BIG: usize = 16 << 20;

#[test]
fn a_thousand_slow_clients_are_cut_and_honest_ones_lose_nothing() -> Outcome {
    let _alone = alone();
    raise_file_limit()?;
    let timeouts = format!(
        "timeouts = {{ header = \"{}s\", request = \"{}s\" }}",
        HEADER.as_secs(),
        REQUEST.as_secs()
    );
    let house = House::start(&["b0", "b1"], &timeouts, "")?;
    house.wait_until_usable()?;
    let honest = Load::start(Plan {
        post_every: 4,
        ..Plan::gets(house.address(), 8)
    });
    let fresh = Load::start(Plan {
        closing: true,
        ..Plan::gets(house.address(), 4)
    });
    let mut slow = begin_all(house.address())?;
    let deadline = Instant::now() + SOON + SOON;
    while slow.iter().any(|client| client.cut_after.is_none()) && Instant::now() < deadline {
        for client in &mut slow {
            client.drip();
        }
        std::thread::sleep(DRIP);
    }
    let flows = honest.go_on(200, SOON) && fresh.go_on(50, SOON);
    let (honest, fresh) = (honest.stop(), fresh.stop());
    assert!(flows, "traffic flows when they are gone");
    assert!(honest.get_failures.is_empty(), "{:#?}", honest.get_failures);
    assert!(fresh.get_failures.is_empty(), "{:#?}", fresh.get_failures);
    assert_eq!(honest.posts_with(200), honest.posts.len(), "{:?}", honest.posts);
    for client in &slow {
        client.judge();
    }
    let metrics = house.metrics()?;
    let reason = |reason| metrics.sum("evenkeel_requests_by_reason_total", &[("reason", reason)]) as usize;
    assert_eq!(reason("header-timeout"), SLOW_HEADERS);
    assert_eq!(reason("request-timeout"), SLOW_BODIES + SLOW_READERS);
    house.wait_until_quiet()
}

#[test]
fn a_client_that_never_says_a_word_is_ended_by_the_idle_timeout() -> Outcome {
    let house = House::start(&["b0"], "timeouts = { idle = \"1s\" }", "")?;
    let begun = Instant::now();
    let mut silent = house.connect()?;
    let mut kept = house.connect()?;
    assert_eq!(crate::house::ask(&mut kept, "/")?.status, 200);
    assert!(silent.read_to_end(SOON) && kept.read_to_end(SOON));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!(
        silent.received().is_empty() && kept.received().is_empty(),
        "there is nothing to answer"
    );
    Ok(())
}

#[test]
fn a_client_of_http_2_that_asks_nothing_is_told_to_go_and_nobody_else_waits() -> Outcome {
    let house = House::start(&["b0"], "timeouts = { idle = \"1s\" }", "")?;
    house.wait_until_usable()?;
    let mut silent = house.connect()?;
    // The preface, and settings that say nothing (RFC 9113 3.4).
    silent.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")?;
    assert!(silent.read_to_end(SOON), "it is ended");
    let mut rest = silent.received();
    let mut kinds = Vec::new();
    while let Some((head, _)) = rest.split_first_chunk::<9>() {
        let [_, high, low, kind, ..] = *head;
        kinds.push(kind);
        rest = &rest[9 + usize::from(u16::from_be_bytes([high, low]))..];
    }
    assert!(kinds.contains(&7), "no GOAWAY in {kinds:?}");
    assert_eq!(house.get("/")?.status, 200);
    Ok(())
}

/// How long the balancer is watched while it has nothing to do but wait.
const WATCHED: Duration = Duration::from_secs(2);
/// CPU time that is no busy loop: a loop on one of its threads would take most of [`WATCHED`].
const CALM: Duration = Duration::from_millis(500);

#[test]
fn waiting_costs_no_cpu_time() -> Outcome {
    let _alone = alone();
    let house = House::start(&["b0"], "", "")?;
    house.wait_until_usable()?;
    let upgrade = "GET /chat HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    let big = format!("GET /big?bytes={BIG} HTTP/1.1\r\nhost: test\r\n\r\n");
    // What each client sends, and whether it then ends its sending.
    let situations: [(&str, bool); 8] = [
        ("", false),
        ("GET / HTTP/1.1\r\nhost", false),
        ("GET /hang HTTP/1.1\r\nhost: test\r\n\r\n", false),
        ("GET /hang HTTP/1.1\r\nhost: test\r\n\r\n", true),
        (
            "POST /sink HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\n1234",
            false,
        ),
        ("GET /stall HTTP/1.1\r\nhost: test\r\n\r\n", true),
        (&big, false),
        (upgrade, false),
    ];
    let mut clients = Vec::new();
    for (bytes, ends) in situations.iter().cycle().take(10 * situations.len()) {
        let mut client = house.connect()?;
        client.send(bytes.as_bytes())?;
        if *ends {
            client.close_write()?;
        }
        clients.push(client);
    }
    // Hang twice, sink, stall, big and chat, ten of each.
    house.wait_for_backend("b0", |backend| backend["in_flight"] == 60)?;
    // What moves on its own moves until buffers are full: from then on nothing happens.
    let pid = house.balancer.pid();
    crate::house::wait_for(|| {
        let before = cpu_time(pid)?;
        std::thread::sleep(DRIP);
        Ok(cpu_time(pid)? == before)
    })?;
    let busy = cpu_time(pid)?;
    std::thread::sleep(WATCHED);
    let busy = cpu_time(pid)?.saturating_sub(busy);
    assert!(busy < CALM, "{busy:?} of CPU time within {WATCHED:?} of waiting");
    drop(clients);
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Header,
    Body,
    Reader,
}

#[derive(Debug)]
struct Slow {
    kind: Kind,
    stream: TcpStream,
    begun: Instant,
    /// The first bytes of its answer.
    received: Vec<u8>,
    /// Bytes of its answer.
    count: usize,
    cut_after: Option<Duration>,
}

fn begin_all(address: SocketAddr) -> std::io::Result<Vec<Slow>> {
    let kinds = [
        (Kind::Header, SLOW_HEADERS),
        (Kind::Body, SLOW_BODIES),
        (Kind::Reader, SLOW_READERS),
    ];
    let all = kinds
        .into_iter()
        .flat_map(|(kind, count)| std::iter::repeat_n(kind, count));
    all.map(|kind| Slow::begin(kind, address)).collect()
}

impl Slow {
    fn begin(kind: Kind, address: SocketAddr) -> std::io::Result<Self> {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        if kind == Kind::Reader {
            // The least that the kernel gives.
            socket.set_recv_buffer_size(1)?;
        }
        socket.connect(&address.into())?;
        let mut stream: TcpStream = socket.into();
        stream.set_nodelay(true)?;
        let begun = Instant::now();
        let beginning = match kind {
            Kind::Header => "GET / HTTP/1.1\r\nhost: test\r\nx-slow: ".to_owned(),
            Kind::Body => "POST /sink HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\n".to_owned(),
            Kind::Reader => format!("GET /big?bytes={BIG} HTTP/1.1\r\nhost: test\r\n\r\n"),
        };
        stream.write_all(beginning.as_bytes())?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            kind,
            stream,
            begun,
            received: Vec::new(),
            count: 0,
            cut_after: None,
        })
    }

    /// One byte more, in its direction.
    fn drip(&mut self) {
        if self.cut_after.is_some() {
            return;
        }
        let mut buffer = [0; 512];
        let room = match self.kind {
            Kind::Header | Kind::Body => &mut buffer[..],
            Kind::Reader => &mut buffer[..1],
        };
        // What a reset leaves in our buffer can still be read: its error is asked for first.
        let broken = !matches!(self.stream.take_error(), Ok(None));
        match self.stream.read(room) {
            _ if broken => self.cut(),
            Ok(0) => self.cut(),
            Ok(count) => {
                self.count += count;
                self.received.extend_from_slice(&room[..count]);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.cut(),
        }
        match self.kind {
            // A write that fails shows as an end when it is read next.
            Kind::Header | Kind::Body => drop(self.stream.write(b"z")),
            Kind::Reader => {}
        }
    }

    fn cut(&mut self) {
        self.cut_after = Some(self.begun.elapsed());
    }

    fn judge(&self) {
        let Some(after) = self.cut_after else {
            panic!("never cut: {self:?}");
        };
        let answer = String::from_utf8_lossy(&self.received);
        match self.kind {
            Kind::Header => assert!(
                after >= HEADER && answer.starts_with("HTTP/1.1 408 "),
                "{self:?} {answer}"
            ),
            Kind::Body => assert!(
                after >= REQUEST && answer.starts_with("HTTP/1.1 408 "),
                "{self:?} {answer}"
            ),
            Kind::Reader => assert!(after >= REQUEST && self.count < BIG, "{self:?}"),
        }
    }
}
