//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::ValueExt as _;

use crate::failure::Failure;
use crate::load::schedule::Arrivals;
use crate::load::{self, Mode};
use crate::origin::answers;
use crate::response::Expected;
use crate::{origin, relay, run};

pub(crate) const USAGE: &str = "\
usage: evenkeel-bench COMMAND [OPTION ...]

run      measure Evenkeel, HAProxy, nginx and a bare relay in turn and print a table
  --scenario NAME         only this one (again: these); see below
  --rounds N              rounds over all products (3)
  --quick                 one short round: does it work, and roughly how fast?
  --seconds S             length of each measurement of CPU
  --evenkeel PATH         (target/release/evenkeel)
  --haproxy PATH          (haproxy)
  --nginx PATH            (nginx)
  --product NAME          only this one (again: these): evenkeel, haproxy, nginx, relay
  --nginx-balance TEXT    what nginx balances the uneven pool by (least_conn)
  --balancer-core N       (0)   --load-core N   (1)
  --priority              run everything before all else on the machine (root)
  --json FILE             write every single measurement there
origin   answer /128 /16k /1m /chunked16k /health, swallow POST bodies, work on /work
  --listen ADDRESS        (127.0.0.1:0); again: one backend each
  --uneven                ten backends with service times: two slow ones, one that stalls
  --seed N                of the service times
load     ask, check and measure
  --to ADDRESS            (required)
  --path PATH             (/128)
  --upload BYTES          POST a body
  --connections N         (64)
  --tls FILE              speak TLS with who shows the certificate in this file
  --streams N             HTTP/2, N requests at a time on each connection, made by h2load
  --per-request           a new connection for each request
  --rate N                open loop, N requests/s    --poisson   with random intervals
  --idle                  one request on each connection, then silence; needs --watch
  --warmup S (1)   --seconds S (3)   --requests N
  --watch PID             measure the CPU time (or memory) of this process and its children
  --companion PID         count this process as busy on the load's core
  --seed N   --json
relay    carry bytes and look at none
  --listen ADDRESS (127.0.0.1:0)   --to ADDRESS (required; again: in turn)
  --buffer BYTES (32768)   --tls FILE (speak TLS with clients; certificate and key)

scenarios: keepalive-64 keepalive-1024 body-16k chunked-16k body-1m upload-1m connection-per-request idle-memory
  latency-5000 latency-15000 uneven-600 uneven-1100 uneven-1400 tls-keepalive-64 tls-body-16k tls-body-1m tls-handshake
  tls-no-tickets tls-idle-memory h2-tls h2-clear files-16k; `uneven`, `latency`, `tls`, `h2` and `files` mean all of theirs;
  all but chunked-16k run when none is named";

/// Connections the load opens when not told.
const CONNECTIONS: usize = 64;

/// What the process is to be.
pub(crate) enum Command {
    Usage,
    Origin(origin::Options),
    Load { options: load::Options, json: bool },
    Relay(relay::Options),
    Run(run::Options),
}

pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, Failure> {
    use lexopt::Arg;
    match parser.next()? {
        None | Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Usage),
        Some(Arg::Value(command)) => match command.to_str() {
            Some("origin") => parse_origin(parser).map(Command::Origin),
            Some("load") => parse_load(parser),
            Some("relay") => parse_relay(parser).map(Command::Relay),
            Some("run") => parse_run(parser).map(Command::Run),
            _ => Err(Failure::new(format!("no command {}", command.to_string_lossy()))),
        },
        Some(other) => Err(other.unexpected().into()),
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn parse_origin(mut parser: lexopt::Parser) -> Result<origin::Options, Failure> {
    use lexopt::Arg;
    let mut options = origin::Options {
        listen: Vec::new(),
        uneven: false,
        seed: 1,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("listen") => options.listen.push(parser.value()?.parse()?),
            Arg::Long("uneven") => options.uneven = true,
            Arg::Long("seed") => options.seed = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    if options.listen.is_empty() {
        options.listen.push(any_port());
    }
    Ok(options)
}

fn parse_relay(mut parser: lexopt::Parser) -> Result<relay::Options, Failure> {
    use lexopt::Arg;
    let mut options = relay::Options {
        listen: any_port(),
        to: Vec::new(),
        buffer: relay::BUFFER_BYTES,
        tls: None,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("listen") => options.listen = parser.value()?.parse()?,
            Arg::Long("to") => options.to.push(parser.value()?.parse()?),
            Arg::Long("buffer") => options.buffer = parser.value()?.parse()?,
            Arg::Long("tls") => options.tls = Some(parser.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

fn parse_load(mut parser: lexopt::Parser) -> Result<Command, Failure> {
    use lexopt::Arg;
    let mut to = None;
    let mut json = false;
    let mut rate = None;
    let mut arrivals = Arrivals::Even;
    let mut options = load::Options {
        to: any_port(),
        path: "/128".to_owned(),
        tls: None,
        upload: None,
        expected: Expected { status: 200, length: 0 },
        mode: Mode::Closed,
        connections: CONNECTIONS,
        warmup: Duration::from_secs(1),
        window: Duration::from_secs(3),
        requests: None,
        watch: None,
        companion: None,
        seed: 1,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("to") => to = Some(parser.value()?.parse()?),
            Arg::Long("path") => options.path = parser.value()?.string()?,
            Arg::Long("upload") => options.upload = Some(parser.value()?.parse()?),
            Arg::Long("connections") => options.connections = parser.value()?.parse()?,
            Arg::Long("tls") => options.tls = Some(parser.value()?.into()),
            Arg::Long("streams") => options.mode = Mode::Streams(parser.value()?.parse()?),
            Arg::Long("per-request") => options.mode = Mode::PerRequest,
            Arg::Long("idle") => options.mode = Mode::Idle,
            Arg::Long("rate") => rate = Some(parser.value()?.parse::<f64>()?),
            Arg::Long("poisson") => arrivals = Arrivals::Poisson,
            Arg::Long("warmup") => options.warmup = seconds(&mut parser)?,
            Arg::Long("seconds") => options.window = seconds(&mut parser)?,
            Arg::Long("requests") => options.requests = Some(parser.value()?.parse()?),
            Arg::Long("watch") => options.watch = Some(parser.value()?.parse()?),
            Arg::Long("companion") => options.companion = Some(parser.value()?.parse()?),
            Arg::Long("seed") => options.seed = parser.value()?.parse()?,
            Arg::Long("json") => json = true,
            other => return Err(other.unexpected().into()),
        }
    }
    options.to = to.ok_or_else(|| Failure::new("load: --to ADDRESS is missing"))?;
    if let Some(rate) = rate {
        if !(rate > 0.0 && rate <= 1e6) {
            return Err(Failure::new("load: --rate must be above 0 and at most 1000000"));
        }
        options.mode = Mode::Open { rate, arrivals };
    }
    let path = if options.upload.is_some() {
        "/upload"
    } else {
        options.path.as_str()
    };
    options.expected.length = answers::content_length(path)
        .ok_or_else(|| Failure::new(format!("load: the origin has no {}", options.path)))?;
    Ok(Command::Load { options, json })
}

fn seconds(parser: &mut lexopt::Parser) -> Result<Duration, Failure> {
    let seconds: f64 = parser.value()?.parse()?;
    Duration::try_from_secs_f64(seconds).map_err(|_| Failure::new("seconds must not be negative"))
}

fn parse_run(mut parser: lexopt::Parser) -> Result<run::Options, Failure> {
    use lexopt::Arg;
    let mut options = run::Options {
        scenarios: Vec::new(),
        only: Vec::new(),
        rounds: None,
        quick: false,
        window: None,
        evenkeel: PathBuf::from("target/release/evenkeel"),
        haproxy: PathBuf::from("haproxy"),
        nginx: PathBuf::from("nginx"),
        nginx_balance: "least_conn".to_owned(),
        balancer_core: 0,
        load_core: 1,
        priority: false,
        json: None,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("scenario") => {
                let name = parser.value()?.string()?;
                options.scenarios.extend(run::scenario::named(&name)?);
            }
            Arg::Long("product") => {
                let name = parser.value()?.string()?;
                options.only.push(run::Product::named(&name)?);
            }
            Arg::Long("rounds") => options.rounds = Some(parser.value()?.parse()?),
            Arg::Long("quick") => options.quick = true,
            Arg::Long("seconds") => options.window = Some(seconds(&mut parser)?),
            Arg::Long("evenkeel") => options.evenkeel = parser.value()?.into(),
            Arg::Long("haproxy") => options.haproxy = parser.value()?.into(),
            Arg::Long("nginx") => options.nginx = parser.value()?.into(),
            Arg::Long("nginx-balance") => options.nginx_balance = parser.value()?.string()?,
            Arg::Long("balancer-core") => options.balancer_core = parser.value()?.parse()?,
            Arg::Long("load-core") => options.load_core = parser.value()?.parse()?,
            Arg::Long("priority") => options.priority = true,
            Arg::Long("json") => options.json = Some(parser.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    if options.rounds == Some(0) {
        return Err(Failure::new("run: --rounds must be at least 1"));
    }
    Ok(options)
}
